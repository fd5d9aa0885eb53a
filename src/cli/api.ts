/** Warmpool's REST API as the CLI uses it. The environment is wrangler's, so both always mean the same server. */
import * as v from 'valibot';

const Envelope = v.object({
  success: v.boolean(),
  result: v.optional(v.unknown()),
  errors: v.optional(v.array(v.object({ code: v.optional(v.number()), message: v.string() }))),
});
const Config = v.looseObject({
  id: v.string(),
  name: v.string(),
  origin: v.optional(
    // Host and port are those of a public origin alone.
    v.looseObject({
      scheme: v.optional(v.string()),
      host: v.optional(v.string()),
      port: v.optional(v.number()),
      user: v.optional(v.string()),
    }),
  ),
});
const Configs = v.array(Config);
const State = v.object({
  sessions: v.number(),
  pool: v.nullable(
    v.object({
      size: v.number(),
      idle: v.number(),
      opening: v.number(),
      waiting: v.number(),
      opened: v.number(),
    }),
  ),
  /** In force, defaults too. */
  caching: v.record(v.string(), v.unknown()),
  cache: v.nullable(
    v.object({ entries: v.number(), bytes: v.number(), statuses: v.record(v.string(), v.number()) }),
  ),
});
const Purged = v.object({ cache_epoch: v.number() });
const Why = v.object({
  status: v.string(),
  reason: v.optional(v.string()),
  reads: v.array(v.string()),
  writes: v.union([v.array(v.string()), v.literal('everything')]),
  key: v.object({ settings: v.record(v.string(), v.string()), text: v.string() }),
  max_age: v.optional(v.number()),
  stale_while_revalidate: v.optional(v.number()),
  tags: v.optional(v.array(v.string())),
});
const Check = v.object({
  reachable: v.boolean(),
  code: v.nullable(v.number()),
  message: v.nullable(v.string()),
});
const Tokens = v.array(v.object({ id: v.string(), user: v.string(), created_on: v.optional(v.string()) }));
const NewToken = v.object({ id: v.string(), user: v.string(), token: v.string() });
const AdminToken = v.object({
  id: v.string(),
  name: v.string(),
  scope: v.string(),
  last_four: v.string(),
  created_on: v.string(),
});
const AdminTokens = v.array(AdminToken);
const NewAdminToken = v.object({ ...AdminToken.entries, token: v.string() });

const CONFIGS = '/hyperdrive/configs';
const PER_PAGE = 1000;
const HTTP_CONFLICT = 409;

export type Config = v.InferOutput<typeof Config>;
export type Check = v.InferOutput<typeof Check>;
export type State = v.InferOutput<typeof State>;
export type Why = v.InferOutput<typeof Why>;
export type AdminToken = v.InferOutput<typeof AdminToken>;
export type NewAdminToken = v.InferOutput<typeof NewAdminToken>;
export type Token = v.InferOutput<typeof Tokens>[number];
export type NewToken = v.InferOutput<typeof NewToken>;

export interface NewConfig {
  name: string;
  origin: {
    scheme: string;
    host: string;
    port: number;
    database: string;
    user: string;
    password: string;
  };
  caching?: { disabled: boolean };
}

/** At least one of them. */
export interface Purge {
  everything?: true;
  tags?: string[];
  relations?: string[];
}

export interface ApiAccess {
  base: string;
  token: string;
  account: string;
}

export class ApiError extends Error {
  readonly status: number;

  constructor(message: string, options: { status: number }) {
    super(message);
    this.name = 'ApiError';
    this.status = options.status;
  }
}

/** Nothing listens there. */
export class NoAnswerError extends Error {}

export function apiFromEnv(env: NodeJS.ProcessEnv = process.env): Api {
  return new Api({
    base: env.CLOUDFLARE_API_BASE_URL ?? 'http://127.0.0.1:8787/client/v4',
    token: env.CLOUDFLARE_API_TOKEN ?? 'dev',
    account: env.CLOUDFLARE_ACCOUNT_ID ?? 'local',
  });
}

export class Api {
  readonly #access: ApiAccess;

  /** Where it is. */
  get base(): string {
    return this.#access.base;
  }

  constructor(access: ApiAccess) {
    this.#access = access;
  }

