/** node-postgres and postgres.js behind one interface, telling what became of their queries. */
import { Client } from 'pg';
import postgres from 'postgres';
import { inlined, type Statement } from './tables.ts';

/** How a statement is sent. */
export type Manner = 'simple' | 'extended' | 'named';

export interface CacheDriver {
  readonly name: string;
  query(statement: Statement, manner: Manner): Promise<Record<string, unknown>[]>;
  /** The connection is gone; what comes next would be another session. */
  isOver(): boolean;
  /** What it was last told. */
  bookmark(): string;
  end(): Promise<void>;
}

export interface CacheDriverOptions {
  url: string;
  /** `0`: it comes from nowhere. */
  bookmark: string;
  /** What `warmpool.debug` says of each query. */
  heard: (notice: string) => void;
}

const BOOKMARK = 'warmpool.bookmark';

export async function openNodePostgres(options: CacheDriverOptions): Promise<CacheDriver> {
  const { url, heard } = options;
  let { bookmark } = options;
  let isOver = false;
  const client = new Client({
    connectionString: url,
    options: `-c warmpool.debug=on -c ${BOOKMARK}=${bookmark}`,
  });
  client.on('notice', ({ message }) => heard(message ?? ''));
  // Queries hear of it too.
  client.on('error', () => {
    isOver = true;
  });
  client.on('end', () => {
    isOver = true;
  });
  const told = ({
    parameterName,
    parameterValue,
  }: {
    parameterName: string;
    parameterValue: string;
  }): void => {
    if (parameterName === BOOKMARK) bookmark = parameterValue;
  };
  // Its types do not know what it is made of.
  (client as unknown as { connection: NodeJS.EventEmitter }).connection.on('parameterStatus', told);
  await client.connect();
  return {
    name: 'node-postgres',
    async query(statement, manner) {
      if (manner === 'simple') return (await client.query(inlined(statement))).rows;
      const { text, values } = statement;
      return (await client.query({ text, values, ...(manner === 'named' ? { name: nameOf(text) } : {}) }))
        .rows;
    },
    isOver: () => isOver,
    bookmark: () => bookmark,
    end: () => client.end(),
  };
}

/** PostgreSQL cuts names at 63 bytes, and the driver complains. */
const names = new Map<string, string>();

function nameOf(text: string): string {
  const name = names.get(text) ?? `named_${names.size}`;
  names.set(text, name);
  return name;
}

/** It connects anew by itself, which is a new session: then it is over. */
export async function openPostgresJs(options: CacheDriverOptions): Promise<CacheDriver> {
  const { url, heard } = options;
  let { bookmark } = options;
  let isOver = false;
  const sql = postgres(url, {
    max: 1,
    fetch_types: false,
    // Ends by itself after a while otherwise.
    max_lifetime: null,
    connection: { 'warmpool.debug': 'on', [BOOKMARK]: bookmark },
    onnotice: ({ message }) => heard(message ?? ''),
    onparameter: (name: string, value: string | number) => {
      if (name === BOOKMARK) bookmark = String(value);
    },
    onclose: () => {
      isOver = true;
    },
  });
  return {
    name: 'postgres.js',
    async query(statement, manner) {
      if (manner === 'simple') return sql.unsafe(inlined(statement)).simple();
      return sql.unsafe(statement.text, statement.values, { prepare: manner === 'named' });
    },
    isOver: () => isOver,
    bookmark: () => bookmark,
    end: () => sql.end({ timeout: 1 }),
  };
}
