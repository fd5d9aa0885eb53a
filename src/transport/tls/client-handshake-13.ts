/** TLS 1.3 behind the ServerHello (RFC 8446, section 4): always with a certificate, never with a pre-shared key. */
import { timingSafeEqual } from 'node:crypto';
import { Alert, TlsError } from './alerts.ts';
import { type Hello, keyOf } from './client-handshake.ts';
import { type Established, type Handshaking, receive, signedText, take, takeEither } from './handshake.ts';
import type { KeyExchange } from './key-exchange.ts';
import { digest, finished13, protection13, Schedule13 } from './key-schedule.ts';
import {
  Extension,
  encodeCertificates,
  encodeCertificateVerify,
  Handshake,
  message,
  readCertificates,
  readSchemesOfRequest,
  readSigned,
  TLS_1_3,
} from './messages.ts';
import { Cipher13 } from './records.ts';
import { chooseScheme, makeSignature, verifySignature } from './signatures.ts';
import { Reader, readExtensions } from './wire.ts';

const MAY_STAND_IN_HELLO = new Set<number>([Extension.supportedVersions, Extension.keyShare]);
const MAY_STAND_ENCRYPTED = new Set<number>([Extension.serverName, Extension.supportedGroups]);

export function* handshake13(hello: Hello, exchange: KeyExchange): Handshaking<Established> {
  const { channel, options, answer, suite } = hello;
  const covered = (): Uint8Array => digest(suite.hash, ...channel.transcript);
  refuseOthers(answer.extensions, MAY_STAND_IN_HELLO);
  channel.overlookChangeCipherSpec();
  const schedule = new Schedule13(suite.hash);
  const secrets = schedule.handshake(exchange.secret(readKeyShare(hello, exchange)), covered());
  channel.readWith(new Cipher13(protection13(suite, secrets.server)));
  channel.writeWith(new Cipher13(protection13(suite, secrets.client)));

  const { body } = yield* take(channel, Handshake.encryptedExtensions);
  const reader = new Reader(body);
  refuseOthers(readExtensions(reader.vector(2)), MAY_STAND_ENCRYPTED);
  reader.end();

  let next = yield* takeEither(channel, [Handshake.certificateRequest, Handshake.certificate]);
  const request = next.type === Handshake.certificateRequest ? next : undefined;
  if (request) next = yield* take(channel, Handshake.certificate);
  const chain = readCertificates(next.body, TLS_1_3);
  const [serverCertificate = new Uint8Array()] = chain;
  options.checkServer(chain);

  const signed = signedText('server', covered());
  const verify = yield* take(channel, Handshake.certificateVerify);
  const key = keyOf(serverCertificate);
  verifySignature({ version: TLS_1_3, key, content: signed, ...readSigned(new Reader(verify.body)) });

  const expected = finished13(suite, secrets.server, covered());
  const finished = yield* receive(Handshake.finished);
  if (finished.body.length !== expected.length || !timingSafeEqual(finished.body, expected))
    throw new TlsError(Alert.decryptError, 'The handshake was changed on its way.');
  channel.transcript.push(finished.whole);
  const application = schedule.application(covered());

  if (request) sendCertificate(hello, readSchemesOfRequest(request.body, TLS_1_3));
  channel.send(message(Handshake.finished, finished13(suite, secrets.client, covered())));
  channel.readWith(new Cipher13(protection13(suite, application.server)));
  channel.writeWith(new Cipher13(protection13(suite, application.client)));
  return {
    suite,
    secrets: { reading: application.server, writing: application.client },
    peerCertificate: serverCertificate,
  };
}

/** Without a certificate of ours an empty one is sent: then it is for the server to say no. */
function sendCertificate({ channel, options, suite }: Hello, offered: readonly number[]): void {
  const { certificate } = options;
  channel.send(encodeCertificates(certificate?.chain ?? [], TLS_1_3));
  if (certificate === undefined) return;
  const { key } = certificate;
  const scheme = chooseScheme({ version: TLS_1_3, key, offered });
  if (scheme === undefined)
    throw new TlsError(
      Alert.handshakeFailure,
      "The server takes no signature by our client certificate's key.",
    );
  const content = signedText('client', digest(suite.hash, ...channel.transcript));
  channel.send(encodeCertificateVerify({ scheme, signature: makeSignature({ scheme, key, content }) }));
}

function readKeyShare({ answer }: Hello, { group }: KeyExchange): Uint8Array {
  const share = answer.extensions.get(Extension.keyShare);
  if (share === undefined) throw new TlsError(Alert.missingExtension, 'The server sent no key.');
  const reader = new Reader(share);
  if (reader.number(2) !== group)
    throw new TlsError(Alert.illegalParameter, 'The server chose a curve that was not offered.');
  const key = reader.vector(2);
  reader.end();
  return key;
}

export function refuseOthers(extensions: Map<number, Uint8Array>, allowed: ReadonlySet<number>): void {
  for (const type of extensions.keys())
    if (!allowed.has(type))
      throw new TlsError(
        Alert.unsupportedExtension,
        `The server sent extension ${type}, which nobody asked for.`,
      );
}
