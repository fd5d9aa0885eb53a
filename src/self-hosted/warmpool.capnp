# Warmpool on one machine, without Cloudflare. `./start` runs it; its variables are explained there.
#
# To run Workers of your own beside it, name these constants in a config of yours (README, "Self-hosted").
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [.warmpool, .database, .cache, .internet, .storage],
  sockets = [.http, .postgres, .mysql, .control],
);

# --socket-addr says where each listens.
const http :Workerd.Socket = (name = "http", http = (), service = "warmpool");
const postgres :Workerd.Socket = (name = "postgres", tcp = (), service = "warmpool");
const mysql :Workerd.Socket = (name = "mysql", tcp = (), service = "warmpool");
# For ./start alone, in a folder that only its user may enter.
const control :Workerd.Socket =
  (name = "control", http = (), service = (name = "warmpool", entrypoint = "Control"));

const warmpool :Workerd.Service = (name = "warmpool", worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "parser.wasm", wasm = embed "parser.wasm"),
  ],
  # As in wrangler.jsonc.
  compatibilityDate = "2026-10-20",
  durableObjectNamespaces = [
    # The pool is in an endpoint's memory, and there is room: it stays.
    (className = "Endpoint", uniqueKey = "warmpool-Endpoint", enableSql = true, preventEviction = true),
    (className = "Prober", uniqueKey = "warmpool-Prober", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "storage"),
  cacheApiOutbound = "cache",
  bindings = [
    (name = "ENDPOINT", durableObjectNamespace = "Endpoint"),
    (name = "PROBER", durableObjectNamespace = "Prober"),
    (name = "DB", wrapped = (
      moduleName = "cloudflare-internal:d1-api",
      innerBindings = [(name = "fetcher", service = "database")],
    )),
    (name = "CONFIG_KEY", fromEnvironment = "CONFIG_KEY"),
    (name = "ADMIN_TOKEN", fromEnvironment = "ADMIN_TOKEN"),
    # PEM; unset: no TLS on these listeners but where the socket itself has it (tls.capnp).
    (name = "TLS_CERTIFICATE", fromEnvironment = "TLS_CERTIFICATE"),
    (name = "TLS_KEY", fromEnvironment = "TLS_KEY"),
    # Port to protocol.
    (name = "LISTENERS", fromEnvironment = "LISTENERS"),
    # One machine is one place: nothing to measure, nothing to choose.
    (name = "PLACEMENT_ROUTES", text = "{}"),
  ],
));

const database :Workerd.Service = (name = "database", worker = (
  modules = [(name = "database.js", esModule = embed "database.js")],
  compatibilityDate = "2026-10-20",
  durableObjectNamespaces = [
    (className = "Database", uniqueKey = "warmpool-Database", enableSql = true, preventEviction = true),
  ],
  durableObjectStorage = (localDisk = "storage"),
  bindings = [
    (name = "DATABASE", durableObjectNamespace = "Database"),
    (name = "MIGRATIONS", json = embed "migrations.json"),
  ],
));

# Of the Cache API: replies that memory is too small for.
const cache :Workerd.Service = (name = "cache", worker = (
  modules = [(name = "cache.js", esModule = embed "cache.js")],
  compatibilityDate = "2026-10-20",
  bindings = [
    (name = "FILES", service = "storage"),
    (name = "CACHE_MB", fromEnvironment = "WARMPOOL_CACHE_MB"),
  ],
));

# Origins may be anywhere: on the internet, in a private network, on this machine.
const internet :Workerd.Service = (name = "internet", network = (
  allow = ["public", "private"],
  tlsOptions = (trustBrowserCas = true),
));

# --directory-path says where.
const storage :Workerd.Service = (name = "storage", disk = (writable = true));
