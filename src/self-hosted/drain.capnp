# The start script runs this to stop Warmpool.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    # --external-addr says which socket.
    (name = "control", external = (http = ())),
    (name = "drain", worker = (
      modules = [(name = "drain.js", esModule = embed "drain.js")],
      compatibilityDate = "2026-10-20",
      bindings = [
        (name = "CONTROL", service = "control"),
        (name = "SECONDS", fromEnvironment = "WARMPOOL_DRAIN_SECONDS"),
      ],
    )),
  ],
);
