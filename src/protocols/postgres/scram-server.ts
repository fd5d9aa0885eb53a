/**
 * SCRAM-SHA-256 as the server: verifies that a driver knows its token. An unknown user gets a decoy: the same
 * messages, the same work, and a refusal at the end, so that nobody learns which users exist.
 * https://www.postgresql.org/docs/18/sasl-authentication.html
 */
import { timingSafeEqual } from 'node:crypto';
import { PoolerError } from '../../errors.ts';
import { encodeText } from '../bytes/join.ts';

import {
  base64,
  decodeBase64,
  decodeScramMessage,
  decodeVerifier,
  decoyVerifier,
  hmac,
  isNonce,
  KEY_BYTES,
  malformedScram,
  readAttributes,
  type ScramVerifier,
  sha256,
  xor,
} from './scram.ts';

export interface ScramServerOptions {
  user: string;
  /** Made by `makeVerifier`. Undefined: no such user. */
  verifier: string | undefined;
  decoySecret: Uint8Array;
  /** The server's part of the nonce: random, printable, no comma. */
  nonce: string;
}

type State =
  | { at: 'client-first-message' }
  | { at: 'client-final-message'; gs2Header: string; nonce: string; messages: string }
  | { at: 'end' };

export class ScramServer {
  readonly #verifier: ScramVerifier;
  readonly #isDecoy: boolean;
  readonly #nonce: string;
  #state: State = { at: 'client-first-message' };

  constructor(options: ScramServerOptions) {
    // The decoy is made in any case, so that the work is the same.
    const decoy = decoyVerifier({ secret: options.decoySecret, user: options.user });
    const verifier = decodeVerifier(options.verifier ?? '');
    this.#verifier = verifier ?? decoy;
    this.#isDecoy = verifier === undefined;
    this.#nonce = options.nonce;
  }

  /** Takes client-first-message, returns server-first-message. */
  first(bytes: Uint8Array): Uint8Array {
    if (this.#state.at !== 'client-first-message') throw new Error('SCRAM messages out of order');
    const { gs2Header, bare } = splitGs2Header(decodeScramMessage(bytes, 'driver'));
    // The user's name stands in the startup packet; here PostgreSQL does not look at it either.
    const [, clientNonce = ''] = readAttributes(bare, ['n', 'r'], 'driver');
    if (!isNonce(clientNonce)) throw malformedScram('non-printable characters in the nonce', 'driver');
    const nonce = clientNonce + this.#nonce;
    const serverFirst = `r=${nonce},s=${base64(this.#verifier.salt)},i=${this.#verifier.iterations}`;
    this.#state = { at: 'client-final-message', gs2Header, nonce, messages: `${bare},${serverFirst}` };
    return encodeText(serverFirst);
  }

  /** Takes client-final-message, returns server-final-message. Undefined: the proof is wrong. */
  final(bytes: Uint8Array): Uint8Array | undefined {
    const state = this.#state;
    if (state.at !== 'client-final-message') throw new Error('SCRAM messages out of order');
    this.#state = { at: 'end' };
    const { withoutProof, proof } = splitProof(decodeScramMessage(bytes, 'driver'));
    const [channelBinding, nonce] = readAttributes(withoutProof, ['c', 'r'], 'driver');
    if (channelBinding !== base64(encodeText(state.gs2Header))) {
      throw malformedScram('unexpected channel-binding attribute', 'driver');
    }
    if (nonce !== state.nonce) throw malformedScram('nonce does not match', 'driver');
    const authMessage = `${state.messages},${withoutProof}`;
    return this.#isProof(proof, authMessage) ? this.#serverFinal(authMessage) : undefined;
  }

  #isProof(proof: Uint8Array, authMessage: string): boolean {
    const clientKey = xor(proof, hmac(this.#verifier.storedKey, authMessage));
    const isEqual = timingSafeEqual(sha256(clientKey), this.#verifier.storedKey);
    return isEqual && !this.#isDecoy;
  }

  #serverFinal(authMessage: string): Uint8Array {
    return encodeText(`v=${base64(hmac(this.#verifier.serverKey, authMessage))}`);
  }
}

/** `n,,` and `y,,` say: no channel binding. `y` adds: though I could; we did not offer it, so that is well. */
function splitGs2Header(text: string): { gs2Header: string; bare: string } {
  if (text.startsWith('p=')) {
    throw new PoolerError('channel binding is not supported', {
      fault: 'driver',
      sqlState: '0A000',
      hint: 'Connect with channel_binding=disable.',
      fatal: true,
    });
  }
  if (!/^[ny],/.test(text)) throw malformedScram('unexpected channel-binding flag', 'driver');
  if (text[2] !== ',') {
    throw new PoolerError('client uses authorization identity, but it is not supported', {
      fault: 'driver',
      sqlState: '0A000',
      fatal: true,
    });
  }
  return { gs2Header: text.slice(0, 3), bare: text.slice(3) };
}

/** The proof is the last attribute; the signature covers all that stands before it. */
function splitProof(text: string): { withoutProof: string; proof: Uint8Array } {
  const at = text.lastIndexOf(',p=');
  const proof = at < 0 ? undefined : decodeBase64(text.slice(at + 3));
  if (proof?.length !== KEY_BYTES) throw malformedScram('malformed proof', 'driver');
  return { withoutProof: text.slice(0, at), proof };
}
