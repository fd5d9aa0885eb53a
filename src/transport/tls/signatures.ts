/** Signatures by certificates' keys: the server's are verified, ours are made. */
import { constants, createSign, createVerify, type KeyObject, sign, verify } from 'node:crypto';
import { Alert, TlsError } from './alerts.ts';
import { TLS_1_3 } from './messages.ts';

interface Scheme {
  key: 'ec' | 'ed25519' | 'rsa';
  hash: 'sha256' | 'sha384' | 'sha512' | null;
  /** 1.3 binds the curve to the scheme; in 1.2 any curve goes with any hash. */
  curve?: string;
  saltBytes?: number;
}

/** Numbers of signature_algorithms, in the order of our preference. No SHA-1. */
export const SCHEMES: ReadonlyMap<number, Scheme> = new Map<number, Scheme>([
  [0x0403, { key: 'ec', hash: 'sha256', curve: 'prime256v1' }],
  [0x0503, { key: 'ec', hash: 'sha384', curve: 'secp384r1' }],
  [0x0603, { key: 'ec', hash: 'sha512', curve: 'secp521r1' }],
  [0x0807, { key: 'ed25519', hash: null }],
  [0x0804, { key: 'rsa', hash: 'sha256', saltBytes: 32 }],
  [0x0805, { key: 'rsa', hash: 'sha384', saltBytes: 48 }],
  [0x0806, { key: 'rsa', hash: 'sha512', saltBytes: 64 }],
  [0x0401, { key: 'rsa', hash: 'sha256' }],
  [0x0501, { key: 'rsa', hash: 'sha384' }],
  [0x0601, { key: 'rsa', hash: 'sha512' }],
]);

/** Throws where the signature is not that of the key, or of a kind that does not belong to it. */
export function verifySignature(signed: {
  version: number;
  scheme: number;
  key: KeyObject;
  content: Uint8Array;
  signature: Uint8Array;
}): void {
  const { version, scheme, key, content, signature } = signed;
  const kind = SCHEMES.get(scheme);
  if (kind === undefined || !fits({ kind, key, version }))
    throw new TlsError(Alert.illegalParameter, 'The server signed by a scheme that its key does not have.');
  if (!isSignedBy({ kind, key, content, signature }))
    throw new TlsError(Alert.decryptError, 'The server does not hold the key of its certificate.');
}

/** Undefined: the server takes no signature that this key can make. */
export function chooseScheme(options: {
  version: number;
  key: KeyObject;
  offered: readonly number[];
}): number | undefined {
  const { version, key, offered } = options;
  return [...SCHEMES].find(([scheme, kind]) => offered.includes(scheme) && fits({ kind, key, version }))?.[0];
}

export function makeSignature({
  scheme,
  key,
  content,
}: {
  scheme: number;
  key: KeyObject;
  content: Uint8Array;
}): Uint8Array {
  const kind = SCHEMES.get(scheme);
  if (kind?.key === 'rsa' && kind.hash !== null) {
    const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
    return createSign(kind.hash)
      .update(content)
      .sign({ key: pem, ...paddingOf(kind) });
  }
  return sign(kind?.hash ?? null, content, key);
}

function fits({ kind, key, version }: { kind: Scheme; key: KeyObject; version: number }): boolean {
  if (key.asymmetricKeyType !== kind.key) return false;
  if (version !== TLS_1_3) return true;
  if (kind.key === 'rsa') return kind.saltBytes !== undefined;
  return kind.curve === undefined || key.asymmetricKeyDetails?.namedCurve === kind.curve;
}

/** A malformed signature throws in the library: it is none. */
function isSignedBy({
  kind,
  key,
  content,
  signature,
}: {
  kind: Scheme;
  key: KeyObject;
  content: Uint8Array;
  signature: Uint8Array;
}): boolean {
  try {
    if (kind.key !== 'rsa' || kind.hash === null) return verify(kind.hash, content, key, signature);
    // The one-shot `verify` of workerd 1.20261023 takes no padding, and this one takes no KeyObject with a padding.
    const pem = key.export({ type: 'spki', format: 'pem' }).toString();
    return createVerify(kind.hash)
      .update(content)
      .verify({ key: pem, ...paddingOf(kind) }, signature);
  } catch {
    return false;
  }
}

function paddingOf({ saltBytes }: Scheme): { padding: number; saltLength?: number } {
  if (saltBytes === undefined) return { padding: constants.RSA_PKCS1_PADDING };
  return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: saltBytes };
}
