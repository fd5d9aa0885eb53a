-- Where a config's endpoint is and what was measured for it. An endpoint cannot move: moving means a new one, of the
-- next generation.

-- What the owner fixed, as JSON: {"hint", "jurisdiction"}. NULL: nothing.
ALTER TABLE configs ADD COLUMN placement_pinned TEXT;

-- The last measurement, as JSON: when, which hint it led to, and per hint the times or the error.
ALTER TABLE configs ADD COLUMN placement_result TEXT;

ALTER TABLE configs ADD COLUMN endpoint_generation INTEGER NOT NULL DEFAULT 0;

-- NULL: near where the endpoint was first called from.
ALTER TABLE configs ADD COLUMN endpoint_hint TEXT;

-- The one in force, which for a moment may differ from the one that placement_pinned wishes.
ALTER TABLE configs ADD COLUMN endpoint_jurisdiction TEXT;

-- The endpoints before, newest first, as JSON: drivers may still be there, so cancels and news go there too.
ALTER TABLE configs ADD COLUMN endpoints_before TEXT;
