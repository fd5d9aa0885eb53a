/**
 * MariaDB's two plugins that prove a password by a signature: a server keeps a public key only.
 * https://mariadb.com/kb/en/authentication-plugin-ed25519/
 * https://mariadb.com/kb/en/authentication-plugin-parsec/
 */
import { createHash, pbkdf2Sync } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { PoolerError } from '../../errors.ts';
import { encodeText, join } from '../bytes/join.ts';

export const SIGNATURE_NONCE_BYTES = 32;

/** `P` of PBKDF2, which is all that there is. */
const KDF = 0x50;
const ITERATIONS_MIN = 1024;
/** 65,536 iterations; Cloudflare computes up to 100,000. */
const FACTOR_MAX = 6;
const SEED_BYTES = 32;

/**
 * As RFC 8032 signs, but the secret is the password itself, of any length: no library does that. (The plugin is
 * older than the RFC's rule that a secret has 32 bytes.)
 */
export function ed25519Response(password: string, nonce: Uint8Array): Uint8Array {
  if (password === '') return new Uint8Array();
  const expanded = sha512(encodeText(password));
  const { secret, prefix } = { secret: clamped(expanded.subarray(0, 32)), prefix: expanded.subarray(32) };
  const { Point } = ed25519;
  const scalar = Point.Fn.create(littleEndian(secret));
  const nonceScalar = Point.Fn.create(littleEndian(sha512(prefix, nonce)));
  const commitment = Point.BASE.multiply(nonceScalar).toBytes();
  const publicKey = Point.BASE.multiply(scalar).toBytes();
  const challenge = Point.Fn.create(littleEndian(sha512(commitment, publicKey, nonce)));
  return join([commitment, Point.Fn.toBytes(Point.Fn.add(nonceScalar, Point.Fn.mul(challenge, scalar)))]);
}

/** `salt`: what the server sent for it, with the way to derive a key. `clientNonce`: 32 random bytes. */
export function parsecResponse(proof: {
  password: string;
  serverNonce: Uint8Array;
  clientNonce: Uint8Array;
  salt: Uint8Array;
}): Uint8Array {
  const [kdf, factor = FACTOR_MAX + 1] = proof.salt;
  if (kdf !== KDF || factor > FACTOR_MAX) {
    throw new PoolerError('The database asks for a parsec key derivation that is not supported.', {
      fault: 'origin',
      sqlState: '28000',
      errno: 1045,
      apiCode: 2015,
      fatal: true,
    });
  }
  const seed = pbkdf2Sync(
    proof.password,
    proof.salt.subarray(2),
    ITERATIONS_MIN << factor,
    SEED_BYTES,
    'sha512',
  );
  const { clientNonce, serverNonce } = proof;
  return join([clientNonce, ed25519.sign(join([serverNonce, clientNonce]), seed)]);
}

function clamped(secret: Uint8Array): Uint8Array {
  const scalar = secret.slice();
  scalar[0] = (scalar[0] ?? 0) & 248;
  scalar[31] = ((scalar[31] ?? 0) & 127) | 64;
  return scalar;
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function sha512(...parts: Uint8Array[]): Uint8Array {
  return createHash('sha512').update(join(parts)).digest();
}
