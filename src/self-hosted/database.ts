/**
 * D1 on one machine: a Durable Object with SQLite behind the words that workerd's D1 binding speaks
 * (`cloudflare-internal:d1-api`, workerd 1.20261102.1). It applies the migrations that it lacks before it answers, and
 * keeps count of them as `wrangler d1 migrations apply` does.
 *
 * A Worker of its own, built by stripping the types: it imports nothing of ours.
 */
import { DurableObject } from 'cloudflare:workers';

interface Env {
  DATABASE: DurableObjectNamespace<Database>;
  MIGRATIONS: Migration[];
}

interface Migration {
  name: string;
  sql: string;
}

interface Statement {
  sql: string;
  /** A BLOB comes as an array of its bytes. */
  params?: (number | string | null | number[])[] | null;
}

const MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

/** Of the whole deployment. */
export default {
  fetch: (request, env) => env.DATABASE.getByName('main').fetch(request),
} satisfies ExportedHandler<Env>;

export class Database extends DurableObject<Env> {
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    for (const migration of this.#missing(env.MIGRATIONS)) this.#apply(migration);
  }

  /** One statement, or several that succeed or fail together. */
  override async fetch(request: Request): Promise<Response> {
    const asked = await request.json<Statement | Statement[]>();
    try {
      const answer = Array.isArray(asked)
        ? this.ctx.storage.transactionSync(() => asked.map((statement) => this.#run(statement)))
        : this.#run(asked);
      return Response.json(answer);
    } catch (cause) {
      const error = cause instanceof Error ? cause.message : String(cause);
      return Response.json({ success: false, error }, { status: 500 });
    }
  }

  #missing(migrations: Migration[]): Migration[] {
    this.#sql.exec(MIGRATIONS_TABLE);
    const applied = new Set([...this.#sql.exec('SELECT name FROM d1_migrations').raw()].flat());
    return migrations.filter(({ name }) => !applied.has(name));
  }

  #apply({ name, sql }: Migration): void {
    this.ctx.storage.transactionSync(() => {
      this.#sql.exec(sql);
      this.#sql.exec('INSERT INTO d1_migrations (name) VALUES (?)', name);
    });
  }

  #run({ sql, params }: Statement): unknown {
    const startedAt = Date.now();
    const changesBefore = this.#changes();
    const values = (params ?? []).map((value) => (Array.isArray(value) ? Uint8Array.from(value) : value));
    const cursor = this.#sql.exec(sql, ...values);
    const rows = [...cursor.raw()].map(withoutBuffers);
    const meta = {
      duration: Date.now() - startedAt,
      changes: this.#changes() - changesBefore,
      rows_read: cursor.rowsRead,
      rows_written: cursor.rowsWritten,
    };
    return { success: true, results: { columns: cursor.columnNames, rows }, meta };
  }

  /** Rows changed since the object was made. */
  #changes(): number {
    return this.#sql.exec<{ changes: number }>('SELECT total_changes() AS changes').one().changes;
  }
}

function withoutBuffers(row: SqlStorageValue[]): unknown[] {
  return row.map((value) => (value instanceof ArrayBuffer ? Array.from(new Uint8Array(value)) : value));
}