  async listConfigs(): Promise<Config[]> {
    return v.parse(Configs, await this.#request({ method: 'GET', path: `${CONFIGS}?per_page=${PER_PAGE}` }));
  }

  /** By name or id. */
  async findConfig(name: string): Promise<Config> {
    const configs = await this.listConfigs();
    // An id wins, as in a connection string.
    const byId = configs.find((candidate) => candidate.id === name);
    const config = byId ?? configs.find((candidate) => candidate.name === name);
    if (config !== undefined) return config;
    const known = configs.map((candidate) => candidate.name).join(', ') || 'none yet';
    throw new Error(
      `There is no config "${name}" (there are: ${known}). Make one with: ` +
        `npx wrangler hyperdrive create ${name} --connection-string=postgres://user:password@host:5432/database`,
    );
  }

  async findConfigId(name: string): Promise<string> {
    return (await this.findConfig(name)).id;
  }

  async stateOf(configId: string): Promise<State> {
    return v.parse(State, await this.#request({ method: 'GET', path: `${CONFIGS}/${configId}/state` }));
  }

  /** Has Warmpool log in to the origin. */
  async checkOrigin(configId: string): Promise<Check> {
    return v.parse(Check, await this.#request({ method: 'GET', path: `${CONFIGS}/${configId}/check` }));
  }

  async createConfig(config: NewConfig): Promise<Config> {
    return v.parse(Config, await this.#request({ method: 'POST', path: CONFIGS, body: config }));
  }

  async patchConfig(
    configId: string,
    body: { origin?: Partial<NewConfig['origin']>; require_tls?: boolean },
  ): Promise<void> {
    await this.#request({ method: 'PATCH', path: `${CONFIGS}/${configId}`, body });
  }

  async restart(configId: string): Promise<Config> {
    const request = { method: 'POST', path: `${CONFIGS}/${configId}/restart` };
    return v.parse(Config, await this.#request(request));
  }

  /** Returns the cache epoch that begins with it. */
  async purge(configId: string, body: Purge): Promise<v.InferOutput<typeof Purged>> {
    const request = { method: 'POST', path: `${CONFIGS}/${configId}/purge`, body };
    return v.parse(Purged, await this.#request(request));
  }

  async why(configId: string, body: { query: string; settings: Record<string, string> }): Promise<Why> {
    const request = { method: 'POST', path: `${CONFIGS}/${configId}/why`, body };
    return v.parse(Why, await this.#request(request));
  }

  async listAdminTokens(): Promise<AdminToken[]> {
    return v.parse(AdminTokens, await this.#request({ method: 'GET', path: '/tokens' }));
  }

  async createAdminToken(body: { name: string; scope: string }): Promise<NewAdminToken> {
    return v.parse(NewAdminToken, await this.#request({ method: 'POST', path: '/tokens', body }));
  }

  async deleteAdminToken(id: string): Promise<void> {
    await this.#request({ method: 'DELETE', path: `/tokens/${id}` });
  }

  async listTokens(configId: string): Promise<Token[]> {
    return v.parse(Tokens, await this.#request({ method: 'GET', path: `${CONFIGS}/${configId}/tokens` }));
  }

  async createToken(configId: string, user: string): Promise<NewToken> {
    const request = { method: 'POST', path: `${CONFIGS}/${configId}/tokens`, body: { user } };
    return v.parse(NewToken, await this.#request(request));
  }

  async deleteToken(configId: string, tokenId: string): Promise<void> {
    await this.#request({ method: 'DELETE', path: `${CONFIGS}/${configId}/tokens/${tokenId}` });
  }

  /** Takes as long as the measuring does, 20 s at most. */
  place(configId: string): Promise<unknown> {
    return this.#request({ method: 'POST', path: `${CONFIGS}/${configId}/place` });
  }

  /** A token is shown once; whoever asks again for the same user gets a new one and the old one ends. */
  async replaceToken(configId: string, user: string): Promise<NewToken> {
    try {
      return await this.createToken(configId, user);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== HTTP_CONFLICT) throw error;
    }
    for (const token of await this.listTokens(configId)) {
      if (token.user === user) await this.deleteToken(configId, token.id);
    }
    return this.createToken(configId, user);
  }

  async #request(request: { method: string; path: string; body?: unknown }): Promise<unknown> {
    const { base, token, account } = this.#access;
    const response = await this.#fetch(`${base}/accounts/${account}${request.path}`, {
      method: request.method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
    const text = await response.text();
    const envelope = v.safeParse(v.pipe(v.string(), v.parseJson(), Envelope), text);
    if (!envelope.success) {
      const start = text.slice(0, 200);
      throw new ApiError(`${base} is not Warmpool's API: it answered ${response.status} ${start}`, response);
    }
    if (envelope.output.success) return envelope.output.result;
    const message = envelope.output.errors?.map((error) => error.message).join(' ') || response.statusText;
    throw new ApiError(`Warmpool's API refused (${response.status}): ${message}`, response);
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, init);
    } catch (error) {
      throw new NoAnswerError(
        `No answer from Warmpool at ${this.#access.base}. Start it with "npm run dev", or say where it is in ` +
          'CLOUDFLARE_API_BASE_URL.',
        { cause: error },
      );
    }
  }
}
