/**
 * SCRAM-SHA-256 as the server: verifies that a driver knows its token. An unknown user gets a decoy: the same
 * messages, the same work, and a refusal at the end, so that nobody learns which users exist.
 * https://www.postgresql.org/docs/18/sasl-authentication.html
 */
import { timingSafeEqual } from 'node:crypto';
import { PoolerError } from '../../errors.ts';
import { encodeText, join } from '../bytes/join.ts';
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
  /** What the login may be bound to, and has been offered; undefined: nothing. */
  endPoint?: Uint8Array | undefined;
}

type State =
  | { at: 'client-first-message' }
  | { at: 'client-final-message'; channelBinding: string; nonce: string; messages: string; isBound: boolean }
  | { at: 'end' };

export class ScramServer {
  readonly #verifier: ScramVerifier;
  readonly #isDecoy: boolean;
  readonly #nonce: string;
  readonly #endPoint: Uint8Array | undefined;
  #state: State = { at: 'client-first-message' };

  constructor(options: ScramServerOptions) {
    // The decoy is made in any case, so that the work is the same.
    const decoy = decoyVerifier({ secret: options.decoySecret, user: options.user });
    const verifier = decodeVerifier(options.verifier ?? '');
    this.#verifier = verifier ?? decoy;
    this.#isDecoy = verifier === undefined;
    this.#nonce = options.nonce;
    this.#endPoint = options.endPoint;
  }

  /** Takes client-first-message, returns server-first-message. `isBound`: by the mechanism that the driver chose. */
  first(bytes: Uint8Array, { isBound = false } = {}): Uint8Array {
    if (this.#state.at !== 'client-first-message') throw new Error('SCRAM messages out of order');
    const isOffered = this.#endPoint !== undefined;
    const { gs2Header, bare } = splitGs2Header(decodeScramMessage(bytes, 'driver'), { isBound, isOffered });
    // The user's name stands in the startup packet; here PostgreSQL does not look at it either.
    const [, clientNonce = ''] = readAttributes(bare, ['n', 'r'], 'driver');
    if (!isNonce(clientNonce)) throw malformedScram('non-printable characters in the nonce', 'driver');
    const nonce = clientNonce + this.#nonce;
    const serverFirst = `r=${nonce},s=${base64(this.#verifier.salt)},i=${this.#verifier.iterations}`;
    const bound = isBound && this.#endPoint ? this.#endPoint : new Uint8Array();
    const channelBinding = base64(join([encodeText(gs2Header), bound]));
    const messages = `${bare},${serverFirst}`;
    this.#state = { at: 'client-final-message', channelBinding, nonce, messages, isBound };
    return encodeText(serverFirst);
  }

  /** Takes client-final-message, returns server-final-message. Undefined: the proof is wrong. */
  final(bytes: Uint8Array): Uint8Array | undefined {
    const state = this.#state;
    if (state.at !== 'client-final-message') throw new Error('SCRAM messages out of order');
    this.#state = { at: 'end' };
    const { withoutProof, proof } = splitProof(decodeScramMessage(bytes, 'driver'));
    const [channelBinding, nonce] = readAttributes(withoutProof, ['c', 'r'], 'driver');
    if (channelBinding !== state.channelBinding)
      throw state.isBound ? otherChannel() : malformedScram('unexpected channel-binding attribute', 'driver');
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

const BOUND = 'p=tls-server-end-point,';

/** `n,,` and `y,,` say: no channel binding. `y` adds: though I could, and you did not offer it. */
function splitGs2Header(
  text: string,
  { isBound, isOffered }: { isBound: boolean; isOffered: boolean },
): { gs2Header: string; bare: string } {
  if (isBound && !text.startsWith(BOUND))
    throw malformedScram('it is not bound to the channel by tls-server-end-point', 'driver');
  // Whoever is in between has taken the offer out.
  if (isOffered && text.startsWith('y')) throw hiddenOffer();
  if (!isBound && text.startsWith('p=')) {
    throw new PoolerError('channel binding is not supported', {
      fault: 'driver',
      sqlState: '0A000',
      hint: 'Connect with channel_binding=disable.',
      fatal: true,
    });
  }
  const flag = isBound ? BOUND : /^[ny],/.exec(text)?.[0];
  if (flag === undefined) throw malformedScram('unexpected channel-binding flag', 'driver');
  if (text[flag.length] !== ',') {
    throw new PoolerError('client uses authorization identity, but it is not supported', {
      fault: 'driver',
      sqlState: '0A000',
      fatal: true,
    });
  }
  return { gs2Header: `${flag},`, bare: text.slice(flag.length + 1) };
}

function otherChannel(): PoolerError {
  return new PoolerError('SCRAM channel binding check failed', {
    fault: 'driver',
    sqlState: '28000',
    hint: 'Something between the driver and Warmpool ends TLS.',
    fatal: true,
  });
}

function hiddenOffer(): PoolerError {
  return new PoolerError('SCRAM channel binding negotiation error', {
    fault: 'driver',
    sqlState: '28000',
    hint: 'The driver supports channel binding and was not offered it, although it is offered here.',
    fatal: true,
  });
}

/** The proof is the last attribute; the signature covers all that stands before it. */
function splitProof(text: string): { withoutProof: string; proof: Uint8Array } {
  const at = text.lastIndexOf(',p=');
  const proof = at < 0 ? undefined : decodeBase64(text.slice(at + 3));
  if (proof?.length !== KEY_BYTES) throw malformedScram('malformed proof', 'driver');
  return { withoutProof: text.slice(0, at), proof };
}
