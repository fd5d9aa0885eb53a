-- Uploaded certificates: authorities that an origin's certificate is checked with, and client certificates.
CREATE TABLE certificates (
  id TEXT PRIMARY KEY NOT NULL,
  -- NULL: none was given. `wrangler cert delete --name` needs it to be one certificate's alone.
  name TEXT UNIQUE,
  -- 1: certificate authorities. 0: a client certificate and the chain behind it.
  is_ca INTEGER NOT NULL,
  -- PEM, public.
  certificates TEXT NOT NULL,
  -- AES-GCM under the secret CONFIG_KEY, bound to this row and column. NULL for authorities.
  private_key_sealed TEXT,
  -- Of the first certificate, so that a list need not parse them.
  issuer TEXT NOT NULL,
  serial_number TEXT NOT NULL,
  -- RFC 3339, UTC.
  expires_on TEXT NOT NULL,
  uploaded_on TEXT NOT NULL
);
