/**
 * What is stored of a client token. Tokens are random and long, so hashes of them need no salt; the two are what
 * servers themselves keep.
 */

import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { makeVerifier, type Verifier } from './passwords.ts';

const FORM = /^mysql\$([0-9a-f]{40})\$([0-9a-f]{64})$/;

export function encodeVerifier(token: string): string {
  const { sha1, sha256 } = makeVerifier(token);
  return `mysql$${hex(sha1)}$${hex(sha256)}`;
}

/** Undefined: it is of another protocol. */
export function decodeVerifier(text: string): Verifier | undefined {
  const [, sha1, sha256] = FORM.exec(text) ?? [];
  if (sha1 === undefined || sha256 === undefined) return undefined;
  return { sha1: Buffer.from(sha1, 'hex'), sha256: Buffer.from(sha256, 'hex') };
}

/** For a user whom nobody knows: nothing that a driver can send fits it, and it costs what a true one costs. */
export function decoyVerifier(decoySecret: Uint8Array, user: string): Verifier {
  return makeVerifier(createHmac('sha256', decoySecret).update(user).digest('hex'));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
