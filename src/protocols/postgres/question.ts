/** Questions of our own on an idle connection: a simple query, perhaps of many statements, read as text. */
import type { PoolerError } from '../../errors.ts';
import { join } from '../bytes/join.ts';
import type { OriginAnswer, OriginQuestion } from '../contract.ts';
import { decodeErrorFields, originError } from './errors.ts';
import { Backend, query } from './messages.ts';
import type { PostgresOrigin } from './origin-session.ts';

/** What an answer may have in all. Most have some kilobytes; a large catalog has its own bounds, and stays below. */
const ANSWER_BYTES_MAX = 48 * 1024 * 1024;

export class Question implements OriginQuestion {
  readonly request: Uint8Array;
  readonly #origin: PostgresOrigin;
  #bytes: Uint8Array = new Uint8Array();
  #total = 0;
  readonly #results: (string | null)[][][] = [];
  readonly #news: Uint8Array[] = [];
  #error: PoolerError | undefined;

  constructor(origin: PostgresOrigin, sql: string) {
    this.#origin = origin;
    this.request = query(sql);
    // As any simple query it ends the unnamed statement.
    origin.unnamed = undefined;
  }

  receive(bytes: Uint8Array): OriginAnswer | undefined {
    this.#total += bytes.length;
    if (this.#total > ANSWER_BYTES_MAX) throw new Error('the answer to a question of ours is too long');
    this.#bytes = join([this.#bytes, bytes]);
    const view = new DataView(this.#bytes.buffer);
    let at = 0;
    while (this.#bytes.length - at >= 5) {
      const end = at + 1 + view.getUint32(at + 1);
      if (end > this.#bytes.length) break;
      const body = this.#bytes.subarray(at + 5, end);
      if (this.#bytes[at] === Backend.ReadyForQuery) return this.#answer(body, this.#bytes.slice(end));
      // A notification is for the driver, whoever is talking when it comes.
      if (this.#bytes[at] === Backend.NotificationResponse) this.#news.push(this.#bytes.slice(at, end));
      this.#take(this.#bytes[at] ?? 0, body);
      at = end;
    }
    this.#bytes = this.#bytes.slice(at);
    return undefined;
  }

  #answer(readyForQuery: Uint8Array, rest: Uint8Array): OriginAnswer {
    return {
      rows: this.#results.length === 1 ? (this.#results[0] ?? []) : this.#results.flat(),
      results: this.#results,
      idle: readyForQuery[0] === 0x49,
      ...(this.#error ? { error: this.#error } : {}),
      ...(this.#news.length > 0 ? { news: join(this.#news) } : {}),
      ...(rest.length > 0 ? { rest } : {}),
    };
  }

  #take(type: number, body: Uint8Array): void {
    if (type === Backend.RowDescription) this.#results.push([]);
    else if (type === Backend.DataRow) this.#results.at(-1)?.push(decodeDataRow(body));
    else if (type === Backend.ErrorResponse) this.#error ??= originError(decodeErrorFields(body));
    else if (type === Backend.ParameterStatus) {
      const [name = '', value = ''] = new TextDecoder().decode(body).split('\0');
      this.#origin.report(name, value);
    }
  }
}

/** DataRow: Int16 columns, each Int32 length (-1: NULL) and that many bytes. */
function decodeDataRow(body: Uint8Array): (string | null)[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const row: (string | null)[] = [];
  let at = 2;
  for (let column = 0; column < view.getUint16(0); column += 1) {
    const length = view.getInt32(at);
    at += 4;
    row.push(length < 0 ? null : new TextDecoder().decode(body.subarray(at, at + length)));
    at += Math.max(0, length);
  }
  return row;
}
