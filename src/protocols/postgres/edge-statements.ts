/**
 * What the edge knows of a driver's prepared statements: enough to make keys of them, and to tell the endpoint of
 * those that only the edge has acknowledged. A name that is not known here is no error: the endpoint knows.
 */
import { latin1 } from './latin1.ts';
import type { EdgeNote } from './link-notes.ts';

export interface EdgeStatement {
  /** Of the Parse message, all behind the name. */
  body: Uint8Array;
  text: string;
  /** What stands behind the text: Int16 count, Int32 each. One character a byte. */
  types: string;
  /** Of the settings under which it was parsed: literals were read by them. */
  settingsKey: string;
  /** As the driver was told them last; undefined: it was not. */
  columns?: string;
}

/** More are forgotten, oldest first, and then looked up by the endpoint alone. */
const KNOWN_MAX = 1_000;
/** What has been acknowledged here goes to the endpoint before it gets larger than a note may be. */
const UNTOLD_BYTES_MAX = 64 * 1024;

export class EdgeStatements {
  /** By name. Undefined: there may be such a statement. */
  readonly #known = new Map<string, EdgeStatement | undefined>();
  /** Sent to the endpoint and not yet answered; closed there and not yet answered. */
  readonly #sent = new Map<string, EdgeStatement>();
  readonly #closed = new Set<string>();
  readonly #untold = new Map<string, EdgeStatement>();
  #untoldBytes = 0;
  #isUnnamedDropped = false;

  get(name: string): EdgeStatement | undefined {
    return this.#known.get(name);
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
    if (this.#sent.size < KNOWN_MAX) this.#sent.set(name, statement);
  }

  /**
   * All that was sent has been answered; with an error somewhere nobody knows which of it exists. `settingsKey`: as
   * they are now; what was parsed while they changed may have been parsed under either.
   */
  answered({ hasFailed, settingsKey }: { hasFailed: boolean; settingsKey: string }): void {
    if (hasFailed) for (const name of this.#closed) this.#know(name, undefined);
    for (const [name, statement] of this.#sent) {
      const isSure = !hasFailed && statement.settingsKey === settingsKey;
      this.#know(name, isSure ? statement : undefined);
    }
    this.#sent.clear();
    this.#closed.clear();
  }

  /** The edge has answered a Parse itself. */
  acknowledge(name: string, statement: EdgeStatement): void {
    this.#know(name, statement);
    this.#told(name);
    this.#untoldBytes += bytesOf(name, statement);
    this.#untold.set(name, statement);
    if (name === '') this.#isUnnamedDropped = false;
  }

  /** The driver's Close goes to the endpoint, or what ends the unnamed statement. */
  forget(name: string): void {
    this.#known.delete(name);
    this.#sent.delete(name);
    this.#closed.add(name);
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
    this.#sent.clear();
    this.#closed.clear();
    this.#untold.clear();
    this.#untoldBytes = 0;
  }

  get mustTell(): boolean {
    return this.#untoldBytes > UNTOLD_BYTES_MAX;
  }

  /** What the endpoint must hear before anything else. */
  takeNote(): Pick<EdgeNote, 'define' | 'drop'> | undefined {
    if (this.#untold.size === 0 && !this.#isUnnamedDropped) return undefined;
    const define = [...this.#untold].map(([name, { body }]): [string, string] => [name, latin1(body)]);
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
    this.#known.delete(name);
    this.#known.set(name, statement);
    if (this.#known.size <= KNOWN_MAX) return;
    const [oldest = name] = this.#known.keys();
    this.#known.delete(oldest);
  }

  /** The endpoint knows it, or need not. */
  #told(name: string): void {
    const statement = this.#untold.get(name);
    if (!statement) return;
    this.#untold.delete(name);
    this.#untoldBytes -= bytesOf(name, statement);
  }
}

function bytesOf(name: string, { body }: EdgeStatement): number {
  return name.length + body.length;
}

/** `body`: of a Parse message that makes sense, all behind the name. It is copied. */
export function statementOf(body: Uint8Array, { settingsKey }: { settingsKey: string }): EdgeStatement {
  const all = latin1(body);
  const textEnd = all.indexOf('\0');
  return { body: body.slice(), text: all.slice(0, textEnd), types: all.slice(textEnd + 1), settingsKey };
}
