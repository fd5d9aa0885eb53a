/**
 * What the edge knows of a driver's prepared statements: enough to make keys of them, and to tell the endpoint of
 * those that only the edge has acknowledged. A name that is not known here is no error: the endpoint knows.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { latin1 } from '../bytes/latin1.ts';
import type { EdgeNote } from './link-notes.ts';

/** What a Parse message says behind its name, one character a byte. Text and types are slices of the body. */
interface ParseBody {
  body: string;
  text: string;
  /** What stands behind the text: Int16 count, Int32 each. */
  types: string;
}

export interface EdgeStatement extends Readonly<ParseBody> {
  /** Of the settings under which it was parsed: literals were read by them. */
  settingsMark: string;
  /** As the driver was told them last; undefined: it was not. */
  columns?: string;
  /** It may have been told of columns that were not seen here. */
  isUncertain?: true;
}

/**
 * Of one driver's statements so much is kept; what was used longest ago is forgotten first, and then looked up by
 * the endpoint alone. As much again of what is under way.
 */
const KNOWN_BYTES_MAX = 256 * 1024;
/** What one costs besides its text: its marks (settings, columns), its objects. */
const OVERHEAD_BYTES = 384;
/**
 * What has been acknowledged here goes to the endpoint before it gets larger than a note may be: JSON makes six
 * bytes of one, and one statement more may come (EXCHANGE_BYTES_MAX).
 */
const UNTOLD_BYTES_MAX = 64 * 1024;
const MARK_LENGTH_MAX = 256;
/** What JSON puts around a definition. */
const DEFINITION_BYTES = 8;

/** Drivers of one application prepare the same statements: these are kept once. */
const shared = new LRUCache<string, ParseBody>({
  maxSize: 4 * 1024 * 1024,
  sizeCalculation: (_value, body) => body.length + OVERHEAD_BYTES,
});

type Definition = NonNullable<EdgeNote['define']>[number];

export class EdgeStatements {
  /** By name, what was used last at the end. Undefined: there may be such a statement. */
  readonly #known = new Map<string, EdgeStatement | undefined>();
  #knownBytes = 0;
  /** Sent to the endpoint and not yet answered; closed there and not yet answered. */
  readonly #sent = new Map<string, EdgeStatement>();
  readonly #closed = new Set<string>();
  /** Of both, with all that they held since they were empty. */
  #underWayBytes = 0;
  readonly #untold = new Map<string, EdgeStatement>();
  #untoldBytes = 0;
  #isUnnamedDropped = false;

  get(name: string): EdgeStatement | undefined {
    const statement = this.#known.get(name);
    if (!statement || statement.isUncertain) return undefined;
    this.#known.delete(name);
    this.#known.set(name, statement);
    return statement;
  }

  /** What the name means where all that was sent has come there. */
  latest(name: string): EdgeStatement | undefined {
    return this.#sent.get(name) ?? this.#known.get(name);
  }

  /** To parse it anew may be an error. */
  isTaken(name: string): boolean {
    return name !== '' && this.#known.has(name);
  }

