/** The client's handshake: both versions' beginning. */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { Alert, CertificateError, TlsError } from './alerts.ts';
import { handshake12 } from './client-handshake-12.ts';
import { handshake13, refuseOthers } from './client-handshake-13.ts';
import {
  type Channel,
  type Established,
  type Handshaking,
  type OwnCertificate,
  receive,
} from './handshake.ts';
import { FIRST_GROUP, GROUPS, KeyExchange } from './key-exchange.ts';
import { digest } from './key-schedule.ts';
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
import { SUITES, type Suite } from './suites.ts';

const MAY_STAND_IN_RETRY = new Set<number>([
  Extension.supportedVersions,
  Extension.keyShare,
  Extension.cookie,
]);

export interface ClientOptions {
  /** Whom we want to reach: its name is told to the server (SNI). */
  host: string;
  /** 32 bytes. */
  random: Uint8Array;
  /** Looks at the server's certificates, DER, its own first. Throws a CertificateError. */
  checkServer(chain: Uint8Array[]): void;
  certificate?: OwnCertificate | undefined;
}

export interface Hello {
  channel: Channel;
  options: ClientOptions;
  answer: ServerHello;
  suite: Suite;
}

export function* clientHandshake(channel: Channel, options: ClientOptions): Handshaking<Established> {
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
    if (group !== exchange.group) exchange = new KeyExchange(offeredGroup(group));
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

/** Throws where the server chose a group that we did not offer. */
export function offeredGroup(group: number): number {
  if (GROUPS.has(group)) return group;
  throw new TlsError(Alert.illegalParameter, 'The server chose an unknown curve.');
}

/** A server of 1.3 that was brought to speak 1.2 says so here, and nobody in the middle can change it. */
function refuseDowngrade(random: Uint8Array): void {
  const mark = Buffer.from(random.subarray(24)).toString('latin1');
  if (mark === 'DOWNGRD\x01' || mark === 'DOWNGRD\x00')
    throw new TlsError(Alert.illegalParameter, 'Somebody in between keeps us from TLS 1.3.');
}
