/**
 * `warmpool/client`, for Workers that have no native `hyperdrive` binding: a service binding to Warmpool's entrypoint
 * `Pooler` becomes one to look at. Where the binding is native already nothing happens, so one source runs everywhere.
 *
 * The binding is replaced in the isolate's one `env`, which handlers, entrypoints, objects and
 * `import { env } from 'cloudflare:workers'` all share (seen on workerd 1.20261102.1).
 *
 * It is one file without imports of ours: it is read as it is by the bundler and the compiler of whoever uses it.
 */
import { exports } from 'cloudflare:workers';

/** Which database a binding leads to. Says port and scheme; what may be reached is decided by the binding alone. */
export type Scheme = 'postgres' | 'mysql';

/** What a handler sees under the binding's name. */
export type Pooler = Hyperdrive;

const PORTS: Record<Scheme, number> = { postgres: 5432, mysql: 3306 };

const EVENTS = ['fetch', 'connect', 'scheduled', 'queue', 'email', 'tail', 'tailStream', 'trace', 'test'];

/**
 * Wraps what a Worker exports: the default export, and each class (WorkerEntrypoint, DurableObject, WorkflowEntrypoint)
 * that uses the binding. `bindings`: their names, and what they lead to.
 */
export function withPooler<Exported extends object>(
  exported: Exported,
  bindings: Record<string, Scheme> = { POOLER: 'postgres' },
): Exported {
  const wrap = isClass(exported) ? wrapClass : wrapHandlers;
  return wrap(exported as never, bindings) as Exported;
}

type Context = ExecutionContext | DurableObjectState;
type Environment = Record<string, unknown>;
type Handlers = Record<string, unknown>;
// biome-ignore lint/suspicious/noExplicitAny: a class that extends a parameter must be typed so
type Class = new (...args: any[]) => object;

function isClass(exported: object): exported is Class {
  return typeof exported === 'function';
}

function wrapHandlers(handlers: Handlers, bindings: Record<string, Scheme>): Handlers {
  const wrapped: Handlers = Object.create(handlers);
  for (const event of EVENTS) {
    const handle = handlers[event];
    if (typeof handle !== 'function') continue;
    wrapped[event] = (input: unknown, env: Environment, ctx: ExecutionContext): unknown => {
      prepare({ bindings, env, ctx });
      return handle.call(handlers, input, env, ctx);
    };
  }
  wrapped['mapPoolers'] = (_: null, env: Environment, ctx: ExecutionContext): void =>
    prepare({ bindings, env, ctx });
  return wrapped;
}

function wrapClass(Base: Class, bindings: Record<string, Scheme>): Class {
  return class extends Base {
    constructor(ctx: Context, env: Environment) {
      prepare({ bindings, env, ctx });
      super(ctx, env);
    }

    /** The constructor has done it. */
    mapPoolers(): void {}
  };
}

function prepare(options: { bindings: Record<string, Scheme>; env: Environment; ctx: Context }): void {
  const { bindings, env, ctx } = options;
  const poolers = Object.entries(bindings).flatMap(([name, scheme]) => poolerOf(env, name, scheme) ?? []);
  // Once for an isolate would do; asking again costs a microsecond and relies on less.
  if ('mapVirtualHost' in ctx) for (const pooler of poolers) pooler.map(ctx);
  else if (poolers.some((pooler) => !pooler.isMapped)) ctx.blockConcurrencyWhile(() => mapElsewhere(poolers));
}

/** Undefined: a native Hyperdrive binding, which needs nothing. */
function poolerOf(env: Environment, name: string, scheme: Scheme): BoundPooler | undefined {
  const binding = env[name];
  if (binding instanceof BoundPooler) return binding;
  if (binding === undefined) throw new Error(`withPooler: there is no binding env.${name}.`);
  // Any name asked of a service binding is a method to call; of a Hyperdrive binding this one is text.
  const { connectionString } = binding as { connectionString: unknown };
  if (typeof connectionString === 'string') return undefined;
  const pooler = new BoundPooler({ name, scheme, service: binding as Fetcher });
  env[name] = pooler;
  return pooler;
}

/** A Durable Object cannot map by itself, but its isolate's default export can, and the hosts are the isolate's. */
async function mapElsewhere(poolers: BoundPooler[]): Promise<void> {
  const loopback = exports as unknown as { default: { mapPoolers(nothing: null): Promise<void> } };
  try {
    await loopback.default.mapPoolers(null);
  } catch (cause) {
    // Objects that do not use the binding work on; those that do hear of it.
    for (const pooler of poolers) pooler.cannotMap(cause);
  }
}

class BoundPooler implements Hyperdrive {
  readonly port: number;
  readonly database: string;
  readonly user = 'worker';
  /** Whoever holds the binding is let in: there is no secret. Some drivers ask for a password all the same. */
  readonly password = 'bound';
  readonly #service: Fetcher;
  readonly #scheme: Scheme;
  #host: string | undefined;
  #cause: unknown;

  /** The binding alone says which database it is: what name is given here changes nothing. */
  constructor({ name, scheme, service }: { name: string; scheme: Scheme; service: Fetcher }) {
    this.port = PORTS[scheme];
    this.database = name;
    this.#scheme = scheme;
    this.#service = service;
  }

  get isMapped(): boolean {
    return this.#host !== undefined;
  }

  map(ctx: ExecutionContext): void {
    this.#host = ctx.mapVirtualHost(this.#service, this.port).replace(/:\d+$/, '');
  }

  cannotMap(cause: unknown): void {
    this.#cause = cause;
  }

  /** Leads here in this Worker only: for `connect` of `cloudflare:sockets`, `node:net` and `node:tls`. */
  get host(): string {
    if (this.#host !== undefined) return this.#host;
    throw new Error(
      `env.${this.database} has no host here: a Durable Object has one once its constructor has returned, ` +
        'where the default export is wrapped by withPooler too. connect() works everywhere.',
      { cause: this.#cause },
    );
  }

  /** There is no address to be had: the name again, which connects as well. */
  get ip(): string {
    return this.host;
  }

  get connectionString(): string {
    const { user, password, host, port } = this;
    const options = this.#scheme === 'postgres' ? '?sslmode=disable' : '';
    const database = encodeURIComponent(this.database);
    return `${this.#scheme}://${user}:${password}@${host}:${port}/${database}${options}`;
  }

  connect(): Socket {
    return this.#service.connect(`pooler:${this.port}`);
  }
}
