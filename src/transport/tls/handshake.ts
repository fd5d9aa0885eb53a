/**
 * What a handshake is to its connection, whichever side we are. It is a generator that says what it waits for and is
 * given it, so the order of the messages is the order of the lines. What does not come in this order ends it.
 */
import type { KeyObject } from 'node:crypto';
import { Alert, TlsError } from './alerts.ts';
import type { RecordCipher } from './records.ts';
import type { Suite } from './suites.ts';
import { join } from './wire.ts';

export interface HandshakeMessage {
  type: number;
  body: Uint8Array;
  /** With its header. */
  whole: Uint8Array;
}

export type Handshaking<T> = Generator<'message' | 'changeCipherSpec', T, HandshakeMessage>;

/** A certificate that proves who we are. */
export interface OwnCertificate {
  /** DER, its own first. */
  chain: Uint8Array[];
  key: KeyObject;
}

/** Of 1.3, for keys that are renewed on the way. */
export interface Established {
  suite: Suite;
  secrets: { reading: Uint8Array; writing: Uint8Array } | undefined;
  /** DER; where the other side showed one. */
  peerCertificate?: Uint8Array;
}

/** What a handshake does to its connection. */
export interface Channel {
  /** Messages of both sides so far. */
  readonly transcript: Uint8Array[];
  /** Sends, and writes down. */
  send(message: Uint8Array): void;
  sendChangeCipherSpec(): void;
  readWith(cipher: RecordCipher): void;
  writeWith(cipher: RecordCipher): void;
  /** 1.3: records that mean nothing, for the sake of old boxes in between (RFC 8446, appendix D.4). */
  overlookChangeCipherSpec(): void;
}

/** The next message, not yet written down: what comes before it is signed in some. */
export function* receive(type: number): Handshaking<HandshakeMessage> {
  const received = yield 'message';
  if (received.type !== type) throw outOfOrder(received.type, type);
  return received;
}

/** The next message, written down. */
export function* take({ transcript }: Channel, type: number): Handshaking<HandshakeMessage> {
  const received = yield* receive(type);
  transcript.push(received.whole);
  return received;
}

/** A message that may stand here, or the one that must stand behind it. */
export function* takeEither(
  { transcript }: Channel,
  [optional, type]: [optional: number, type: number],
): Handshaking<HandshakeMessage> {
  const received = yield 'message';
  if (received.type !== type && received.type !== optional) throw outOfOrder(received.type, type);
  transcript.push(received.whole);
  return received;
}

/** What a CertificateVerify of 1.3 signs (RFC 8446, section 4.4.3). `transcript`: a hash. */
export function signedText(side: 'server' | 'client', transcript: Uint8Array): Uint8Array {
  const words = `${' '.repeat(64)}TLS 1.3, ${side} CertificateVerify\0`;
  return join([new TextEncoder().encode(words), transcript]);
}

function outOfOrder(type: number, wanted: number): TlsError {
  return new TlsError(Alert.unexpectedMessage, `Message ${type} comes where ${wanted} belongs.`);
}
