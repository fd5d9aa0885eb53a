-- Who may use the API besides the holder of the secret ADMIN_TOKEN.
CREATE TABLE admin_tokens (
  id TEXT PRIMARY KEY NOT NULL,
  -- Stands in the audit log, so no two tokens share one.
  name TEXT NOT NULL UNIQUE,
  -- 'admin', or 'read-only': nothing but GET.
  scope TEXT NOT NULL,
  -- SHA-256 in hexadecimal digits. A slow hash protects what people choose; these are 256 random bits.
  hash TEXT NOT NULL,
  -- So that its owner recognises it in a list; also how it is found.
  last_four TEXT NOT NULL,
  created_on TEXT NOT NULL
);

CREATE INDEX admin_tokens_by_last_four ON admin_tokens (last_four);
