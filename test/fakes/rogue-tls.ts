/** A TLS 1.3 server that breaks one rule. Made of our own parts, so it can lie in every message. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { KeyExchange } from '../../src/transport/tls/key-exchange.ts';
import { digest, finished13, protection13, Schedule13 } from '../../src/transport/tls/key-schedule.ts';
import {
  Extension,
  encodeCertificates,
  encodeCertificateVerify,
  Handshake,
  message,
  TLS_1_3,
} from '../../src/transport/tls/messages.ts';
import { Cipher13, Content, type PlainRecord, plainRecord } from '../../src/transport/tls/records.ts';
import { chooseScheme, makeSignature, SCHEMES } from '../../src/transport/tls/signatures.ts';
import { SUITES } from '../../src/transport/tls/suites.ts';
import { extension, join, Reader, readExtensions, uint, vector } from '../../src/transport/tls/wire.ts';

export interface Lies {
  /** PEM of the key that signs, where it is not the certificate's. */
  signingKey?: string;
  scheme?: number;
  isProofLeftOut?: boolean;
  isFinishedWrong?: boolean;
  /** Stands in ServerHello or EncryptedExtensions. */
  helloExtension?: Uint8Array;
  encryptedExtension?: Uint8Array;
  /** Sent in clear, or under the keys of the handshake, where Finished belongs. */
  early?: 'in clear' | 'encrypted';
  /** The session that ServerHello names. */
  session?: Uint8Array;
  /** The request that its certificate answers. */
  context?: Uint8Array;
  /** Stands in the middle of EncryptedExtensions. */
  inside?: PlainRecord;
  /** When it has finished. */
  later?: PlainRecord[];
}

const SUITE = 0x1301;

/** Answers a ClientHello with all that the server says in a handshake. */
export async function answerHello(
  hello: Uint8Array,
  certified: { certificate: string; key: string },
  lies: Lies,
): Promise<Uint8Array> {
  const suite = SUITES.get(SUITE);
  if (!suite) throw new Error('no such suite');
  const clientHello = hello.subarray(5);
  const exchange = new KeyExchange(23);
  const serverHello = message(
    Handshake.serverHello,
    uint(2, 0x0303),
    new Uint8Array(32).fill(7),
    vector(1, lies.session ?? new Uint8Array()),
    uint(2, SUITE),
    uint(1, 0),
    vector(
      2,
      extension(Extension.supportedVersions, uint(2, TLS_1_3)),
      extension(Extension.keyShare, uint(2, 23), vector(2, exchange.publicKey)),
      lies.helloExtension ?? new Uint8Array(),
    ),
  );
  const transcript = [clientHello, serverHello];
  const covered = (): Uint8Array => digest(suite.hash, ...transcript);
  const schedule = new Schedule13(suite.hash);
  const secrets = schedule.handshake(exchange.secret(keyShareOf(clientHello)), covered());
  const cipher = new Cipher13(protection13(suite, secrets.server));
  const records: (Uint8Array | Promise<Uint8Array>)[] = [
    plainRecord({ type: Content.handshake, content: serverHello }),
  ];
  const say = (content: Uint8Array): void => {
    transcript.push(content);
    const [head, rest] = [content.subarray(0, 2), content.subarray(2)];
    records.push(cipher.seal({ type: Content.handshake, content: head }));
    if (lies.inside && transcript.length === 3) records.push(cipher.seal(lies.inside));
    records.push(cipher.seal({ type: Content.handshake, content: rest }));
  };
  say(message(Handshake.encryptedExtensions, vector(2, lies.encryptedExtension ?? new Uint8Array())));
  const certificates = encodeCertificates([new X509Certificate(certified.certificate).raw], TLS_1_3);
  const context = vector(1, lies.context ?? new Uint8Array());
  say(message(Handshake.certificate, context, certificates.subarray(4 + 1)));
  const key = createPrivateKey(lies.signingKey ?? certified.key);
  const chosen = chooseScheme({ version: TLS_1_3, key, offered: [...SCHEMES.keys()] });
  const scheme = chosen ?? 0;
  const words = `${' '.repeat(64)}TLS 1.3, server CertificateVerify\0`;
  const content = join([new TextEncoder().encode(words), covered()]);
  const signature = makeSignature({ scheme, key, content });
  if (!lies.isProofLeftOut) say(encodeCertificateVerify({ scheme: lies.scheme ?? scheme, signature }));
  const early = { type: Content.applicationData, content: new TextEncoder().encode('early') };
  if (lies.early === 'in clear') records.push(plainRecord({ ...early, type: Content.handshake }));
  if (lies.early === 'encrypted') records.push(cipher.seal(early));
  const proof = finished13(suite, secrets.server, covered());
  say(message(Handshake.finished, lies.isFinishedWrong ? proof.map((byte) => byte ^ 1) : proof));
  const later = new Cipher13(protection13(suite, schedule.application(covered()).server));
  records.push(...(lies.later ?? []).map((record) => later.seal(record)));
  return join(await Promise.all(records));
}

function keyShareOf(clientHello: Uint8Array): Uint8Array {
  const reader = new Reader(clientHello.subarray(4));
  reader.take(2 + 32);
  reader.vector(1);
  reader.vector(2);
  reader.vector(1);
  const shares = new Reader(readExtensions(reader.vector(2)).get(Extension.keyShare) ?? new Uint8Array());
  const share = new Reader(shares.vector(2));
  share.take(2);
  return share.vector(2);
}
