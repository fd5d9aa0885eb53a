/**
 * The client's handshake: both versions' beginning. A handshake is a generator that says what it waits for and is
 * given it, so the order of the messages is the order of the lines. What does not come in this order ends it.
 */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { Alert, CertificateError, TlsError } from './alerts.ts';
import { handshake12 } from './handshake-12.ts';
import { handshake13, refuseOthers } from './handshake-13.ts';
import { FIRST_GROUP, KeyExchange } from './key-exchange.ts';
import { digest, type Secrets } from './key-schedule.ts';
import {
  Extension,
  encodeClientHello,
  Handshake,
  message,
  numberOf,
  readServerHello,
  type ServerHello,
  TLS_1_2,
  TLS_1_3,
} from './messages.ts';
import type { RecordCipher } from './records.ts';
import { SUITES, type Suite } from './suites.ts';

const MAY_STAND_IN_RETRY = new Set<number>([
  Extension.supportedVersions,
  Extension.keyShare,
  Extension.cookie,
]);

export interface ClientCertificate {
  /** DER, its own first. */
  chain: Uint8Array[];
  key: KeyObject;
}

export interface HandshakeOptions {
  /** Whom we want to reach: its name is told to the server (SNI). */
  host: string;
  /** 32 bytes. */
  random: Uint8Array;
  /** Looks at the server's certificates, DER, its own first. Throws a CertificateError. */
  checkServer(chain: Uint8Array[]): void;
  certificate?: ClientCertificate | undefined;
}

export interface HandshakeMessage {
  type: number;
  body: Uint8Array;
  /** With its header. */
  whole: Uint8Array;
}

export type Handshaking<T> = Generator<'message' | 'changeCipherSpec', T, HandshakeMessage>;

/** Of 1.3, for keys that are renewed on the way. */
export interface Established {
  suite: Suite;
  secrets: Secrets | undefined;
  serverCertificate: Uint8Array;
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

export interface Hello {
  channel: Channel;
  options: HandshakeOptions;
  answer: ServerHello;
  suite: Suite;
}

export function* handshake(channel: Channel, options: HandshakeOptions): Handshaking<Established> {
  let exchange = new KeyExchange(FIRST_GROUP);
  const { random, host } = options;
  channel.send(encodeClientHello({ random, host, keyShare: exchange }));
  let received = yield* receive(Handshake.serverHello);
  let answer = readServerHello(received.body);
  const suite = suiteOf(answer);
  if (answer.isRetry) {
    channel.overlookChangeCipherSpec();
    const { transcript } = channel;
    const first = message(Handshake.messageHash, digest(suite.hash, ...transcript));
    transcript.splice(0, transcript.length, first, received.whole);
    const { group, cookie } = readRetry(answer, exchange.group);
    if (group !== exchange.group) exchange = new KeyExchange(group);
    channel.send(encodeClientHello({ random, host, keyShare: exchange, cookie }));
    received = yield* receive(Handshake.serverHello);
    answer = readServerHello(received.body);
    if (answer.isRetry || answer.version !== TLS_1_3 || suiteOf(answer) !== suite)
      throw new TlsError(Alert.illegalParameter, 'The server contradicts its own HelloRetryRequest.');
  }
  channel.transcript.push(received.whole);
  const hello = { channel, options, answer, suite };
  if (answer.version === TLS_1_3) return yield* handshake13(hello, exchange);
  refuseDowngrade(answer.random);
  return yield* handshake12(hello);
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

export function keyOf(der: Uint8Array): KeyObject {
  try {
    return new X509Certificate(der).publicKey;
  } catch {
    throw new CertificateError(Alert.badCertificate, "The server's certificate is damaged.");
  }
}

function suiteOf({ suite: number, version }: ServerHello): Suite {
  const suite = SUITES.get(number);
  const is13 = suite?.signedBy === undefined;
  if (suite === undefined || is13 !== (version === TLS_1_3))
    throw new TlsError(Alert.illegalParameter, 'The server chose a cipher that was not offered.');
  return suite;
}

function readRetry(
  { extensions, version }: ServerHello,
  offered: number,
): { group: number; cookie: Uint8Array | undefined } {
  refuseOthers(extensions, MAY_STAND_IN_RETRY);
  const share = extensions.get(Extension.keyShare);
  const group = share === undefined ? undefined : numberOf(share);
  const cookie = extensions.get(Extension.cookie);
  if (version === TLS_1_2 || group === offered || (group === undefined && cookie === undefined))
    throw new TlsError(Alert.illegalParameter, 'The server asks for the same hello again.');
  return { group: group ?? offered, cookie };
}

/** A server of 1.3 that was brought to speak 1.2 says so here, and nobody in the middle can change it. */
function refuseDowngrade(random: Uint8Array): void {
  const mark = Buffer.from(random.subarray(24)).toString('latin1');
  if (mark === 'DOWNGRD\x01' || mark === 'DOWNGRD\x00')
    throw new TlsError(Alert.illegalParameter, 'Somebody in between keeps us from TLS 1.3.');
}

function outOfOrder(type: number, wanted: number): TlsError {
  return new TlsError(Alert.unexpectedMessage, `The server sent message ${type} where ${wanted} belongs.`);
}
