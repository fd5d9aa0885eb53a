/**
 * Handshake messages that we send and read, in the words of RFC 8446 (1.3) and RFC 5246, 8422 and 7627 (1.2). What
 * they mean together is the handshakes' matter.
 */
import { isIP } from 'node:net';
import { Alert, TlsError } from './alerts.ts';
import { GROUPS } from './key-exchange.ts';
import { SCHEMES } from './signatures.ts';
import { SUITES } from './suites.ts';
import { extension, join, Reader, readExtensions, uint, vector } from './wire.ts';

export const Handshake = {
  clientHello: 1,
  serverHello: 2,
  newSessionTicket: 4,
  encryptedExtensions: 8,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
  keyUpdate: 24,
  messageHash: 254,
} as const;

export const Extension = {
  serverName: 0,
  supportedGroups: 10,
  ecPointFormats: 11,
  signatureAlgorithms: 13,
  applicationProtocols: 16,
  extendedMasterSecret: 23,
  supportedVersions: 43,
  cookie: 44,
  keyShare: 51,
  renegotiationInfo: 0xff01,
} as const;

export const TLS_1_2 = 0x0303;
export const TLS_1_3 = 0x0304;

const SESSION_BYTES_MAX = 32;

/** SHA-256 of `HelloRetryRequest`: the random of a ServerHello that is none. */
export const RETRY_RANDOM = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c';

export function message(type: number, ...body: Uint8Array[]): Uint8Array {
  return join([uint(1, type), vector(3, ...body)]);
}

export interface ClientHello {
  random: Uint8Array;
  host: string;
  keyShare: { group: number; publicKey: Uint8Array };
  /** Of a HelloRetryRequest. */
  cookie?: Uint8Array | undefined;
}

export function encodeClientHello({ random, host, keyShare, cookie }: ClientHello): Uint8Array {
  const numbers = (values: readonly number[]): Uint8Array => join(values.map((value) => uint(2, value)));
  const extensions = [
    // An address has no place in it (RFC 6066, section 3).
    ...(host === '' || isIP(host) !== 0 ? [] : [serverName(host)]),
    extension(Extension.supportedGroups, vector(2, numbers([...GROUPS.keys()]))),
    extension(Extension.ecPointFormats, vector(1, uint(1, 0))),
    extension(Extension.signatureAlgorithms, vector(2, numbers([...SCHEMES.keys()]))),
    extension(Extension.extendedMasterSecret),
    extension(Extension.renegotiationInfo, vector(1)),
    extension(Extension.supportedVersions, vector(1, numbers([TLS_1_3, TLS_1_2]))),
    ...(cookie === undefined ? [] : [extension(Extension.cookie, cookie)]),
    extension(Extension.keyShare, vector(2, uint(2, keyShare.group), vector(2, keyShare.publicKey))),
  ];
  return message(
    Handshake.clientHello,
    uint(2, TLS_1_2),
    random,
    vector(1),
    vector(2, numbers([...SUITES.keys()])),
    vector(1, uint(1, 0)),
    vector(2, ...extensions),
  );
}

function serverName(host: string): Uint8Array {
  const name = new TextEncoder().encode(host.replace(/\.$/, ''));
  return extension(Extension.serverName, vector(2, uint(1, 0), vector(2, name)));
}

export interface ServerHello {
  isRetry: boolean;
  version: typeof TLS_1_2 | typeof TLS_1_3;
  random: Uint8Array;
  suite: number;
  extensions: Map<number, Uint8Array>;
}

export function readServerHello(body: Uint8Array): ServerHello {
  const reader = new Reader(body);
  const legacyVersion = reader.number(2);
  const random = reader.take(32);
  const session = reader.vector(1); // Its name, which we do not use: no session is resumed.
  const suite = reader.number(2);
  const compression = reader.number(1);
  const extensions = reader.isAtEnd ? new Map<number, Uint8Array>() : readExtensions(reader.vector(2));
  reader.end();
  if (compression !== 0) throw new TlsError(Alert.illegalParameter, 'The server wants compression.');
  const selected = extensions.get(Extension.supportedVersions);
  const version = selected === undefined ? legacyVersion : numberOf(selected);
  const isKnown = version === TLS_1_3 || (version === TLS_1_2 && selected === undefined);
  if (!isKnown)
    throw new TlsError(
      Alert.protocolVersion,
      `The server chose TLS version 0x${version.toString(16)}; only TLS 1.2 and 1.3 are safe.`,
    );
  // In 1.3 they repeat what we said (RFC 8446, section 4.1.3).
  if (session.length > (version === TLS_1_3 ? 0 : SESSION_BYTES_MAX) || legacyVersion !== TLS_1_2)
    throw new TlsError(Alert.illegalParameter, 'The server answers another hello than ours.');
  const isRetry = Buffer.from(random).toString('hex') === RETRY_RANDOM;
  return { isRetry, version, random, suite, extensions };
}

/** DER, the server's own first. */
export function readCertificates(body: Uint8Array, version: number): Uint8Array[] {
  const reader = new Reader(body);
  if (version === TLS_1_3) readEmptyContext(reader);
  const entries = new Reader(reader.vector(3));
  reader.end();
  const certificates: Uint8Array[] = [];
  while (!entries.isAtEnd) {
    certificates.push(entries.vector(3));
    if (version === TLS_1_3) entries.vector(2);
  }
  if (certificates.length === 0) throw new TlsError(Alert.decodeError, 'The server showed no certificate.');
  return certificates;
}

export function encodeCertificates(certificates: readonly Uint8Array[], version: number): Uint8Array {
  const isNew = version === TLS_1_3;
  const entries = certificates.map((der) => join([vector(3, der), ...(isNew ? [vector(2)] : [])]));
  return message(Handshake.certificate, ...(isNew ? [vector(1)] : []), vector(3, ...entries));
}

export interface Signed {
  scheme: number;
  signature: Uint8Array;
}

export function readSigned(reader: Reader): Signed {
  const signed = { scheme: reader.number(2), signature: reader.vector(2) };
  reader.end();
  return signed;
}

export function encodeCertificateVerify({ scheme, signature }: Signed): Uint8Array {
  return message(Handshake.certificateVerify, uint(2, scheme), vector(2, signature));
}

/** Schemes that the server would take a client's signature by. */
export function readSchemesOfRequest(body: Uint8Array, version: number): number[] {
  const reader = new Reader(body);
  if (version === TLS_1_2) {
    reader.vector(1); // Types of certificates, which the schemes say better.
    return readNumbers(reader.vector(2));
  }
  readEmptyContext(reader);
  const list = readExtensions(reader.vector(2)).get(Extension.signatureAlgorithms);
  if (list === undefined) throw new TlsError(Alert.missingExtension, 'signature_algorithms is missing.');
  return readNumbers(new Reader(list).vector(2));
}

/** It says which request a certificate answers; in a handshake there is one. */
function readEmptyContext(reader: Reader): void {
  if (reader.vector(1).length > 0)
    throw new TlsError(Alert.illegalParameter, 'The server answers a request that nobody made.');
}

/** The two bytes that are the whole content of an extension. */
export function numberOf(bytes: Uint8Array): number {
  const reader = new Reader(bytes);
  const number = reader.number(2);
  reader.end();
  return number;
}

export function readNumbers(bytes: Uint8Array): number[] {
  const reader = new Reader(bytes);
  const numbers: number[] = [];
  while (!reader.isAtEnd) numbers.push(reader.number(2));
  return numbers;
}
