/**
 * Which columns a driver believes a statement to have. One that does not ask for them each time reads rows by what
 * it heard once; where the table has changed since, PostgreSQL refuses to run the statement, and so must a cache.
 */
import type { EdgeStatement } from './edge-statements.ts';
import { lengthAt } from './exchange.ts';
import { latin1 } from './latin1.ts';
import { Backend, encodeText, message } from './messages.ts';

/** Of a field in a RowDescription, behind its name: table, attribute, type, size, modifier, format. */
const FIELD_BYTES = 18;
const TYPE_AT = 6;
const MODIFIER_AT = 12;

/** What PostgreSQL says, with its `routine`, by which drivers know that they should prepare anew. */
export const STALE_STATEMENT = message(
  Backend.ErrorResponse,
  encodeText('SERROR\0VERROR\0C0A000\0Mcached plan must not change result type\0RRevalidateCachedQuery\0\0'),
);

/** Of a RowDescription or NoData message: what must not change. Tables and formats may. */
export function columnsOf(message: Uint8Array): string {
  if (message[0] !== Backend.RowDescription) return '';
  let columns = '';
  for (let at = 7; at < 1 + lengthAt(message, 1); ) {
    const end = message.indexOf(0, at) + 1;
    const name = latin1(message.subarray(at, end));
    columns += `${name}${lengthAt(message, end + TYPE_AT)}.${lengthAt(message, end + MODIFIER_AT)}.`;
    at = end + FIELD_BYTES;
  }
  return columns;
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
  /** After an error it is not known which of them will come. */
  #isLost = false;

  ask(statement: EdgeStatement | undefined): void {
    if (!this.#isLost) this.#awaited.push(statement);
  }

  /** Its ParameterDescription is here. */
  take(): EdgeStatement | undefined {
    return this.#awaited.shift();
  }

  lose(): void {
    this.#awaited = [];
    this.#isLost = true;
  }

  /** Nothing is awaited any more. */
  clear(): void {
    this.#awaited = [];
    this.#isLost = false;
  }
}
