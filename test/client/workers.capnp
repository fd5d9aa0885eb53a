# The consumer Worker twice, in one process with Warmpool: its bindings are native Hyperdrive ones, or service
# bindings. `front` reaches the second one's Durable Object before anything else of it has run.
using Workerd = import "/workerd/workerd.capnp";
using Warmpool = import "warmpool.capnp";

const config :Workerd.Config = (
  services = [
    Warmpool.warmpool, Warmpool.database, Warmpool.cache, Warmpool.internet, Warmpool.storage,
    (name = "native", worker = (
      modules = .modules,
      compatibilityDate = "2026-10-20",
      durableObjectNamespaces = [(className = "InObject", uniqueKey = "native-InObject")],
      durableObjectStorage = (inMemory = void),
      bindings = [
        (name = "POOLER", hyperdrive = (
          designator = .shop, database = "shop", user = "worker", password = "bound", scheme = "postgres",
        )),
        (name = "ORDERS", hyperdrive = (
          designator = .orders, database = "orders", user = "worker", password = "bound", scheme = "mysql",
        )),
        (name = "OBJECT", durableObjectNamespace = "InObject"),
      ],
    )),
    (name = "bound", worker = (
      modules = .modules,
      compatibilityDate = "2026-10-20",
      durableObjectNamespaces = [(className = "InObject", uniqueKey = "bound-InObject")],
      durableObjectStorage = (inMemory = void),
      bindings = [
        (name = "POOLER", service = .shop),
        (name = "ORDERS", service = .orders),
        (name = "OBJECT", durableObjectNamespace = "InObject"),
      ],
    )),
    (name = "front", worker = (
      modules = [(name = "front.js", esModule =
        "export default { fetch: (request, env) => env.OBJECT.getByName('two').fetch(request) };")],
      compatibilityDate = "2026-10-20",
      bindings = [(name = "OBJECT", durableObjectNamespace = (className = "InObject", serviceName = "bound"))],
    )),
  ],
  sockets = [
    Warmpool.http, Warmpool.postgres, Warmpool.mysql, Warmpool.control,
    (name = "native", address = "127.0.0.1:@NATIVE@", http = (), service = "native"),
    (name = "bound", address = "127.0.0.1:@BOUND@", http = (), service = "bound"),
    (name = "front", address = "127.0.0.1:@FRONT@", http = (), service = "front"),
  ],
);

const shop :Workerd.ServiceDesignator =
  (name = "warmpool", entrypoint = "Pooler", props = (json = "{\"config\":\"shop\"}"));
const orders :Workerd.ServiceDesignator =
  (name = "warmpool", entrypoint = "Pooler", props = (json = "{\"config\":\"orders\"}"));

const modules :List(Workerd.Worker.Module) =
  [(name = "worker.js", esModule = embed "consumer/consumer.js")];
