/**
 * Session settings that differ from a fresh login's: which ones a driver wants, which ones an origin connection
 * has, and the SQL that leads from the one to the other. Immutable; equal settings have equal keys.
 */

export class Settings {
  static readonly none = new Settings(new Map());

  readonly values: ReadonlyMap<string, string>;
  readonly key: string;
  /** The key of those that the meaning of a statement may depend on. */
  readonly parsingKey: string;

  private constructor(values: ReadonlyMap<string, string>) {
    this.values = values;
    this.key = keyOf(values);
    this.parsingKey = keyOf([...values].filter(([name]) => name !== 'application_name'));
  }

  static of(entries: Iterable<readonly [string, string]>): Settings {
    const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
    return sorted.length === 0 ? Settings.none : new Settings(new Map(sorted));
  }

  /** With these values instead; null takes a setting out. */
  with(changes: Iterable<readonly [string, string | null]>): Settings {
    const values = new Map(this.values);
    for (const [name, value] of changes) {
      if (value === null) values.delete(name);
      else values.set(name, value);
    }
    return Settings.of(values);
  }
}

function keyOf(values: Iterable<readonly [string, string]>): string {
  return [...values].map(([name, value]) => `${name}=${value}\0`).join('');
}

/** Who the session is decides what it may set: it is reset first and set last. */
const IDENTITY = ['session_authorization', 'role'];

/** Statements that lead from one set of settings to another; undefined where they are equal. */
export function transition(from: Settings, to: Settings): string | undefined {
  if (from.key === to.key) return undefined;
  const gone = [...from.values.keys()].filter((name) => !to.values.has(name));
  const changed = [...to.values].filter(([name, value]) => from.values.get(name) !== value);
  const isIdentityNew = isSensitive(from, to) && IDENTITY.some((name) => from.values.has(name));
  return [
    ...(isIdentityNew ? ['SET SESSION AUTHORIZATION DEFAULT', 'RESET ROLE'] : []),
    ...gone.filter((name) => !IDENTITY.includes(name)).map((name) => `RESET ${quotedName(name)}`),
    ...changed.filter(([name]) => !IDENTITY.includes(name)).map(setConfig),
    ...IDENTITY.flatMap((name) => {
      const value = to.values.get(name);
      const isNeeded = value !== undefined && (isIdentityNew || from.values.get(name) !== value);
      return isNeeded ? [setConfig([name, value])] : [];
    }),
  ].join(';');
}

/** What must be known to work before others may be sent behind it without waiting: see `Endpoint.accepted`. */
export function isSensitive(from: Settings, to: Settings): boolean {
  return IDENTITY.some((name) => from.values.get(name) !== to.values.get(name));
}

function setConfig([name, value]: readonly [string, string]): string {
  return `SELECT pg_catalog.set_config(${quotedString(name)},${quotedString(value)},false)`;
}

/** A string literal that means the same whatever standard_conforming_strings is. */
export function quotedString(text: string): string {
  const doubled = text.replaceAll("'", "''");
  return doubled.includes('\\') ? `E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`;
}

/** A name with dots, each part quoted. */
function quotedName(name: string): string {
  return name
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
}
