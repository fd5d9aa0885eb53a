/**
 * Which columns a driver believes a statement to have. One that does not ask for them each time reads rows by what
 * it heard once; where the table has changed since, PostgreSQL refuses to run the statement, and so must a cache.
 */

import { encodeText, join } from '../bytes/join.ts';
import { bytesOfLatin1, latin1 } from '../bytes/latin1.ts';
import type { CacheableRead } from '../caching.ts';
import { type EdgeStatement, markOf } from './edge-statements.ts';
import { type Exchange, lengthAt } from './exchange.ts';
import { Backend, Frontend, message } from './messages.ts';
import { readBound } from './read-key.ts';

/** Of a field in a RowDescription, behind its name: table, attribute, type, size, modifier, format. */
const FIELD_BYTES = 18;
const TYPE_AT = 6;
const MODIFIER_AT = 12;
/** Of an Execute, besides its portal: type, length, zero byte, Int32. */
const EXECUTE_BYTES = 10;
/** Descriptions that are awaited at once, and the texts that are kept for them. Nobody asks for so many. */
const AWAITED_MAX = 1_000;
const AWAITED_BYTES_MAX = 256 * 1024;

const SYNC = message(Frontend.Sync);

/** What PostgreSQL says, with its `routine`, by which drivers know that they should prepare anew. */
export const STALE_STATEMENT = message(
  Backend.ErrorResponse,
  encodeText('SERROR\0VERROR\0C0A000\0Mcached plan must not change result type\0RRevalidateCachedQuery\0\0'),
);

/** Of a RowDescription or NoData message: how many, and a mark of what must not change. Tables and formats may. */
export function columnsOf(message: Uint8Array): string {
  if (message[0] !== Backend.RowDescription) return '';
  const end = 1 + lengthAt(message, 1);
  const columns = new Uint8Array(end);
  let length = 0;
  const keep = (from: number, to: number): void => {
    for (let at = from; at < to; at += 1) columns[length++] = message[at] ?? 0;
  };
  for (let at = 7; at < end; ) {
    const nameEnd = message.indexOf(0, at) + 1;
    if (nameEnd === 0) break;
    keep(at, nameEnd);
    keep(nameEnd + TYPE_AT, nameEnd + TYPE_AT + 4);
    keep(nameEnd + MODIFIER_AT, nameEnd + MODIFIER_AT + 4);
    at = nameEnd + FIELD_BYTES;
  }
  return `${((message[5] ?? 0) << 8) | (message[6] ?? 0)} ${markOf(latin1(columns.subarray(0, length)))}`;
}

/**
 * The driver chose the formats by the columns that it believes there to be. An error about their number then says that
 * there are others, which PostgreSQL finds out before it looks at formats.
 */
export function hasFormatOfEachColumn(exchange: Exchange, statement: EdgeStatement | undefined): boolean {
  if (exchange.kind !== 'rows' || !statement?.columns) return false;
  return readBound(exchange.bound)?.resultFormats.length === Number.parseInt(statement.columns, 10);
}

/** Of an ErrorResponse. Its words are in the server's language, the routine is not. */
export function isOfFormats(error: Uint8Array): boolean {
  return latin1(error).includes('\0RPortalSetResultFormat\0');
}

/** Of a stored reply, which tells them first. */
export function columnsOfReply(body: Uint8Array, wants: CacheableRead['wants']): string {
  return columnsOf(wants === 'description' ? behindFirst(body) : body);
}

/** Without the first message. */
export function behindFirst(body: Uint8Array): Uint8Array {
  return body.subarray(1 + lengthAt(body, 1));
}

/** The driver hears of these columns. */
export function tellColumns(statement: EdgeStatement | undefined, message: Uint8Array): void {
  if (statement) statement.columns = columnsOf(message);
}

/** The columns are those that the driver has heard of, or it has heard of none. */
export function hasTheseColumns(statement: EdgeStatement | undefined, message: Uint8Array): boolean {
  return statement?.columns === undefined || statement.columns === columnsOf(message);
}

/** Descriptions of statements that have been asked for at the endpoint, in their order. */
export class AwaitedDescriptions {
  #awaited: (EdgeStatement | undefined)[] = [];
  /** Of their texts. */
  #bytes = 0;
  /** After an error, or where there are too many, it is not known which of them will come. */
  #isLost = false;

  ask(statement: EdgeStatement | undefined): void {
    if (!this.#isLost) {
      this.#awaited.push(statement);
      this.#bytes += bytesOf(statement);
      if (this.#awaited.length > AWAITED_MAX || this.#bytes > AWAITED_BYTES_MAX) this.lose();
    } else if (statement) statement.isUncertain = true;
  }

  /** Its ParameterDescription is here. */
  take(): EdgeStatement | undefined {
    const statement = this.#awaited.shift();
    this.#bytes -= bytesOf(statement);
    return statement;
  }

  lose(): void {
    for (const statement of this.#awaited) if (statement) statement.isUncertain = true;
    this.clear();
    this.#isLost = true;
  }

  /** Nothing is awaited any more. */
  clear(): void {
    this.#awaited = [];
    this.#bytes = 0;
    this.#isLost = false;
  }
}

function bytesOf(statement: EdgeStatement | undefined): number {
  return statement?.body.length ?? 0;
}

/**
 * What goes to the endpoint of a read, so that its reply fits every asker and frees the connection: its columns are
 * asked for, and Sync stands for Flush.
 */
export function wholeOf(asked: {
  exchange: Exchange;
  bytes: Uint8Array;
  endsWithFlush: boolean;
  wantsColumns: boolean;
}): Uint8Array {
  const { exchange, bytes, endsWithFlush, wantsColumns } = asked;
  if (endsWithFlush) return join([bytes.subarray(0, -SYNC.length), SYNC]);
  if (exchange.kind !== 'rows' || wantsColumns) return bytes;
  const portal = bytesOfLatin1(`P${exchange.portal}\0`);
  const execute = bytes.length - SYNC.length - EXECUTE_BYTES - exchange.portal.length;
  return join([bytes.subarray(0, execute), message(Frontend.Describe, portal), bytes.subarray(execute)]);
}
