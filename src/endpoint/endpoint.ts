/**
 * The endpoint of one config: a Durable Object near the origin. It owns the pool and the sessions of all drivers
 * whose queries were not answered at the edge.
 */
import { DurableObject } from 'cloudflare:workers';
import type { StoredConfig } from '../config/config-row.ts';
import { ConfigStore } from '../config/store.ts';
import type { Env } from '../env.ts';
import { PoolerError } from '../errors.ts';
import type { EndpointSide, OriginFacts } from '../protocols/contract.ts';
import { protocolNamed } from '../protocols/registry.ts';
import { ByteSource } from '../transport/byte-source.ts';
import type { Transport } from '../transport/byte-stream.ts';
import { ANSWER_MS } from './clean-up.ts';
import { reserveMoments } from './clock.ts';
import { ConfigCache } from './config-cache.ts';
import { deliver } from './dial.ts';
import { EarlierEndpoints, type EarlierState } from './earlier.ts';
import type { SessionHost } from './lease.ts';
import {
  type CacheStats,
  candidateOf,
  type LinkOpening,
  type OriginCandidate,
  type PurgeRequest,
  type PurgeResult,
  type Refusal,
  readOpening,
  type Unanswered,
  unanswered,
  type ValidationResult,
  type WhyAnswer,
} from './link.ts';
import { loadConfig } from './load-config.ts';
import { openConnection, STATEMENTS_MAX } from './open-connection.ts';
import type { OriginConnection } from './origin-connection.ts';
import { ownName } from './own-name.ts';
import { OwnQuestions } from './own-questions.ts';
import { Pool, type PoolStats } from './pool.ts';
import { DriverSession } from './session.ts';
import { Sessions } from './sessions.ts';
import { transportTo } from './transport-to.ts';
import { validateOrigin } from './validate.ts';

const SWEEP_MS = 1_000;
/** How long an endpoint that new drivers have left keeps unused connections for those that stay. */
const LEFT_IDLE_MS = 5_000;

type OpenOptions = { origin: OriginCandidate; transport: Transport; side: EndpointSide; dialect: string };

interface Served {
  config: StoredConfig;
  side: EndpointSide;
  pool: Pool;
  cache: ConfigCache;
  /** The endpoint of a later generation takes the new drivers. */
  isLeft: boolean;
}

