/**
 * All SQL on configs and client tokens. Secrets pass through here sealed; nothing here can open them, and what
 * an edge asks for (`findLogin`, `findByCancelRoute`) does not even select them.
 */
import type { OriginFacts } from '../protocols/contract.ts';
import { cancelRouteOf } from './config.ts';
import {
  CONFIG_COLUMNS,
  type ConfigRow,
  columnsOf,
  configOf,
  type EndpointRow,
  factsOf,
  placeOf,
  placesOfJson,
  type StoredConfig,
} from './config-row.ts';
import { type Login, type LoginRow, loginOf } from './login.ts';
import { type EndpointPlace, placesOf } from './placement.ts';

/** For the endpoint alone. */
export interface SealedOrigin {
  config: StoredConfig;
  passwordSealed: string;
  /** Undefined: no service token opens its way. */
  accessSecretSealed?: string | undefined;
}

/** Where drivers of a config may be. */
export interface Whereabouts {
  configId: string;
  places: EndpointPlace[];
}

export interface ClientToken {
  id: string;
  configId: string;
  user: string;
  createdOn: string;
}

/** Configs that share 20 bits: with a million configs one expects a single neighbour. */
export const CANCEL_ROUTE_CONFIGS_MAX = 8;

export const CLIENT_TOKENS_MAX = 100;

