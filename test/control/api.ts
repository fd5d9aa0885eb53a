/** The control app over a real database, with a stand-in for the Durable Object that tries origins. */
import { CertificateStore } from '../../src/config/certificate-store.ts';
import { ConfigSecrets } from '../../src/config/secrets.ts';
import type { ConfigStore } from '../../src/config/store.ts';
import { AdminTokenStore } from '../../src/control/admin-token-store.ts';
import { type ControlOptions, controlApp } from '../../src/control/app.ts';
import { AuditStore } from '../../src/control/audit-store.ts';
import type { ConfigChange, OriginToValidate, OriginValidation } from '../../src/control/configs.ts';
import type { EndpointState } from '../../src/control/state.ts';
import type { EndpointAddress, PurgeRequest, WhyAnswer } from '../../src/endpoint/link.ts';
import { testDatabase } from './database.ts';

export const ADMIN_TOKEN = 'the-admin-token';
export const ACCOUNT = '/client/v4/accounts/local';
export const CONFIGS = `${ACCOUNT}/hyperdrive/configs`;
export const PASSWORD = 'p@ss-of-the-origin';

export const POSTGRES = {
  name: 'postgres',
  schemes: ['postgres', 'postgresql'],
  defaultPort: 5432,
  makeVerifier: ({ token, salt }: { token: string; salt: Uint8Array }): string =>
    `verifier of ${token.length} and ${salt.length}`,
};

export const MYSQL = { ...POSTGRES, name: 'mysql', schemes: ['mysql'], defaultPort: 3306 };

/** As wrangler sends it (hyperdrive.md 2.3), with a password that tests can search for. */
export const CREATE_BODY = {
  name: 't1',
  origin: {
    host: 'db.example.com',
    port: 5432,
    scheme: 'postgres',
    database: 'mydb',
    user: 'u',
    password: PASSWORD,
  },
};

export interface Reply {
  status: number;
  text: string;
  json: Envelope;
}

export interface Envelope {
  success: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into results of many shapes
  result: any;
  errors: { code: number; message: string }[];
  messages: unknown[];
  result_info?: { page: number; per_page: number; count: number; total_count: number; total_pages: number };
}

export class Api {
  /** What the stand-in for the origin answers. */
  validation: OriginValidation = { ok: true, facts: { serverVersion: '18.4', parameters: {} } };
  /** Runs while an origin is tried. */
  duringValidation: (() => Promise<unknown>) | undefined;
  /** What the stand-in for the endpoint tells of itself. */
  state: EndpointState = { sessions: 0, pool: undefined, cache: undefined };
  /** Relations that the stand-in for the endpoint of a generation does not know. */
  unknownRelations = (_generation: number): string[] => [];
  /** Generations of the endpoint whose origin does not answer. */
  away: number[] = [];
  /** What the stand-in for the endpoint judges. */
  answer: WhyAnswer = { status: 'miss', reads: [], writes: [], key: { settings: {}, text: '' } };
  readonly purged: { address: EndpointAddress; request: PurgeRequest }[] = [];
  readonly asked: { address: EndpointAddress; sql: string; settings: Record<string, string> }[] = [];
  readonly tried: OriginToValidate[] = [];
  readonly changes: [id: string, kind: ConfigChange['kind']][] = [];
  /** Configs for whose endpoints the best place was to be found. */
  readonly placed: string[] = [];
  readonly #app: ReturnType<typeof controlApp>;

  constructor(store: ConfigStore, changes: Partial<ControlOptions> = {}) {
    const db = testDatabase();
    this.#app = controlApp({
      store,
      certificates: new CertificateStore(db),
      adminTokens: new AdminTokenStore(db),
      auditLog: new AuditStore(db),
      stateOf: async () => this.state,
      purge: async (address, request) => {
        this.purged.push({ address, request });
        if (request.relations && this.away.includes(address.place.generation))
          return { unanswered: 'The origin is away.' };
        const unknown = this.unknownRelations(address.place.generation);
        return { unknownRelations: unknown.filter((name) => request.relations?.includes(name)) };
      },
      why: async (address, question) => {
        this.asked.push({ address, ...question });
        return this.away.includes(address.place.generation)
          ? { unanswered: 'The origin is away.' }
          : this.answer;
      },
      secrets: new ConfigSecrets(btoa('0123456789abcdef0123456789abcdef')),
      adminToken: ADMIN_TOKEN,
      protocols: [POSTGRES, MYSQL],
      validateOrigin: async (input) => {
        this.tried.push(input);
        await this.duringValidation?.();
        return this.validation;
      },
      place: async (id) => this.placed.push(id) > 0,
      placeLater: (id) => this.placed.push(id),
      configChanged: async ({ id, kind }) => {
        this.changes.push([id, kind]);
      },
      ...changes,
    });
  }

  /** As `GET /path`. */
  get routes(): string[] {
    return this.#app.routes
      .filter((route) => route.method !== 'ALL')
      .map((route) => `${route.method} ${route.path}`);
  }

  /** As wrangler calls: JSON as text/plain. A body that is a string or bytes is sent as it is. */
  async call(
    method: string,
    path: string,
    { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Reply> {
    const raw = typeof body === 'string' || body instanceof Uint8Array;
    const response = await this.#app.request(`http://warmpool${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${ADMIN_TOKEN}`,
        'Content-Type': 'text/plain;charset=UTF-8',
        ...headers,
      },
      ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, json: JSON.parse(text) };
  }

  async create(changes: Record<string, unknown> = {}): Promise<string> {
    const { status, json, text } = await this.call('POST', CONFIGS, { body: { ...CREATE_BODY, ...changes } });
    if (status !== 200) throw new Error(text);
    return json.result.id;
  }
}
