/**
 * The two ways to prove a password that both sides of us speak: what a client sends, and how a server that keeps
 * only hashes of hashes checks it. Each is `hash(password) XOR hash(nonce and hash(hash(password)))`.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_authentication_methods_native_password_authentication.html
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_caching_sha2_authentication_exchanges.html
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { encodeText, join } from '../bytes/join.ts';

export const NATIVE = 'mysql_native_password';
export const CACHING_SHA2 = 'caching_sha2_password';

export interface Verifier {
  /** SHA1(SHA1(token)). */
  sha1: Uint8Array;
  /** SHA256(SHA256(token)). */
  sha256: Uint8Array;
}

/** What a client sends. Nothing, where there is no password. */
export function nativeResponse(password: string, nonce: Uint8Array): Uint8Array {
  if (password === '') return new Uint8Array();
  const once = sha1(encodeText(password));
  return xor(once, sha1(join([nonce, sha1(once)])));
}

export function cachingSha2Response(password: string, nonce: Uint8Array): Uint8Array {
  if (password === '') return new Uint8Array();
  const once = sha256(encodeText(password));
  return xor(once, sha256(join([sha256(once), nonce])));
}

export function makeVerifier(token: string): Verifier {
  const bytes = encodeText(token);
  return { sha1: sha1(sha1(bytes)), sha256: sha256(sha256(bytes)) };
}

export function isNativeResponse(response: Uint8Array, nonce: Uint8Array, verifier: Verifier): boolean {
  const once = xor(response, sha1(join([nonce, verifier.sha1])));
  return response.length === verifier.sha1.length && timingSafeEqual(sha1(once), verifier.sha1);
}

export function isCachingSha2Response(response: Uint8Array, nonce: Uint8Array, verifier: Verifier): boolean {
  const once = xor(response, sha256(join([verifier.sha256, nonce])));
  return response.length === verifier.sha256.length && timingSafeEqual(sha256(once), verifier.sha256);
}

/** `mask` begins again where it is shorter. */
export function xor(bytes: Uint8Array, mask: Uint8Array): Uint8Array {
  return bytes.map((byte, at) => byte ^ (mask[at % mask.length] ?? 0));
}

function sha1(bytes: Uint8Array): Uint8Array {
  return createHash('sha1').update(bytes).digest();
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}
