/** Entrypoints only: what the runtime calls. Each hands over at once to the folder that knows. */
import { WorkerEntrypoint } from 'cloudflare:workers';
import { controlAppOf } from './control/serve.ts';
import { acceptBound, acceptDriver } from './edge/accept.ts';
import { forgetLogins } from './edge/directory.ts';
import { listenerOf } from './edge/listener.ts';
import type { Env } from './env.ts';

export { Endpoint } from './endpoint/endpoint.ts';
export { Prober } from './placement/prober.ts';

/** What a bound capability is for: one config. */
interface PoolerProps {
  config: string;
}

export default {
  async fetch(request, env, ctx) {
    const response = await controlAppOf(env).fetch(request, env, ctx);
    if (request.method !== 'GET') forgetLogins();
    return response;
  },

  async connect(socket, env) {
    const listener = await listenerOf(socket, env);
    if (listener) await acceptDriver(socket, { env, ...listener });
  },
} satisfies ExportedHandler<Env>;

/** `env.POOLER` of a consumer: reaches the config in its props, and no other. */
export class Pooler extends WorkerEntrypoint<Env, PoolerProps> {
  override async connect(socket: Socket): Promise<void> {
    // A binding that names no config reaches none.
    await acceptBound(socket, this.env, this.ctx.props?.config ?? '');
  }
}
