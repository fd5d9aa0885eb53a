/** From agreed secrets to keys: HKDF of 1.3 (RFC 8446, section 7.1) and the PRF of 1.2 (RFC 5246, section 5). */
import { createHash, createHmac } from 'node:crypto';
import type { Protection } from './records.ts';
import type { Suite } from './suites.ts';
import { join, uint, vector } from './wire.ts';

type Hash = Suite['hash'];

export function digest(hash: Hash, ...parts: Uint8Array[]): Uint8Array {
  const whole = createHash(hash);
  for (const part of parts) whole.update(part);
  return whole.digest();
}

export function mac(hash: Hash, key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  const whole = createHmac(hash, key);
  for (const part of parts) whole.update(part);
  return whole.digest();
}

export function expandLabel(
  hash: Hash,
  secret: Uint8Array,
  { label, context = new Uint8Array(), length }: { label: string; context?: Uint8Array; length: number },
): Uint8Array {
  const info = join([uint(2, length), vector(1, text(`tls13 ${label}`)), vector(1, context)]);
  const blocks: Uint8Array[] = [];
  for (let at = 1, last = new Uint8Array(); at <= Math.ceil(length / hashBytes(hash)); at += 1) {
    last = new Uint8Array(mac(hash, secret, last, info, Uint8Array.of(at)));
    blocks.push(last);
  }
  return join(blocks).subarray(0, length);
}

export interface Secrets {
  client: Uint8Array;
  server: Uint8Array;
}

/** The secrets of 1.3 without a pre-shared key. Transcripts are hashes. */
export class Schedule13 {
  readonly #hash: Hash;
  #secret: Uint8Array;

  constructor(hash: Hash) {
    this.#hash = hash;
    const zeros = new Uint8Array(hashBytes(hash));
    this.#secret = mac(hash, zeros, zeros);
  }

  handshake(shared: Uint8Array, transcript: Uint8Array): Secrets {
    this.#secret = mac(this.#hash, this.#derived(), shared);
    return this.#traffic('hs', transcript);
  }

  application(transcript: Uint8Array): Secrets {
    this.#secret = mac(this.#hash, this.#derived(), new Uint8Array(hashBytes(this.#hash)));
    return this.#traffic('ap', transcript);
  }

  #derived(): Uint8Array {
    return this.#derive('derived', digest(this.#hash));
  }

  #traffic(stage: 'hs' | 'ap', transcript: Uint8Array): Secrets {
    return {
      client: this.#derive(`c ${stage} traffic`, transcript),
      server: this.#derive(`s ${stage} traffic`, transcript),
    };
  }

  #derive(label: string, context: Uint8Array): Uint8Array {
    return expandLabel(this.#hash, this.#secret, { label, context, length: hashBytes(this.#hash) });
  }
}

export function protection13(suite: Suite, secret: Uint8Array): Protection {
  return {
    key: expandLabel(suite.hash, secret, { label: 'key', length: suite.keyBytes }),
    iv: expandLabel(suite.hash, secret, { label: 'iv', length: 12 }),
  };
}

/** After a KeyUpdate. */
export function nextSecret(suite: Suite, secret: Uint8Array): Uint8Array {
  return expandLabel(suite.hash, secret, { label: 'traffic upd', length: hashBytes(suite.hash) });
}

export function finished13(suite: Suite, secret: Uint8Array, transcript: Uint8Array): Uint8Array {
  const key = expandLabel(suite.hash, secret, { label: 'finished', length: hashBytes(suite.hash) });
  return mac(suite.hash, key, transcript);
}

/** P_hash of 1.2. */
export function prf(
  hash: Hash,
  secret: Uint8Array,
  { label, seed, length }: { label: string; seed: Uint8Array; length: number },
): Uint8Array {
  const start = join([text(label), seed]);
  const blocks: Uint8Array[] = [];
  for (let a = mac(hash, secret, start); blocks.length * hashBytes(hash) < length; a = mac(hash, secret, a))
    blocks.push(mac(hash, secret, a, start));
  return join(blocks).subarray(0, length);
}

/** The key block of 1.2 for AES-GCM: two keys, two salts of 4 bytes. */
export function protections12(suite: Suite, block: Uint8Array): { client: Protection; server: Protection } {
  const { keyBytes } = suite;
  const at = (from: number, length: number): Uint8Array => block.subarray(from, from + length);
  return {
    client: { key: at(0, keyBytes), iv: at(2 * keyBytes, 4) },
    server: { key: at(keyBytes, keyBytes), iv: at(2 * keyBytes + 4, 4) },
  };
}

export function keyBlockBytes({ keyBytes }: Suite): number {
  return 2 * keyBytes + 2 * 4;
}

function hashBytes(hash: Hash): number {
  return hash === 'sha256' ? 32 : 48;
}

function text(label: string): Uint8Array {
  return new TextEncoder().encode(label);
}
