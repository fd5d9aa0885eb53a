/** All SQL on admin tokens. The token itself is stored nowhere, its SHA-256 is. */
export type AdminScope = 'admin' | 'read-only';

export interface AdminToken {
  id: string;
  name: string;
  scope: AdminScope;
  lastFour: string;
  createdOn: string;
}

export const ADMIN_TOKENS_MAX = 100;

export class AdminTokenStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async isEmpty(): Promise<boolean> {
    return (await this.#db.prepare('SELECT id FROM admin_tokens LIMIT 1').first()) === null;
  }

  /** Few share four characters. Which of them it is, the caller decides in constant time. */
  async findByLastFour(lastFour: string): Promise<(AdminToken & { hash: string })[]> {
    const { results } = await this.#db
      .prepare('SELECT * FROM admin_tokens WHERE last_four = ?1 LIMIT ?2')
      .bind(lastFour, ADMIN_TOKENS_MAX)
      .all<AdminTokenRow>();
    return results.map((row) => ({ ...tokenOf(row), hash: row.hash }));
  }

  async insert(token: AdminToken & { hash: string }): Promise<'inserted' | 'name taken' | 'too many'> {
    const { meta } = await this.#db
      .prepare(
        `INSERT INTO admin_tokens (id, name, scope, hash, last_four, created_on)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE (SELECT count(*) FROM admin_tokens) < ?7
         ON CONFLICT (name) DO NOTHING`,
      )
      .bind(token.id, token.name, token.scope, token.hash, token.lastFour, token.createdOn, ADMIN_TOKENS_MAX)
      .run();
    if (meta.changes > 0) return 'inserted';
    const isTaken = (await this.list()).some((other) => other.name === token.name);
    return isTaken ? 'name taken' : 'too many';
  }

  async list(): Promise<AdminToken[]> {
    const { results } = await this.#db
      .prepare('SELECT * FROM admin_tokens ORDER BY created_on, id')
      .all<AdminTokenRow>();
    return results.map(tokenOf);
  }

  async remove(id: string): Promise<boolean> {
    const { meta } = await this.#db.prepare('DELETE FROM admin_tokens WHERE id = ?1').bind(id).run();
    return meta.changes > 0;
  }
}

interface AdminTokenRow {
  id: string;
  name: string;
  scope: string;
  hash: string;
  last_four: string;
  created_on: string;
}

function tokenOf(row: AdminTokenRow): AdminToken {
  return {
    id: row.id,
    name: row.name,
    // Whatever is not known to be more may only read.
    scope: row.scope === 'admin' ? 'admin' : 'read-only',
    lastFour: row.last_four,
    createdOn: row.created_on,
  };
}
