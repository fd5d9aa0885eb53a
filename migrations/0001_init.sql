-- One row per config: an origin database with its credentials, its pool and its caching settings.
CREATE TABLE configs (
  -- 32 hexadecimal digits. Drivers may give it, or the name, as their database.
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL UNIQUE,
  -- Raised by each change. Who holds an older one reloads; a write that began on an older one is refused.
  version INTEGER NOT NULL,
  scheme TEXT NOT NULL,
  host TEXT NOT NULL,
  port INTEGER NOT NULL,
  database TEXT NOT NULL,
  user TEXT NOT NULL,
  -- AES-GCM under the secret CONFIG_KEY, bound to this row and column. Never leaves for an edge.
  password_sealed TEXT NOT NULL,
  connection_limit INTEGER NOT NULL,
  -- PoolSettings and Caching as JSON: read and written whole, never searched.
  pool TEXT NOT NULL,
  caching TEXT NOT NULL,
  -- NULL: the protocol's default.
  sslmode TEXT,
  -- The first 20 bits of the id. All that a cancel request says about its config; several may share one.
  cancel_route INTEGER NOT NULL,
  -- OriginFacts as JSON, so that an edge can answer a login without asking the origin.
  facts TEXT,
  -- RFC 3339, UTC.
  created_on TEXT NOT NULL,
  modified_on TEXT NOT NULL,
  restarted_on TEXT,
  -- Private networks and certificates. Always NULL until these are supported; here already, because a landed
  -- migration is never edited and rebuilding this table would copy every secret.
  access_client_id TEXT,
  access_client_secret_sealed TEXT,
  service_id TEXT,
  ca_certificate_id TEXT,
  mtls_certificate_id TEXT
);

CREATE INDEX configs_by_cancel_route ON configs (cancel_route);

-- The API lists in order of creation.
CREATE INDEX configs_by_creation ON configs (created_on, id);

-- What TCP drivers log in with: one token per user name of a config.
CREATE TABLE client_tokens (
  id TEXT PRIMARY KEY NOT NULL,
  config_id TEXT NOT NULL REFERENCES configs (id) ON DELETE CASCADE,
  user_name TEXT NOT NULL,
  -- Enough to check the token, not enough to use it. The token itself is stored nowhere.
  verifier TEXT NOT NULL,
  created_on TEXT NOT NULL,
  UNIQUE (config_id, user_name)
);
