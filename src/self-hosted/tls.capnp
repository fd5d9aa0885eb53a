# As warmpool.capnp, with listeners for TLS. `./start` takes it where there is a certificate in tls/.
using Workerd = import "/workerd/workerd.capnp";
using Warmpool = import "warmpool.capnp";

const config :Workerd.Config = (
  services = [Warmpool.warmpool, Warmpool.database, Warmpool.cache, Warmpool.internet, Warmpool.storage],
  sockets = [Warmpool.http, Warmpool.postgres, Warmpool.mysql, Warmpool.control, .https, .postgresTls],
);

const https :Workerd.Socket =
  (name = "https", https = (options = (), tlsOptions = .tls), service = "warmpool");

# TLS from the first byte, by the runtime. What drivers begin in the stream (SSLRequest) is ours: src/edge/secure.ts.
const postgresTls :Workerd.Socket =
  (name = "postgres-tls", tcp = (tlsOptions = .tls), service = "warmpool");

const tls :Workerd.TlsOptions = (keypair = (
  privateKey = embed "tls/key.pem",
  certificateChain = embed "tls/certificate.pem",
));
