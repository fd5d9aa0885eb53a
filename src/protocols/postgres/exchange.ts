/**
 * What a driver says between two moments of quiet: an exchange. Found by headers; decoded where it may be a read
 * whose reply can come from a cache: a simple query, or Parse? Bind Describe? Execute Sync of one portal, or what
 * asks for a statement's description. Everything else is none of the cache's business.
 */
import { latin1 } from '../bytes/latin1.ts';
import { Frontend } from './messages.ts';

/** No cacheable exchange is larger: Hyperdrive calls it oversizedquery. */
export const EXCHANGE_BYTES_MAX = 64 * 1024;

export type Found =
  /** So many bytes must be there before it is worth another look. */
  | { found: 'nothing yet'; bytesNeeded: number }
  /** Too large, or begun by a message that no exchange of interest begins with. */
  | { found: 'something else' }
  /** Up to `end`; the type bytes of its messages in order. */
  | { found: 'exchange'; end: number; types: string };

/** Looks for the exchange that begins at `at`. */
export function findExchange(input: Uint8Array, at: number): Found {
  let types = '';
  let next = at;
  while (next - at <= EXCHANGE_BYTES_MAX) {
    if (input.length - next < 5) return { found: 'nothing yet', bytesNeeded: next - at + 5 };
    const end = next + 1 + lengthAt(input, next + 1);
    const type = input[next] ?? 0;
    if (!isOfExchange(type) || end < next + 5 || end - at > EXCHANGE_BYTES_MAX) break;
    if (end > input.length) return { found: 'nothing yet', bytesNeeded: end - at };
    types += String.fromCharCode(type);
    next = end;
    if (isEnd(type)) return { found: 'exchange', end, types };
  }
  return { found: 'something else' };
}

function isOfExchange(type: number): boolean {
  return (
    isEnd(type) ||
    type === Frontend.Parse ||
    type === Frontend.Bind ||
    type === Frontend.Describe ||
    type === Frontend.Execute ||
    type === Frontend.Close
  );
}

function isEnd(type: number): boolean {
  return type === Frontend.Query || type === Frontend.Sync || type === Frontend.Flush;
}

export interface ParsedName {
  name: string;
  /** Of the Parse message, all behind the name; a slice. */
  body: Uint8Array;
}

export type Exchange =
  | { kind: 'query'; text: string }
  | {
      kind: 'rows';
      parse: ParsedName | undefined;
      statement: string;
      portal: string;
      /** Of the Bind message, all behind its two names. */
      bound: Uint8Array;
      describes: boolean;
    }
  | { kind: 'description'; parse: ParsedName | undefined; statement: string; endsWithFlush: boolean };

/** Undefined: not of a form that a cache can answer. `bytes` is the exchange that was found. */
export function readExchange(bytes: Uint8Array, types: string): Exchange | undefined {
  const messages = bodiesOf(bytes);
  if (types === 'Q') {
    const [body = bytes] = messages;
    // A zero byte elsewhere is an error of the driver's.
    const textEnd = body.indexOf(0);
    return textEnd >= 0 && textEnd === body.length - 1
      ? { kind: 'query', text: latin1(body.subarray(0, textEnd)) }
      : undefined;
  }
  const hasParse = types.startsWith('P');
  const parse = hasParse ? readParse(messages.shift()) : undefined;
  if (hasParse && !parse) return undefined;
  const rest = hasParse ? types.slice(1) : types;
  if (rest === 'DS' || rest === 'DH') return readDescription(messages[0], parse, rest === 'DH');
  if (rest === 'BES' || rest === 'BDES') return readRows(messages, parse);
  return undefined;
}

/** Undefined: the origin will refuse it. */
export function readParse(body: Uint8Array | undefined): ParsedName | undefined {
  const nameEnd = body?.indexOf(0) ?? -1;
  const textEnd = body?.indexOf(0, nameEnd + 1) ?? -1;
  if (!body || nameEnd < 0 || textEnd < 0) return undefined;
  const types = ((body[textEnd + 1] ?? 0) << 8) | (body[textEnd + 2] ?? 0);
  if (body.length !== textEnd + 3 + 4 * types) return undefined;
  return { name: latin1(body.subarray(0, nameEnd)), body: body.subarray(nameEnd + 1) };
}

function readDescription(
  describe: Uint8Array | undefined,
  parse: ParsedName | undefined,
  endsWithFlush: boolean,
): Exchange | undefined {
  const statement = nameBehind('S', describe);
  if (statement === undefined || (parse && parse.name !== statement)) return undefined;
  return { kind: 'description', parse, statement, endsWithFlush };
}

function readRows(messages: Uint8Array[], parse: ParsedName | undefined): Exchange | undefined {
  const [bind, ...others] = messages;
  const execute = others.at(-2);
  const describe = others.length === 3 ? others[0] : undefined;
  const portalEnd = bind?.indexOf(0) ?? -1;
  const statementEnd = bind?.indexOf(0, portalEnd + 1) ?? -1;
  if (!bind || !execute || portalEnd < 0 || statementEnd < 0) return undefined;
  const portal = latin1(bind.subarray(0, portalEnd));
  const statement = latin1(bind.subarray(portalEnd + 1, statementEnd));
  const isOfPortal =
    portalOfExecute(execute) === portal && (!describe || nameBehind('P', describe) === portal);
  if (!isOfPortal || (parse && parse.name !== statement)) return undefined;
  return {
    kind: 'rows',
    parse,
    statement,
    portal,
    bound: bind.subarray(statementEnd + 1),
    describes: describe !== undefined,
  };
}

/** The portal, where all its rows are asked for. */
function portalOfExecute(body: Uint8Array): string | undefined {
  const end = body.indexOf(0);
  const hasAll = end >= 0 && body.length === end + 5 && lengthAt(body, end + 1) === 0;
  return hasAll ? latin1(body.subarray(0, end)) : undefined;
}

/** Of Describe: the name, where it is of this kind (`S` a statement, `P` a portal). */
function nameBehind(kind: 'S' | 'P', body: Uint8Array | undefined): string | undefined {
  if (!body || body.length < 2 || body[0] !== kind.charCodeAt(0) || body.at(-1) !== 0) return undefined;
  return latin1(body.subarray(1, -1));
}

function bodiesOf(bytes: Uint8Array): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + lengthAt(bytes, at + 1);
    bodies.push(bytes.subarray(at + 5, end));
    at = end;
  }
  return bodies;
}

/** An Int32, which is never negative where a length is right. */
export function lengthAt(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)) >>>
    0
  );
}
