-- Drivers that come to a listener without TLS are refused.
ALTER TABLE configs ADD COLUMN require_tls INTEGER NOT NULL DEFAULT 0;
