-- Part of every key under which an edge stores a reply: what was stored under an older one is out of reach. Raised by
-- each purge, and not a new version of the config: its pool goes on as it is.
ALTER TABLE configs ADD COLUMN cache_epoch INTEGER NOT NULL DEFAULT 0;
