/** What the transport suite asks of the API: uploads, and configs that lead to one server. */
import { randomBytes } from 'node:crypto';
import { connectionString } from '../../src/cli/config.ts';
import type { Warmpool } from '../../src/cli/warmpool-server.ts';

export interface Answer {
  success: boolean;
  result: Record<string, unknown>;
  errors: { code: number; message: string }[];
}

/** Fields of a config, over those of a plain way to the server. */
export interface ConfigWishes {
  host?: string;
  mtls?: Record<string, unknown>;
  origin?: Record<string, unknown>;
}

/** As both kinds of server have it. */
export interface Database {
  port: number;
  user: string;
  password: string;
  database: string;
}

export class Api {
  readonly #warmpool: Warmpool;
  readonly #server: Database;
  readonly #protocol: 'postgres' | 'mysql';

  constructor(warmpool: Warmpool, server: Database, protocol: 'postgres' | 'mysql' = 'postgres') {
    this.#protocol = protocol;
    this.#warmpool = warmpool;
    this.#server = server;
  }

  async upload(body: Record<string, unknown>): Promise<string> {
    const { success, result, errors } = await this.post('/mtls_certificates', body);
    if (!success) throw new Error(JSON.stringify(errors));
    return String(result['id']);
  }

  create({ host = 'localhost', mtls = {}, origin }: ConfigWishes): Promise<Answer> {
    const { port, user, password, database } = this.#server;
    return this.post('/hyperdrive/configs', {
      name: `test_${randomBytes(6).toString('hex')}`,
      origin: {
        scheme: this.#protocol,
        database,
        user,
        password,
        ...(hasWay(origin) ? {} : { host, port }),
        ...origin,
      },
      mtls,
      caching: { disabled: true },
    });
  }

  /** Of a config that must work: with which drivers log in. */
  async createUrl(wishes: ConfigWishes): Promise<string> {
    const { success, result, errors } = await this.create(wishes);
    if (!success) throw new Error(JSON.stringify(errors));
    const { mysqlPort, postgresPort } = this.#warmpool;
    const tokens = await this.post(`/hyperdrive/configs/${result['id']}/tokens`, { user: 'app' });
    return connectionString({
      protocol: this.#protocol,
      user: 'app',
      token: String(tokens.result['token']),
      host: '127.0.0.1',
      port: this.#protocol === 'mysql' ? mysqlPort : postgresPort,
      config: String(result['name']),
    });
  }

  async post(path: string, body: unknown): Promise<Answer> {
    const { apiBase, adminToken } = this.#warmpool;
    const response = await fetch(`${apiBase}/accounts/local${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return response.json() as Promise<Answer>;
  }
}

function hasWay(origin: Record<string, unknown> | undefined): boolean {
  return origin?.['host'] !== undefined;
}
