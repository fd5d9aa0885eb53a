/** All SQL on the audit log. It is bounded: the oldest rows go. */
export interface AuditEntry {
  id: number;
  happenedOn: string;
  /** Name of the admin token, or `bootstrap`. */
  actor: string;
  method: string;
  /** The path below the account. */
  resource: string;
  /** Names, never values. */
  fields: string[];
  configId: string | undefined;
}

export const AUDIT_ROWS_MAX = 10_000;

export class AuditStore {
  readonly #db: D1Database;
  readonly #rowsMax: number;

  constructor(db: D1Database, { rowsMax = AUDIT_ROWS_MAX }: { rowsMax?: number } = {}) {
    this.#db = db;
    this.#rowsMax = rowsMax;
  }

  async append(entry: Omit<AuditEntry, 'id'>): Promise<void> {
    await this.#db.batch([
      this.#db
        .prepare(
          `INSERT INTO audit_log (happened_on, actor, method, resource, fields, config_id)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6)`,
        )
        .bind(
          entry.happenedOn,
          entry.actor,
          entry.method,
          entry.resource,
          JSON.stringify(entry.fields),
          entry.configId ?? null,
        ),
      // Ids have no gaps: no row is ever deleted but the oldest.
      this.#db
        .prepare('DELETE FROM audit_log WHERE id <= (SELECT max(id) FROM audit_log) - ?1')
        .bind(this.#rowsMax),
    ]);
  }

  /** Newest first. Pages count from 1. */
  async list({
    page,
    perPage,
  }: {
    page: number;
    perPage: number;
  }): Promise<{ entries: AuditEntry[]; totalCount: number }> {
    const [rows, count] = await Promise.all([
      this.#db
        .prepare('SELECT * FROM audit_log ORDER BY id DESC LIMIT ?1 OFFSET ?2')
        .bind(perPage, (page - 1) * perPage)
        .all<AuditRow>(),
      this.#db.prepare('SELECT count(*) AS total FROM audit_log').first<number>('total'),
    ]);
    return { entries: rows.results.map(entryOf), totalCount: count ?? 0 };
  }
}

interface AuditRow {
  id: number;
  happened_on: string;
  actor: string;
  method: string;
  resource: string;
  fields: string;
  config_id: string | null;
}

function entryOf(row: AuditRow): AuditEntry {
  return {
    id: row.id,
    happenedOn: row.happened_on,
    actor: row.actor,
    method: row.method,
    resource: row.resource,
    fields: JSON.parse(row.fields),
    configId: row.config_id ?? undefined,
  };
}
