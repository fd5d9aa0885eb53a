/**
 * TLS 1.2 behind the ServerHello (RFC 5246, section 7.3; RFC 8422; RFC 7627): ECDHE alone, no resumption, no
 * renegotiation. Servers without the extended master secret (OpenSSL before 1.1) are taken: what it prevents needs one
 * of these two. Those that do not know RFC 5746 are not: somebody in between could put words of his own before ours.
 */
import { timingSafeEqual } from 'node:crypto';
import { Alert, TlsError } from './alerts.ts';
import { type Hello, keyOf, offeredGroup } from './client-handshake.ts';
import { type Established, type Handshaking, receive, take, takeEither } from './handshake.ts';
import { KeyExchange } from './key-exchange.ts';
import { digest, keyBlockBytes, prf, protections12 } from './key-schedule.ts';
import {
  Extension,
  encodeCertificates,
  encodeCertificateVerify,
  Handshake,
  message,
  readCertificates,
  readSchemesOfRequest,
  readSigned,
  TLS_1_2,
} from './messages.ts';
import { Cipher12 } from './records.ts';
import { chooseScheme, makeSignature, verifySignature } from './signatures.ts';
import { join, Reader, vector } from './wire.ts';

const NAMED_CURVE = 3;
const MASTER_SECRET_BYTES = 48;
const VERIFY_BYTES = 12;

const MAY_STAND_IN_HELLO = new Set<number>([
  Extension.serverName,
  Extension.ecPointFormats,
  Extension.extendedMasterSecret,
  Extension.renegotiationInfo,
]);

export function* handshake12(hello: Hello): Handshaking<Established> {
  const { channel, options, answer, suite } = hello;
  const { transcript } = channel;
  checkExtensions(answer.extensions);
  const randoms = { client: options.random, server: answer.random };
  const chain = readCertificates((yield* take(channel, Handshake.certificate)).body, TLS_1_2);
  const [serverCertificate = new Uint8Array()] = chain;
  options.checkServer(chain);

  const { body } = yield* take(channel, Handshake.serverKeyExchange);
  const exchange = readServerKey(body, hello, serverCertificate);
  const asked = yield* takeEither(channel, [Handshake.certificateRequest, Handshake.serverHelloDone]);
  const request = asked.type === Handshake.certificateRequest ? asked : undefined;
  if (request) yield* take(channel, Handshake.serverHelloDone);

  if (request) channel.send(encodeCertificates(options.certificate?.chain ?? [], TLS_1_2));
  channel.send(message(Handshake.clientKeyExchange, vector(1, exchange.publicKey)));
  const secret = answer.extensions.has(Extension.extendedMasterSecret)
    ? { label: 'extended master secret', seed: digest(suite.hash, ...transcript) }
    : { label: 'master secret', seed: join([randoms.client, randoms.server]) };
  const master = prf(suite.hash, exchange.shared, { ...secret, length: MASTER_SECRET_BYTES });
  if (request) sign(hello, readSchemesOfRequest(request.body, TLS_1_2));

  const block = prf(suite.hash, master, {
    label: 'key expansion',
    seed: join([randoms.server, randoms.client]),
    length: keyBlockBytes(suite),
  });
  const protections = protections12(suite, block);
  const finishedOf = (label: string): Uint8Array =>
    prf(suite.hash, master, { label, seed: digest(suite.hash, ...transcript), length: VERIFY_BYTES });
  channel.sendChangeCipherSpec();
  channel.writeWith(new Cipher12(protections.client));
  channel.send(message(Handshake.finished, finishedOf('client finished')));

  yield 'changeCipherSpec';
  channel.readWith(new Cipher12(protections.server));
  const expected = finishedOf('server finished');
  const finished = yield* receive(Handshake.finished);
  if (finished.body.length !== VERIFY_BYTES || !timingSafeEqual(finished.body, expected))
    throw new TlsError(Alert.decryptError, 'The handshake was changed on its way.');
  return { suite, secrets: undefined, peerCertificate: serverCertificate };
}

function checkExtensions(extensions: Map<number, Uint8Array>): void {
  for (const type of extensions.keys())
    if (!MAY_STAND_IN_HELLO.has(type))
      throw new TlsError(
        Alert.unsupportedExtension,
        `The server sent extension ${type}, which nobody asked for.`,
      );
  const renegotiation = extensions.get(Extension.renegotiationInfo);
  if (renegotiation === undefined)
    throw new TlsError(Alert.handshakeFailure, 'The server is open to foreign renegotiation (RFC 5746).');
  if (renegotiation.length !== 1 || renegotiation[0] !== 0)
    throw new TlsError(Alert.handshakeFailure, 'The server takes this for a renegotiation.');
}

/** The server's key of this connection, signed by the key of its certificate. */
function readServerKey(
  body: Uint8Array,
  { options, answer, suite }: Hello,
  certificate: Uint8Array,
): { publicKey: Uint8Array; shared: Uint8Array } {
  const reader = new Reader(body);
  const [type, group] = [reader.number(1), reader.number(2)];
  if (type !== NAMED_CURVE) throw new TlsError(Alert.illegalParameter, 'The server chose an unknown curve.');
  const point = reader.vector(1);
  const signedBytes = body.subarray(0, 1 + 2 + 1 + point.length);
  const key = keyOf(certificate);
  if ((key.asymmetricKeyType === 'rsa') !== (suite.signedBy === 'rsa'))
    throw new TlsError(Alert.illegalParameter, 'The cipher does not go with the certificate.');
  const content = join([options.random, answer.random, signedBytes]);
  verifySignature({ version: TLS_1_2, key, content, ...readSigned(reader) });
  const exchange = new KeyExchange(offeredGroup(group));
  return { publicKey: exchange.publicKey, shared: exchange.secret(point) };
}

function sign({ channel, options }: Hello, offered: readonly number[]): void {
  if (options.certificate === undefined) return;
  const { key } = options.certificate;
  const scheme = chooseScheme({ version: TLS_1_2, key, offered });
  if (scheme === undefined)
    throw new TlsError(
      Alert.handshakeFailure,
      "The server takes no signature by our client certificate's key.",
    );
  const content = join(channel.transcript);
  channel.send(encodeCertificateVerify({ scheme, signature: makeSignature({ scheme, key, content }) }));
}
