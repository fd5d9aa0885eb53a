/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677): what both roles share. `scram-server.ts` verifies drivers, `scram-client.ts`
 * logs in to origins.
 */
import { Buffer } from 'node:buffer';
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { type Fault, PoolerError } from '../../errors.ts';
import { saslPrep } from './saslprep.ts';

export const SCRAM_SHA_256 = 'SCRAM-SHA-256';

/** With channel binding: nobody between us and the origin can pass the login on. */
export const SCRAM_SHA_256_PLUS = 'SCRAM-SHA-256-PLUS';

/** No message of an honest peer comes near it (CVE-2026-6664: an unbounded nonce). */
export const SCRAM_MESSAGE_BYTES_MAX = 4096;

/** Random bytes in a nonce, as PostgreSQL takes. */
export const NONCE_BYTES = 18;

export const KEY_BYTES = 32;

/** PostgreSQL's default, `scram_iterations`. */
const ITERATIONS = 4096;

/** Also the length of the salts that `makeVerifier` is given, or a decoy could be told from a real one. */
const SALT_BYTES = 16;

export interface ScramVerifier {
  salt: Uint8Array;
  iterations: number;
  storedKey: Uint8Array;
  serverKey: Uint8Array;
}

/** In PostgreSQL's own format: `SCRAM-SHA-256$4096:<salt>$<StoredKey>:<ServerKey>`. Give it 16 bytes of salt. */
export function makeVerifier(options: { token: string; salt: Uint8Array }): string {
  const salted = saltedPassword({ password: options.token, salt: options.salt, iterations: ITERATIONS });
  const { storedKey, serverKey } = scramKeys(salted);
  const salt = base64(options.salt);
  return `${SCRAM_SHA_256}$${ITERATIONS}:${salt}$${base64(storedKey)}:${base64(serverKey)}`;
}

/** Undefined: not a verifier. */
export function decodeVerifier(text: string): ScramVerifier | undefined {
  const match = /^SCRAM-SHA-256\$([1-9]\d{0,6}):([^$]+)\$([^:]+):(.+)$/.exec(text);
  if (match === null) return undefined;
  const [salt, storedKey, serverKey] = match.slice(2).map(decodeBase64);
  if (salt === undefined || storedKey?.length !== KEY_BYTES || serverKey?.length !== KEY_BYTES)
    return undefined;
  return { iterations: Number(match[1]), salt, storedKey, serverKey };
}

/** What an unknown user is asked with: the same each time, and no proof fits it. */
export function decoyVerifier(options: { secret: Uint8Array; user: string }): ScramVerifier {
  const derive = (purpose: string): Uint8Array => hmac(options.secret, `${purpose}\0${options.user}`);
  return {
    iterations: ITERATIONS,
    salt: derive('salt').subarray(0, SALT_BYTES),
    storedKey: derive('StoredKey'),
    serverKey: derive('ServerKey'),
  };
}

/** Throws where the runtime refuses so many iterations. */
export function saltedPassword(options: {
  password: string;
  salt: Uint8Array;
  iterations: number;
}): Uint8Array {
  return pbkdf2Sync(saslPrep(options.password), options.salt, options.iterations, KEY_BYTES, 'sha256');
}

export function scramKeys(salted: Uint8Array): {
  clientKey: Uint8Array;
  storedKey: Uint8Array;
  serverKey: Uint8Array;
} {
  const clientKey = hmac(salted, 'Client Key');
  return { clientKey, storedKey: sha256(clientKey), serverKey: hmac(salted, 'Server Key') };
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

export function hmac(key: Uint8Array, text: string): Uint8Array {
  return createHmac('sha256', key).update(text).digest();
}

export function xor(left: Uint8Array, right: Uint8Array): Uint8Array {
  return left.map((byte, at) => byte ^ (right[at] ?? 0));
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

/** Undefined: not base64. Buffer itself overlooks what does not belong. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text);
  return isBase64 ? Buffer.from(text, 'base64') : undefined;
}

export function decodeScramMessage(bytes: Uint8Array, fault: Fault): string {
  if (bytes.length > SCRAM_MESSAGE_BYTES_MAX) throw malformedScram('it is too long', fault);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformedScram('it is not UTF-8', fault);
  }
}

/**
 * The values of attributes that must stand first and in this order. What follows them must look like attributes
 * and is not looked at: RFC 5802 leaves room for extensions.
 */
export function readAttributes(text: string, names: readonly string[], fault: Fault): string[] {
  const attributes = text.split(',');
  if (attributes[0]?.startsWith('m=')) {
    throw scramError('the SCRAM message requires an extension that is not supported', fault, '0A000');
  }
  if (!attributes.every((attribute) => /^[A-Za-z]=/.test(attribute))) {
    throw malformedScram('attribute expected', fault);
  }
  return names.map((name, at) => {
    const attribute = attributes[at];
    if (!attribute?.startsWith(`${name}=`)) throw malformedScram(`attribute "${name}" expected`, fault);
    return attribute.slice(2);
  });
}

/** Cut from bytes that are random already; throws where they are too few. */
export function makeNonce(random: Uint8Array): string {
  if (random.length < NONCE_BYTES) throw new Error('too few random bytes');
  return base64(random.subarray(0, NONCE_BYTES));
}

/** A nonce is printable ASCII without a comma. */
export function isNonce(text: string): boolean {
  return /^[\x21-\x2b\x2d-\x7e]+$/.test(text);
}

export function malformedScram(reason: string, fault: Fault): PoolerError {
  return scramError(`malformed SCRAM message: ${reason}`, fault, '08P01');
}

function scramError(text: string, fault: Fault, sqlState: string): PoolerError {
  return new PoolerError(text, {
    fault,
    sqlState,
    fatal: true,
    ...(fault === 'origin' ? { apiCode: 2015 } : {}),
  });
}
