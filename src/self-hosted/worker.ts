/** What a self-hosted Warmpool serves: the Worker of Cloudflare, and a way in for the script that stops it. */
import { WorkerEntrypoint } from 'cloudflare:workers';
import { beginToDrain, driversLeft } from '../edge/draining.ts';
import type { Env } from '../env.ts';

export { default, Endpoint, Pooler, Prober } from '../worker.ts';

const POLL_MS = 20;

/** Reached by a Unix socket that has no other use. */
export class Control extends WorkerEntrypoint<Env> {
  /** Drains, and answers when nobody is left or the time is over: with how many are. */
  override async fetch(request: Request): Promise<Response> {
    const until = Date.now() + 1000 * Number(new URL(request.url).searchParams.get('seconds'));
    beginToDrain();
    while (driversLeft() > 0 && Date.now() < until) await scheduler.wait(POLL_MS);
    return new Response(String(driversLeft()));
  }
}
