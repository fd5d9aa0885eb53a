/**
 * The server's handshake: TLS 1.3 alone (RFC 8446, section 4), with a certificate, without one of the client's, and
 * without sessions: nothing is resumed and nothing is sent early.
 */
import { timingSafeEqual } from 'node:crypto';
import { Alert, TlsError } from './alerts.ts';
import {
  type Channel,
  type Established,
  type Handshaking,
  type OwnCertificate,
  receive,
  signedText,
} from './handshake.ts';
import { GROUPS, KeyExchange, X25519 } from './key-exchange.ts';
import { digest, finished13, protection13, Schedule13 } from './key-schedule.ts';
import { encodeCertificates, encodeCertificateVerify, Handshake, message, TLS_1_3 } from './messages.ts';
import { Cipher13 } from './records.ts';
import {
  type ClientHello,
  encodeEncryptedExtensions,
  encodeHelloRetryRequest,
  encodeServerHello,
  readClientHello,
} from './server-messages.ts';
import { chooseScheme, makeSignature } from './signatures.ts';
import { SUITES, type Suite } from './suites.ts';

export interface ServerOptions {
  certificate: OwnCertificate;
  /** 32 bytes. */
  random: Uint8Array;
  /** What is spoken here, where ALPN has a name for it: a client that offers other protocols alone is refused. */
  protocol: string | undefined;
  /** A client that does not say what it is going to speak is refused. */
  isProtocolNeeded: boolean;
}

/** In the order of our preference. */
const SERVER_GROUPS = [X25519, ...GROUPS.keys()];

export function* serverHandshake(channel: Channel, options: ServerOptions): Handshaking<Established> {
  let received = yield* receive(Handshake.clientHello);
  let hello = readClientHello(received.body);
  const [number, suite] = chooseSuite(hello);
  const { session } = hello;
  channel.overlookChangeCipherSpec();
  let group = SERVER_GROUPS.find((candidate) => hello.shares.has(candidate));
  const hasRetried = group === undefined;
  if (group === undefined) {
    group = chooseGroup(hello);
    // What the hash of the first hello stands for in the transcript (section 4.4.1).
    channel.transcript.push(message(Handshake.messageHash, digest(suite.hash, received.whole)));
    channel.send(encodeHelloRetryRequest({ session, suite: number, group }));
    if (session.length > 0) channel.sendChangeCipherSpec();
    received = yield* receive(Handshake.clientHello);
    hello = readClientHello(received.body);
  }
  channel.transcript.push(received.whole);
  const share = hello.shares.get(group);
  if (share === undefined || chooseSuite(hello)[0] !== number)
    throw new TlsError(Alert.illegalParameter, 'The second hello is not what was asked for.');
  const protocol = chooseProtocol(hello, options);

  const covered = (): Uint8Array => digest(suite.hash, ...channel.transcript);
  const exchange = new KeyExchange(group);
  const shared = exchange.secret(share);
  channel.send(encodeServerHello({ random: options.random, session, suite: number, keyShare: exchange }));
  if (session.length > 0 && !hasRetried) channel.sendChangeCipherSpec();
  const schedule = new Schedule13(suite.hash);
  const secrets = schedule.handshake(shared, covered());
  channel.writeWith(new Cipher13(protection13(suite, secrets.server)));
  channel.readWith(new Cipher13(protection13(suite, secrets.client)));
  channel.send(encodeEncryptedExtensions(protocol));
  sendCertificate(channel, { suite, certificate: options.certificate, offered: hello.schemes });
  channel.send(message(Handshake.finished, finished13(suite, secrets.server, covered())));
  const application = schedule.application(covered());
  channel.writeWith(new Cipher13(protection13(suite, application.server)));

  const expected = finished13(suite, secrets.client, covered());
  const { body } = yield* receive(Handshake.finished);
  if (body.length !== expected.length || !timingSafeEqual(body, expected))
    throw new TlsError(Alert.decryptError, 'The handshake was changed on its way.');
  channel.readWith(new Cipher13(protection13(suite, application.client)));
  return { suite, secrets: { reading: application.client, writing: application.server } };
}

function chooseSuite({ suites }: ClientHello): [number: number, suite: Suite] {
  const chosen = [...SUITES].find(
    ([number, { signedBy }]) => signedBy === undefined && suites.includes(number),
  );
  if (chosen === undefined) throw new TlsError(Alert.handshakeFailure, 'There is no cipher that both know.');
  return chosen;
}

function chooseGroup({ groups }: ClientHello): number {
  const chosen = SERVER_GROUPS.find((group) => groups.includes(group));
  if (chosen === undefined) throw new TlsError(Alert.handshakeFailure, 'There is no curve that both know.');
  return chosen;
}

function chooseProtocol(
  { protocols }: ClientHello,
  { protocol, isProtocolNeeded }: ServerOptions,
): string | undefined {
  if (protocol === undefined) return undefined;
  const isOffered = protocols?.includes(protocol) ?? !isProtocolNeeded;
  if (!isOffered) throw new TlsError(Alert.noApplicationProtocol, `The driver does not say "${protocol}".`);
  return protocols && protocol;
}

function sendCertificate(
  channel: Channel,
  { suite, certificate, offered }: { suite: Suite; certificate: OwnCertificate; offered: readonly number[] },
): void {
  const { chain, key } = certificate;
  const scheme = chooseScheme({ version: TLS_1_3, key, offered });
  if (scheme === undefined)
    throw new TlsError(Alert.handshakeFailure, "The driver takes no signature by our certificate's key.");
  channel.send(encodeCertificates(chain, TLS_1_3));
  const content = signedText('server', digest(suite.hash, ...channel.transcript));
  channel.send(encodeCertificateVerify({ scheme, signature: makeSignature({ scheme, key, content }) }));
}