  /** A Parse goes to the endpoint, which may refuse it. */
  sent(name: string, statement: EdgeStatement): void {
    if (name === '') this.forget(name);
    if (this.#hasRoomFor(name, statement)) this.#sent.set(name, statement);
    else this.#sent.delete(name);
  }

  /**
   * All that was sent has been answered; with an error somewhere nobody knows which of it exists. `settingsMark`: as
   * they are now; what was parsed while they changed may have been parsed under either.
   */
  answered({ hasFailed, settingsMark }: { hasFailed: boolean; settingsMark: string }): void {
    if (hasFailed) for (const name of this.#closed) this.#know(name, undefined);
    for (const [name, statement] of this.#sent) {
      const isSure = !hasFailed && statement.settingsMark === settingsMark;
      this.#know(name, isSure ? statement : undefined);
    }
    this.#settle();
  }

  /** The edge has answered a Parse itself. */
  acknowledge(name: string, statement: EdgeStatement): void {
    this.#know(name, statement);
    this.#told(name);
    this.#untoldBytes += definitionBytesOf(name, statement);
    this.#untold.set(name, statement);
    if (name === '') this.#isUnnamedDropped = false;
  }

  /** The driver's Close goes to the endpoint, or what ends the unnamed statement. */
  forget(name: string): void {
    this.#unknow(name);
    this.#sent.delete(name);
    if (!this.#closed.has(name) && this.#hasRoomFor(name, undefined)) this.#closed.add(name);
  }

  /** A simple query was answered here: it ends the unnamed statement, also the endpoint's. */
  dropUnnamed(): void {
    this.forget('');
    this.#told('');
    this.#isUnnamedDropped = true;
  }

  /** They were given up in SQL. What was parsed anew behind it under such a name the endpoint knows. */
  gone(names: readonly string[]): void {
    for (const name of names) {
      this.#sent.delete(name);
      this.#know(name, undefined);
    }
  }

  clear(): void {
    this.#known.clear();
    this.#knownBytes = 0;
    this.#settle();
    this.#untold.clear();
    this.#untoldBytes = 0;
  }

  get mustTell(): boolean {
    return this.#untoldBytes > UNTOLD_BYTES_MAX;
  }

  /** What the endpoint must hear before anything else. */
  takeNote(): Pick<EdgeNote, 'define' | 'drop'> | undefined {
    if (this.#untold.size === 0 && !this.#isUnnamedDropped) return undefined;
    const define = [...this.#untold].map(
      ([name, { body, columns }]): Definition =>
        columns === undefined ? [name, body] : [name, body, columns],
    );
    const note = {
      ...(this.#isUnnamedDropped ? { drop: [''] } : {}),
      ...(define.length > 0 ? { define } : {}),
    };
    this.#untold.clear();
    this.#untoldBytes = 0;
    this.#isUnnamedDropped = false;
    return note;
  }

  /** What is untold is kept apart: forgetting it here does no harm. */
  #know(name: string, statement: EdgeStatement | undefined): void {
    this.#unknow(name);
    this.#known.set(name, statement);
    this.#knownBytes += bytesOf(name, statement);
    for (const oldest of this.#known.keys()) {
      if (this.#knownBytes <= KNOWN_BYTES_MAX) break;
      this.#unknow(oldest);
    }
  }

  #unknow(name: string): void {
    if (!this.#known.has(name)) return;
    this.#knownBytes -= bytesOf(name, this.#known.get(name));
    this.#known.delete(name);
  }

  /** Nothing is under way any more. */
  #settle(): void {
    this.#sent.clear();
    this.#closed.clear();
    this.#underWayBytes = 0;
  }

  /** What finds none is not known when it has been answered, as if it had been forgotten. */
  #hasRoomFor(name: string, statement: EdgeStatement | undefined): boolean {
    const bytes = bytesOf(name, statement);
    if (this.#underWayBytes + bytes > KNOWN_BYTES_MAX) return false;
    this.#underWayBytes += bytes;
    return true;
  }

  /** The endpoint knows it, or need not. */
  #told(name: string): void {
    const statement = this.#untold.get(name);
    if (!statement) return;
    this.#untold.delete(name);
    this.#untoldBytes -= definitionBytesOf(name, statement);
  }
}

function bytesOf(name: string, statement: EdgeStatement | undefined): number {
  return OVERHEAD_BYTES + name.length + (statement?.body.length ?? 0);
}

function definitionBytesOf(name: string, { body, columns = '' }: EdgeStatement): number {
  return DEFINITION_BYTES + name.length + body.length + columns.length;
}

/** `body`: of a Parse message that makes sense, all behind the name. It is copied. */
export function statementOf(
  { name, body }: { name: string; body: Uint8Array },
  { settingsMark }: { settingsMark: string },
): EdgeStatement {
  // Unnamed ones are replaced soon: to share them costs more than it saves.
  const parseBody = name === '' ? split(latin1(body)) : sharedBody(latin1(body));
  return { ...parseBody, settingsMark };
}

function sharedBody(body: string): ParseBody {
  const known = shared.get(body);
  if (known) return known;
  const made = split(body);
  shared.set(body, made);
  return made;
}

function split(body: string): ParseBody {
  const textEnd = body.indexOf('\0');
  return { body, text: body.slice(0, textEnd), types: body.slice(textEnd + 1) };
}

/** Equal for equal texts only, and never long. It is compared, and nothing else. */
export function markOf(text: string): string {
  return text.length <= MARK_LENGTH_MAX ? text : createHash('sha256').update(text).digest('hex');
}
