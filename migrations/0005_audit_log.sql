-- Every successful write of the API, newest last; old rows are deleted by the store.
CREATE TABLE audit_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- RFC 3339, UTC.
  happened_on TEXT NOT NULL,
  -- Name of the admin token; 'bootstrap' for the secret ADMIN_TOKEN.
  actor TEXT NOT NULL,
  method TEXT NOT NULL,
  -- The path below the account.
  resource TEXT NOT NULL,
  -- JSON: names of the fields that the request held, never their values.
  fields TEXT NOT NULL,
  -- NULL where no config was meant. No reference: the log outlives the config.
  config_id TEXT
);