export class ConfigStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Throws where the database is away or its migrations are missing. */
  async probe(): Promise<void> {
    await this.#db.prepare('SELECT id FROM configs LIMIT 1').first();
  }

  async insert({ config, ...sealed }: SealedOrigin): Promise<'inserted' | 'name taken'> {
    const columns = {
      id: config.id,
      ...columnsOf(config),
      ...secretColumnsOf(sealed),
      created_on: config.createdOn,
      cancel_route: cancelRouteOf(config.id),
      endpoint_hint: config.placement.endpoint.hint ?? null,
      endpoint_jurisdiction: config.placement.endpoint.jurisdiction ?? null,
    };
    const names = Object.keys(columns);
    const { meta } = await this.#db
      .prepare(
        `INSERT INTO configs (${names.join(', ')}) VALUES (${names.map((_, at) => `?${at + 1}`).join(', ')})
         ON CONFLICT (name) DO NOTHING`,
      )
      .bind(...Object.values(columns))
      .run();
    return meta.changes > 0 ? 'inserted' : 'name taken';
  }

  async get(id: string): Promise<StoredConfig | undefined> {
    const row = await this.#db
      .prepare(`SELECT ${CONFIG_COLUMNS} FROM configs WHERE id = ?1`)
      .bind(id)
      .first<ConfigRow>();
    return row === null ? undefined : configOf(row);
  }

  async isNameTaken(name: string): Promise<boolean> {
    const row = await this.#db.prepare('SELECT id FROM configs WHERE name = ?1').bind(name).first();
    return row !== null;
  }

  /** In order of creation. Pages count from 1. */
  async list({
    page,
    perPage,
  }: {
    page: number;
    perPage: number;
  }): Promise<{ configs: StoredConfig[]; totalCount: number }> {
    const [rows, count] = await Promise.all([
      this.#db
        .prepare(`SELECT ${CONFIG_COLUMNS} FROM configs ORDER BY created_on, id LIMIT ?1 OFFSET ?2`)
        .bind(perPage, (page - 1) * perPage)
        .all<ConfigRow>(),
      this.#db.prepare('SELECT count(*) AS total FROM configs').first<number>('total'),
    ]);
    return { configs: rows.results.map(configOf), totalCount: count ?? 0 };
  }

  /** Writes the config as version `config.version`, if the stored one is the version before. */
  async update({ config, ...sealed }: SealedOrigin): Promise<'updated' | 'name taken' | 'not current'> {
    const columns = { ...columnsOf(config), ...secretColumnsOf(sealed) };
    const changes = Object.keys(columns).map((name, at) => `${name} = ?${at + 3}`);
    const { meta } = await this.#db
      .prepare(`UPDATE OR IGNORE configs SET ${changes.join(', ')} WHERE id = ?1 AND version = ?2`)
      .bind(config.id, config.version - 1, ...Object.values(columns))
      .run();
    if (meta.changes > 0) return 'updated';
    const now = await this.get(config.id);
    return now?.version === config.version - 1 ? 'name taken' : 'not current';
  }

  /** The client tokens go with it. False: there was none. */
  async remove(id: string): Promise<boolean> {
    const { meta } = await this.#db.prepare('DELETE FROM configs WHERE id = ?1').bind(id).run();
    return meta.changes > 0;
  }

  async markRestarted({ id, restartedOn }: { id: string; restartedOn: string }): Promise<boolean> {
    const { meta } = await this.#db
      .prepare('UPDATE configs SET restarted_on = ?2 WHERE id = ?1')
      .bind(id, restartedOn)
      .run();
    return meta.changes > 0;
  }

  /** Returns the new one. Undefined: there is no such config. Not a new version: the pool goes on as it is. */
  async raiseCacheEpoch(id: string): Promise<number | undefined> {
    const epoch = await this.#db
      .prepare('UPDATE configs SET cache_epoch = cache_epoch + 1 WHERE id = ?1 RETURNING cache_epoch')
      .bind(id)
      .first<number>('cache_epoch');
    return epoch ?? undefined;
  }

  /** Facts of another version than the stored one are stale and not kept. */
  async saveFacts(seen: { id: string; version: number; facts: OriginFacts }): Promise<boolean> {
    const { meta } = await this.#db
      .prepare('UPDATE configs SET facts = ?3 WHERE id = ?1 AND version = ?2')
      .bind(seen.id, seen.version, JSON.stringify(seen.facts))
      .run();
    return meta.changes > 0;
  }

  async sealedOriginOf(id: string): Promise<SealedOrigin | undefined> {
    const row = await this.#db
      .prepare(
        `SELECT ${CONFIG_COLUMNS}, password_sealed, access_client_secret_sealed FROM configs WHERE id = ?1`,
      )
      .bind(id)
      .first<ConfigRow & SecretColumns>();
    if (row === null) return undefined;
    return {
      config: configOf(row),
      passwordSealed: row.password_sealed,
      accessSecretSealed: row.access_client_secret_sealed ?? undefined,
    };
  }

  /**
   * `database`: the id or the name of a config. An id wins, so that nobody shadows a config by a name. Who names none
   * reaches the one config for which there is such a user.
   */
  async findLogin({ database, user }: { database: string; user: string }): Promise<Login | undefined> {
    const row = await this.#db
      .prepare(
        `SELECT c.id, c.version, c.scheme, c.database, c.require_tls, c.cancel_route, c.facts, t.verifier, c.caching, c.cache_epoch,
           c.endpoint_generation, c.endpoint_hint, c.endpoint_jurisdiction
         FROM configs c LEFT JOIN client_tokens t ON t.config_id = c.id AND t.user_name = ?2
         WHERE c.id = ?1 OR c.name = ?1 OR (?1 = '' AND c.id =
           (SELECT config_id FROM client_tokens WHERE user_name = ?2 GROUP BY user_name HAVING count(*) = 1))
         ORDER BY c.id = ?1 DESC LIMIT 1`,
      )
      .bind(database, user)
      .first<LoginRow>();
    if (row === null) return undefined;
    return loginOf(row);
  }

  /** Where all configs of these schemes have the same: of one server, or of equal ones. */
  async findCommonFacts(schemes: readonly string[]): Promise<OriginFacts | undefined> {
    const { results } = await this.#db
      .prepare('SELECT DISTINCT facts FROM configs WHERE scheme IN (SELECT value FROM json_each(?1)) LIMIT 2')
      .bind(JSON.stringify(schemes))
      .all<{ facts: string | null }>();
    const [common, ...others] = results;
    return common && others.length === 0 ? factsOf(common.facts) : undefined;
  }

  async findByCancelRoute(cancelRoute: number): Promise<Whereabouts[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT id, endpoint_generation, endpoint_hint, endpoint_jurisdiction, endpoints_before
         FROM configs WHERE cancel_route = ?1 ORDER BY id LIMIT ?2`,
      )
      .bind(cancelRoute, CANCEL_ROUTE_CONFIGS_MAX)
      .all<EndpointRow & { id: string; endpoints_before: string | null }>();
    return results.map((row) => {
      const before = placesOfJson(row.endpoints_before);
      return { configId: row.id, places: placesOf({ endpoint: placeOf(row), before }) };
    });
  }

  async insertToken(
    token: ClientToken & { verifier: string },
  ): Promise<'inserted' | 'user taken' | 'too many'> {
    const { meta } = await this.#db
      .prepare(
        `INSERT INTO client_tokens (id, config_id, user_name, verifier, created_on)
         SELECT ?1, ?2, ?3, ?4, ?5
         WHERE (SELECT count(*) FROM client_tokens WHERE config_id = ?2) < ?6
         ON CONFLICT (config_id, user_name) DO NOTHING`,
      )
      .bind(token.id, token.configId, token.user, token.verifier, token.createdOn, CLIENT_TOKENS_MAX)
      .run();
    if (meta.changes > 0) return 'inserted';
    const tokens = await this.listTokens(token.configId);
    return tokens.some((other) => other.user === token.user) ? 'user taken' : 'too many';
  }

  async listTokens(configId: string): Promise<ClientToken[]> {
    const { results } = await this.#db
      .prepare(
        'SELECT id, user_name, created_on FROM client_tokens WHERE config_id = ?1 ORDER BY created_on, id',
      )
      .bind(configId)
      .all<{ id: string; user_name: string; created_on: string }>();
    return results.map((row) => ({ id: row.id, configId, user: row.user_name, createdOn: row.created_on }));
  }

  async removeToken({ configId, tokenId }: { configId: string; tokenId: string }): Promise<boolean> {
    const { meta } = await this.#db
      .prepare('DELETE FROM client_tokens WHERE config_id = ?1 AND id = ?2')
      .bind(configId, tokenId)
      .run();
    return meta.changes > 0;
  }
}

interface SecretColumns extends Record<string, string | null> {
  password_sealed: string;
  access_client_secret_sealed: string | null;
}

function secretColumnsOf(sealed: Omit<SealedOrigin, 'config'>): SecretColumns {
  return {
    password_sealed: sealed.passwordSealed,
    access_client_secret_sealed: sealed.accessSecretSealed ?? null,
  };
}
