/** What a text in PEM holds: certificates and a private key. Says what is wrong with it; stores nothing. */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';

export interface CertificateFacts {
  /** The certificates alone, without what stood between them. */
  pem: string;
  issuer: string;
  serialNumber: string;
  expiresOn: string;
}

export type Read<T> = { ok: true; value: T } | { ok: false; problem: string };

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----/g;
const CERTIFICATES_MAX = 20;

/** The facts are those of the first: a client certificate stands before its chain. */
export function readCertificates(text: string, nowMs: number): Read<CertificateFacts> {
  if (text.includes('PRIVATE KEY')) {
    return problem('certificates holds a private key. Send that as private_key alone.');
  }
  const pems = text.match(CERTIFICATE) ?? [];
  if (pems.length === 0) return problem('certificates holds no PEM certificate. Send the file as it is.');
  if (pems.length > CERTIFICATES_MAX) {
    return problem(`certificates holds more than ${CERTIFICATES_MAX} certificates. Send fewer.`);
  }
  const parsed = pems.map(parseCertificate);
  const certificates = parsed.filter((certificate) => certificate !== undefined);
  const [first] = certificates;
  if (first === undefined || certificates.length < parsed.length) {
    return problem('certificates holds a certificate that is damaged. Send the file as it is.');
  }
  const expired = certificates.find((certificate) => Date.parse(certificate.validTo) < nowMs);
  if (expired !== undefined) {
    return problem(`certificates holds one that expired on ${isoOf(expired.validTo)}. Renew it.`);
  }
  return {
    ok: true,
    value: {
      pem: `${pems.join('\n')}\n`,
      issuer: first.issuer.replaceAll('\n', ', '),
      serialNumber: first.serialNumber,
      expiresOn: isoOf(first.validTo),
    },
  };
}

/** The key must be that of the first certificate. `pem`: as read above. */
export function checkPrivateKey(keyText: string, pem: string): Read<undefined> {
  const key = parsePrivateKey(keyText);
  if (key === undefined) {
    return problem('private_key is no PEM private key without a passphrase. Decrypt it with `openssl pkey`.');
  }
  if (!isSameKey(createPublicKey(key), new X509Certificate(pem).publicKey)) {
    return problem('private_key is the key of another certificate. Send the one that belongs to it.');
  }
  return { ok: true, value: undefined };
}

function problem(text: string): { ok: false; problem: string } {
  return { ok: false, problem: text };
}

/** The parser's words help nobody, and may quote the text. */
function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** As above: the error could quote a key. */
function parsePrivateKey(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}

/** Not `checkPrivateKey`: workerd 1.20261117 says false of the right key. */
function isSameKey(a: KeyObject, b: KeyObject): boolean {
  const [left, right] = [a, b].map((key) => key.export({ type: 'spki', format: 'der' }));
  return left !== undefined && right !== undefined && left.equals(right);
}

/** OpenSSL's form of a time, such as `Nov 22 16:59:47 2122 GMT`. */
function isoOf(validTo: string): string {
  return new Date(validTo).toISOString();
}
