/**
 * SCRAM-SHA-256 as the client: proves to an origin that we know the password, and has it prove the same.
 * https://www.postgresql.org/docs/18/sasl-authentication.html
 */
import { Buffer } from 'node:buffer';
import { timingSafeEqual } from 'node:crypto';
import { PoolerError } from '../../errors.ts';
import { encodeText } from '../bytes/join.ts';

import {
  base64,
  decodeBase64,
  decodeScramMessage,
  hmac,
  isNonce,
  KEY_BYTES,
  malformedScram,
  readAttributes,
  saltedPassword,
  scramKeys,
  xor,
} from './scram.ts';

/** More is not a login but an attack on our processor. */
const ITERATIONS_MAX = 1_000_000;

/** No channel binding; would be there, but the server offered none (if it did, somebody took it out); binding. */
const GS2_HEADERS = { none: 'n,,', unoffered: 'y,,', bound: 'p=tls-server-end-point,,' };

export interface ScramClientOptions {
  password: string;
  /** The client's part of the nonce: random, printable, no comma. */
  nonce: string;
  /** Empty unless a test says otherwise: PostgreSQL takes the name from the StartupMessage, and libpq sends none. */
  user?: string;
  /** `tls-server-end-point`, where the server offers channel binding; undefined where we know of none. */
  binding?: Uint8Array | 'not offered' | undefined;
}

type State =
  | { at: 'server-first-message' }
  | { at: 'server-final-message'; serverSignature: Uint8Array }
  | { at: 'end' };

export class ScramClient {
  readonly #password: string;
  readonly #nonce: string;
  readonly #bare: string;
  readonly #header: string;
  /** What `c=` echoes. */
  readonly #echo: string;
  #state: State = { at: 'server-first-message' };

  constructor(options: ScramClientOptions) {
    this.#password = options.password;
    this.#nonce = options.nonce;
    this.#bare = `n=${options.user ?? ''},r=${this.#nonce}`;
    const { binding } = options;
    const isBound = binding instanceof Uint8Array;
    this.#header = isBound ? GS2_HEADERS.bound : binding ? GS2_HEADERS.unoffered : GS2_HEADERS.none;
    const header = encodeText(this.#header);
    this.#echo = base64(isBound ? Buffer.concat([header, binding]) : header);
  }

  /** True when the server has proved that it knows the password. */
  get isVerified(): boolean {
    return this.#state.at === 'end';
  }

  /** client-first-message */
  begin(): Uint8Array {
    return encodeText(this.#header + this.#bare);
  }

  /** Takes server-first-message, returns client-final-message. */
  continue(bytes: Uint8Array): Uint8Array {
    if (this.#state.at !== 'server-first-message') throw malformedScram('it comes out of order', 'origin');
    const text = decodeScramMessage(bytes, 'origin');
    const { nonce, salt, iterations } = this.#decodeServerFirst(text);
    const { clientKey, storedKey, serverKey } = this.#keys(salt, iterations);
    const withoutProof = `c=${this.#echo},r=${nonce}`;
    const authMessage = `${this.#bare},${text},${withoutProof}`;
    const proof = xor(clientKey, hmac(storedKey, authMessage));
    this.#state = { at: 'server-final-message', serverSignature: hmac(serverKey, authMessage) };
    return encodeText(`${withoutProof},p=${base64(proof)}`);
  }

  /** Takes server-final-message. Throws where the server does not know the password. */
  finish(bytes: Uint8Array): void {
    if (this.#state.at !== 'server-final-message') throw malformedScram('it comes out of order', 'origin');
    const text = decodeScramMessage(bytes, 'origin');
    if (text.startsWith('e=')) throw refused(`the origin refused SCRAM authentication: ${text.slice(2)}`);
    const [value = ''] = readAttributes(text, ['v'], 'origin');
    const signature = decodeBase64(value);
    if (signature?.length !== KEY_BYTES) throw malformedScram('malformed server signature', 'origin');
    if (!timingSafeEqual(signature, this.#state.serverSignature)) throw refused('incorrect server signature');
    this.#state = { at: 'end' };
  }

  #decodeServerFirst(text: string): { nonce: string; salt: Uint8Array; iterations: number } {
    const [nonce = '', saltText = '', count = ''] = readAttributes(text, ['r', 's', 'i'], 'origin');
    if (!isNonce(nonce) || !nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) {
      throw malformedScram('nonce does not match', 'origin');
    }
    const salt = decodeBase64(saltText);
    if (salt === undefined || salt.length === 0) throw malformedScram('malformed salt', 'origin');
    return { nonce, salt, iterations: decodeIterations(count) };
  }

  #keys(salt: Uint8Array, iterations: number): ReturnType<typeof scramKeys> {
    try {
      return scramKeys(saltedPassword({ password: this.#password, salt, iterations }));
    } catch (cause) {
      // Cloudflare bounds PBKDF2 below what PostgreSQL allows (100,000 in November 2026).
      throw refused(`this runtime does not compute ${iterations} SCRAM iterations`, cause);
    }
  }
}

/** Digits are counted before they are a number: none of them can overflow. */
function decodeIterations(count: string): number {
  const iterations = /^[1-9]\d{0,6}$/.test(count) ? Number(count) : 0;
  if (iterations < 1 || iterations > ITERATIONS_MAX) {
    throw malformedScram(`iteration count must be 1 to ${ITERATIONS_MAX}`, 'origin');
  }
  return iterations;
}

function refused(text: string, cause?: unknown): PoolerError {
  return new PoolerError(text, { fault: 'origin', sqlState: '28000', apiCode: 2015, fatal: true, cause });
}