export class Endpoint extends DurableObject<Env> {
  readonly #sessions = new Sessions();
  readonly #questions = new OwnQuestions((version) => this.#serve(version));
  /** Outlives a reload: drivers that stay go on with the statement names that they know. */
  #side: EndpointSide | undefined;
  /** Outlives a reload too: no write may go unseen. */
  #cache: ConfigCache | undefined;
  readonly #earlier = new EarlierEndpoints({
    env: this.env,
    name: this.ctx.id.name ?? '',
    countUnwatched: (change) => this.#cache?.countUnwatched(change),
  });
  /** Where the config led when it was last loaded, as JSON. */
  #origin: string | undefined;
  /** Pools that were replaced and still have connections in use. */
  #drained: Pool[] = [];
  /** The facts that were last stored, as JSON. */
  #factsStored = '';
  #serving: Promise<Served> | undefined;
  #served: Served | undefined;
  #sweeper: ReturnType<typeof setTimeout> | undefined;

  /** A link from an edge. */
  override async connect(link: Socket): Promise<void> {
    const source = new ByteSource(link.readable);
    const introduction = await readOpening(source);
    if (!introduction) return;
    const { opening, first } = introduction;
    try {
      const served = await this.#serve(opening.configVersion);
      if (served.isLeft && !served.config.caching.disabled) await this.#earlier.report(served.config);
      // An edge that does not look at reads says nothing of them; what its driver writes is seen all the same.
      const isUnwatched = served.config.caching.disabled && !opening.caching;
      const hooks = isUnwatched ? undefined : served.cache.hooksFor(opening.caching?.knownUpTo);
      const reach = { caching: hooks, peers: this.#sessions };
      const conversation = served.side.openConversation(opening.driver, reach);
      const options = { conversation, host: this.#hostFor(served), link, source };
      const session = new DriverSession({ ...options, cache: hooks });
      this.#sessions.add(opening.driver.cancelKey, session);
      this.#sweepLater();
      if (isUnwatched) served.cache.countUnwatched(1);
      try {
        await session.run(first);
      } finally {
        this.#sessions.delete(opening.driver.cancelKey, session);
        if (isUnwatched) served.cache.countUnwatched(-1);
      }
    } catch (cause) {
      const words = protocolNamed(opening.protocol)?.farewell(PoolerError.from(cause));
      await sayGoodbye(link, words);
    } finally {
      if (this.#served?.isLeft && this.#sessions.size === 0) await this.reload();
    }
  }

  /** As a later endpoint wants to know it: new drivers must not come here without its knowledge. */
  async staying(): Promise<EarlierState> {
    const isLeft = await this.#earlier.isLeftByNow();
    if (isLeft && !this.#served?.isLeft) await this.reload();
    return { isLeft, drivers: this.#sessions.size };
  }

  /** A driver comes to an earlier endpoint. */
  async reportEarlier(): Promise<void> {
    await this.#earlier.report((await this.#serve(0)).config);
  }

  /** Cancels what the driver with this key runs. Unknown keys are no error: the driver may just have left. */
  async cancel(key: string): Promise<void> {
    await this.#sessions.cancelled(key);
  }

  /** The edge of the driver with this key is about to end. */
  async endAtRest(key: string): Promise<void> {
    await this.#sessions.endAtRest(key);
  }

  /** What edges must know to answer logins. Opens a connection when none has been opened yet. */
  facts(configVersion: number): Promise<OriginFacts> {
    return this.#questions.facts(configVersion);
  }

  /** Has the origin take a driver's startup settings, so that a bad one fails the login and not a later query. */
  tryOpening(opening: LinkOpening): Promise<Refusal | undefined> {
    return this.#questions.tryOpening(opening);
  }

  /** Tries an origin before a config is made of it, or changed to it. Nothing is kept. */
  validate(candidate: OriginCandidate): Promise<ValidationResult> {
    return validateOrigin(candidate, this.env);
  }

  /** The config changed or was deleted, or its pool shall be rebuilt: nothing old is handed out any more. */
  async reload(): Promise<void> {
    const served = this.#served;
    this.#serving = undefined;
    this.#served = undefined;
    if (!served) return;
    this.#drained = [...this.#drained.filter((pool) => !pool.isEmpty), served.pool];
    served.pool.drain();
  }

  stats(): { sessions: number; pool: PoolStats | undefined; cache: CacheStats | undefined } {
    const { pool, cache, config } = this.#served ?? {};
    return {
      sessions: this.#sessions.size,
      pool: pool?.stats,
      cache: config?.caching.disabled ? undefined : cache?.stats,
    };
  }

  /** Makes cached replies unreachable, here and at edges with a link; the others go by the config's epoch. */
  async purge(request: PurgeRequest): Promise<PurgeResult | Unanswered> {
    const { cache } = await this.#serve(0);
    return cache.purge(request).catch(unanswered);
  }

  /** Says what would become of a query. `settings`: the session's, where they differ from a fresh login's. */
  async why(sql: string, settings: Record<string, string>): Promise<WhyAnswer | Unanswered> {
    const { cache } = await this.#serve(0);
    return cache.why(sql, settings).catch(unanswered);
  }

  /** An edge has answered so many queries by itself. */
  async countHits(times: number): Promise<void> {
    (await this.#serve(0)).cache.count('hit', times);
  }

  /** The config, at least as new as the edge knows it. */
  async #serve(version: number): Promise<Served> {
    if (this.#served && this.#served.config.version < version) await this.reload();
    for (;;) {
      if (this.#served) return this.#served;
      this.#serving ??= this.#load();
      const loading = this.#serving;
      try {
        const served = await loading;
        // Else the config was changed meanwhile, and what was loaded may be the old one.
        if (this.#serving === loading) this.#served = served;
      } finally {
        if (this.#serving === loading) this.#serving = undefined;
      }
    }
  }

  async #load(): Promise<Served> {
    const { configId: id, generation } = await ownName(this.ctx);
    const { config, protocol, secrets } = await loadConfig(this.env, id);
    const candidate = candidateOf(config, secrets);
    const transport = await transportTo(candidate, this.env);
    this.#factsStored = JSON.stringify(config.facts ?? null);
    this.#side ??= protocol.openEndpoint({ statementsMax: STATEMENTS_MAX });
    const side = this.#side;
    const origin = JSON.stringify(config.origin);
    const cache = this.#cache ?? (await this.#openCache(`${id}.${generation}`, side));
    this.#cache = cache;
    if (this.#origin !== undefined && this.#origin !== origin) {
      side.originChanged();
      cache.originChanged();
    }
    this.#origin = origin;
    const isLeft = this.#earlier.isLeft(config);
    // What drivers write at the later endpoint is not known here.
    cache.follow({ ...config.caching, disabled: config.caching.disabled || isLeft }, config.version);
    if (!isLeft && !config.caching.disabled) await this.#earlier.report(config);
    const pool: Pool = new Pool({
      open: (dialect) => this.#open(config, { origin: candidate, transport, side, dialect }),
      connectionLimit: config.connectionLimit,
      othersOpen: () => this.#othersOpen(pool),
      onClosed: () => this.#served?.pool.openMore(),
      ...config.pool,
      ...(isLeft ? { idleTimeoutMs: Math.min(LEFT_IDLE_MS, config.pool.idleTimeoutMs) } : {}),
    });
    return { config, side, pool, cache, isLeft };
  }

  async #openCache(name: string, side: EndpointSide): Promise<ConfigCache> {
    const startAt = await reserveMoments(this.ctx.storage);
    const cache = new ConfigCache({ name, side, startAt, ask: (texts) => this.#questions.ask(texts) });
    cache.onNews(() => this.#sessions.tellNews());
    return cache;
  }

  #othersOpen(pool: Pool): number {
    const others = this.#drained.filter((other) => other !== pool);
    return others.reduce((sum, { stats: { size, opening } }) => sum + size + opening, 0);
  }

  async #open(config: StoredConfig, how: OpenOptions): Promise<OriginConnection> {
    const closeAfter = Date.now() + config.pool.maxLifetimeMs * (1 - Math.random() / 10);
    const connection = await openConnection({ ...how, closeAfter });
    this.#sweepLater();
    this.#learn(config, connection.facts);
    return connection;
  }

  /** Edges answer logins from what is stored: it follows the origin, which may have been upgraded. */
  #learn({ id, version }: StoredConfig, facts: OriginFacts): void {
    const text = JSON.stringify(facts);
    if (text === this.#factsStored) return;
    this.#factsStored = text;
    this.ctx.waitUntil(new ConfigStore(this.env.DB).saveFacts({ id, version, facts }));
  }

  /** What a session needs of its endpoint, for as long as the driver stays, whatever becomes of the config. */
  #hostFor({ config, side }: Served): SessionHost {
    const current = (): Pool | undefined => this.#served?.pool;
    return {
      statementTimeoutMs: config.pool.statementTimeoutMs,
      idleInTransactionTimeoutMs: config.pool.idleInTransactionTimeoutMs,
      get pool(): Pool | undefined {
        return current();
      },
      loadPool: async () => (await this.#serve(0)).pool,
      cancel: (connection) =>
        deliver({
          transport: connection.transport,
          login: side.cancel(connection.session, connection.sameLogin()),
          timeoutMs: ANSWER_MS,
        }),
    };
  }

  /** A pending timer also keeps the object, and so its pool, in memory: compatibility date 2026-10-01 or later. */
  #sweepLater(): void {
    this.#sweeper ??= setTimeout(() => {
      this.#sweeper = undefined;
      const now = Date.now();
      this.#sessions.sweep(now);
      this.#served?.pool.sweep(now);
      if (this.#sessions.size > 0 || this.#served?.pool.isEmpty === false) this.#sweepLater();
    }, SWEEP_MS);
  }
}

async function sayGoodbye(link: Socket, words: Uint8Array | undefined): Promise<void> {
  const writer = link.writable.getWriter();
  if (words) await writer.write(words);
  await writer.close();
}
