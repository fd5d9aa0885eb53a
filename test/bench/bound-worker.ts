/** A way for any driver to a bound capability, which needs no password: what connects here is led to `env.POOLER`. */
interface Env {
  POOLER: Fetcher;
}

export default {
  async connect(socket, env) {
    const pooler = env.POOLER.connect('pooler:5432');
    const up = socket.readable.pipeTo(pooler.writable);
    const down = pooler.readable.pipeTo(socket.writable);
    // Whichever side leaves first ends the other.
    await Promise.allSettled([up, down]);
  },
} satisfies ExportedHandler<Env>;
