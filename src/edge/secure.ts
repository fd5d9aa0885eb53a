/** TLS on our listeners: the certificate of this deployment, and the upgrade of a driver's connection. */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Env } from '../env.ts';
import { logFailure, PoolerError } from '../errors.ts';
import type { Protocol } from '../protocols/contract.ts';
import type { DriverStep } from '../protocols/driver-login.ts';
import type { DriverSocket } from '../transport/driver-socket.ts';
import { PeerAlert, TlsError } from '../transport/tls/alerts.ts';
import { endPointOf } from '../transport/tls/certificate.ts';
import type { OwnCertificate } from '../transport/tls/handshake.ts';
import { certificatesOf } from '../transport/tls/pem.ts';

export interface ListenerCertificate extends OwnCertificate {
  /** What PostgreSQL's logins can be bound to; its signature may have no hash for that. */
  endPoint: Uint8Array | undefined;
}

let read: { certificate: string; key: string; own: ListenerCertificate } | undefined;

/** Undefined: there is none. Throws where it cannot be used: nobody shall be let in in clear by mistake. */
export function listenerCertificate(
  env: Pick<Env, 'TLS_CERTIFICATE' | 'TLS_KEY'>,
): ListenerCertificate | undefined {
  const { TLS_CERTIFICATE: certificate, TLS_KEY: key } = env;
  if (!certificate && !key) return undefined;
  if (!certificate || !key) throw unusable('TLS_CERTIFICATE and TLS_KEY belong together, and one is not set');
  if (read?.certificate !== certificate || read.key !== key)
    read = { certificate, key, own: readPair(certificate, key) };
  return read.own;
}

function readPair(certificate: string, pem: string): ListenerCertificate {
  const [chain, key] = [readChain(certificate), readKey(pem)];
  const [own] = chain;
  if (!own) throw unusable('TLS_CERTIFICATE has no certificate in PEM');
  if (!isKeyOf(key, own)) throw unusable('TLS_KEY is not the key of TLS_CERTIFICATE');
  return { chain, key, endPoint: endPointIn(own) };
}

/** A certificate that only our parser cannot read still does for TLS. */
function endPointIn(certificate: Uint8Array): Uint8Array | undefined {
  try {
    return endPointOf(certificate, { isVouchedFor: true });
  } catch {
    return undefined;
  }
}

/** `X509Certificate.checkPrivateKey` says no to a pair of RSA (workerd 1.20261102.1). */
function isKeyOf(key: KeyObject, certificate: Uint8Array): boolean {
  const keys = [createPublicKey(key), new X509Certificate(certificate).publicKey];
  const [ours, theirs] = keys.map((one) => one.export({ type: 'spki', format: 'der' }));
  return ours !== undefined && theirs !== undefined && ours.equals(theirs);
}

function readChain(certificate: string): Uint8Array[] {
  try {
    return certificatesOf(certificate);
  } catch (cause) {
    throw unusable('TLS_CERTIFICATE is damaged', cause);
  }
}

function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw unusable('TLS_KEY is no private key in PEM without a passphrase', cause);
  }
}

function unusable(what: string, cause?: unknown): PoolerError {
  const error = new PoolerError(`this server's certificate cannot be used: ${what}`, {
    fault: 'pooler',
    sqlState: 'F0000', // config_file_error
    fatal: true,
    cause,
  });
  logFailure('no driver is let in', error);
  return error;
}

/** What takes the place of the driver's socket, whose streams must not be locked. Throws where TLS cannot be spoken. */
export async function secureDriver(
  socket: DriverSocket,
  options: {
    certificate: OwnCertificate;
    protocol: Protocol;
    step: Extract<DriverStep, { step: 'startTls' }>;
  },
): Promise<DriverSocket> {
  const { certificate, protocol, step } = options;
  const { acceptTls } = await import('../transport/tls-server.ts');
  try {
    return await acceptTls(socket, {
      certificate,
      early: step.early,
      protocol: protocol.applicationProtocol,
      isProtocolNeeded: step.isDirect,
    });
  } catch (cause) {
    throw failedHandshake(cause);
  }
}

/** The driver has heard an alert; the log has the words, for whoever looks why it does not come in. */
function failedHandshake(cause: unknown): PoolerError {
  const words = cause instanceof TlsError || cause instanceof PeerAlert ? cause.message : 'It broke off.';
  const error = new PoolerError(words, { fault: 'driver', sqlState: '08P01', fatal: true, cause });
  logFailure("a driver's TLS handshake failed", error);
  return error;
}
