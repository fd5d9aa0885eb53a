/**
 * The first packet of a driver, which has no type byte: a login, a request for encryption, or a cancel request.
 * Limits and messages are those of PostgreSQL (ProcessStartupPacket, src/backend/tcop/backend_startup.c).
 * https://www.postgresql.org/docs/18/protocol-message-formats.html
 */
import { PoolerError } from '../../errors.ts';
import { Reader } from '../bytes/reader.ts';
import { RequestCode } from './messages.ts';
import { readOptions } from './startup-options.ts';

/** Bounds of the length that a first packet states. */
export const STARTUP_BYTES_MIN = 8;
export const STARTUP_BYTES_MAX = 10_000;

export const STARTUP_LENGTH_INVALID = 'invalid length of startup packet';

/** Bound of the secret in a CancelRequest: 4 bytes in 3.0, up to 256 in 3.2. */
const CANCEL_SECRET_BYTES_MAX = 256;

const MAJOR_SUPPORTED = 3;
export const MINOR_NEWEST = 2;

export type FirstPacket =
  | { kind: 'SSLRequest' }
  | { kind: 'GSSENCRequest' }
  /** `key`: process id and secret, as BackendKeyData had them. */
  | { kind: 'CancelRequest'; processId: number; key: Uint8Array }
  | { kind: 'StartupMessage'; startup: Startup };

export interface Startup {
  /** Minor version that the driver asked for. */
  minor: number;
  user: string;
  database: string;
  /** Lower-case name to value. */
  settings: Record<string, string>;
  /** Names that begin with `_pq_.`: options of the protocol itself, none of which exists yet. */
  protocolOptions: string[];
}

/** Takes the packet behind its length. */
export function decodeFirstPacket(body: Uint8Array): FirstPacket {
  const reader = new Reader(body, 'driver');
  const code = reader.int32();
  switch (code) {
    case RequestCode.SSLRequest:
      return { kind: 'SSLRequest' };
    case RequestCode.GSSENCRequest:
      return { kind: 'GSSENCRequest' };
    case RequestCode.CancelRequest:
      return decodeCancelRequest(reader.rest());
    default:
      return { kind: 'StartupMessage', startup: decodeStartup(code, reader.rest()) };
  }
}

/** What a version or a request code that came too late is answered with. */
export function unsupportedVersion(code: number): PoolerError {
  const asked = `${code >>> 16}.${code & 0xffff}`;
  return refused(`unsupported frontend protocol ${asked}: server supports 3.0 to 3.${MINOR_NEWEST}`, '0A000');
}

/** It came in clear, behind a request for TLS. In PostgreSQL's words. */
export function unencryptedData(): PoolerError {
  return new PoolerError('received unencrypted data after SSL request', {
    fault: 'driver',
    sqlState: '08P01',
    fatal: true,
    hint: 'This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.',
  });
}

function decodeCancelRequest(key: Uint8Array): FirstPacket {
  const secretBytes = key.length - 4;
  if (secretBytes < 1 || secretBytes > CANCEL_SECRET_BYTES_MAX) {
    throw refused('invalid length of cancel request packet', '08P01');
  }
  return { kind: 'CancelRequest', processId: new Reader(key, 'driver').int32(), key: key.slice() };
}

function decodeStartup(version: number, body: Uint8Array): Startup {
  if (version >>> 16 !== MAJOR_SUPPORTED) throw unsupportedVersion(version);
  const { user, database, options, replication, settings, protocolOptions } = divide(readPairs(body));
  if (user === undefined || user === '') {
    throw refused('no PostgreSQL user name specified in startup packet', '28000');
  }
  refuseReplication(replication);
  return {
    minor: version & 0xffff,
    user,
    database: database || user,
    // As in PostgreSQL: what is named outright overrides what stands in `options`.
    settings: Object.fromEntries([...readOptions(options ?? ''), ...settings]),
    protocolOptions,
  };
}

/** Name, value, name, value, ..., and an empty name as the very last byte. */
function readPairs(body: Uint8Array): [name: string, value: string][] {
  refuseInvalidUtf8(body);
  const reader = new Reader(body, 'driver');
  const next = (): string => {
    if (reader.remaining === 0 || body.at(-1) !== 0) throw noTerminator();
    return reader.cString();
  };
  const pairs: [string, string][] = [];
  for (let name = next(); name !== ''; name = next()) pairs.push([name, next()]);
  if (reader.remaining > 0) throw noTerminator();
  return pairs;
}

function noTerminator(): PoolerError {
  return refused('invalid startup packet layout: expected terminator as last byte', '08P01');
}

interface Divided {
  user?: string;
  database?: string;
  options?: string;
  replication?: string;
  settings: [name: string, value: string][];
  protocolOptions: string[];
}

/** Of a name that stands twice the last value counts, as in PostgreSQL. */
function divide(pairs: readonly [name: string, value: string][]): Divided {
  const divided: Divided = { settings: [], protocolOptions: [] };
  for (const [name, value] of pairs) {
    if (name === 'user' || name === 'database' || name === 'options' || name === 'replication') {
      divided[name] = value;
    } else if (name.startsWith('_pq_.')) {
      divided.protocolOptions.push(name);
    } else {
      divided.settings.push([name.toLowerCase(), value]);
    }
  }
  return divided;
}

function refuseReplication(replication = 'false'): void {
  if (['false', 'off', 'no', '0'].includes(replication.toLowerCase())) return;
  throw refused(
    'replication connections are not supported',
    '0A000',
    'Connect to the database itself for it.',
  );
}

function refuseInvalidUtf8(bytes: Uint8Array): void {
  try {
    new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new PoolerError('invalid byte sequence for encoding "UTF8" in startup packet', {
      fault: 'driver',
      sqlState: '22021',
      fatal: true,
      cause,
    });
  }
}

function refused(text: string, sqlState: string, hint?: string): PoolerError {
  return new PoolerError(text, {
    fault: 'driver',
    sqlState,
    fatal: true,
    ...(hint === undefined ? {} : { hint }),
  });
}
