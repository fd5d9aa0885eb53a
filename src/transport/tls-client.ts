/** TLS of our own towards an origin, over any stream of bytes: for what the runtime's cannot do. Loaded when first needed. */
import { createPrivateKey } from 'node:crypto';
import { PoolerError } from '../errors.ts';
import type { ByteStream, SecureStream } from './byte-stream.ts';
import type { OwnTlsOptions } from './own-tls.ts';
import { refusal } from './refusal.ts';
import { Alert, CertificateError, PeerAlert } from './tls/alerts.ts';
import { endPointOf } from './tls/certificate.ts';
import { type ClientOptions, clientHandshake } from './tls/client-handshake.ts';
import { TlsConnection } from './tls/connection.ts';
import { certificatesOf } from './tls/pem.ts';
import { checkTrust } from './tls/trust.ts';
import { shakeHands, TlsStream, type TlsStreamOptions } from './tls-stream.ts';

const LEFT = 'The server left when it had seen our client certificate; it may not accept it';

/** Of an alert with which a server ended a handshake. */
const REFUSALS: ReadonlyMap<number, string> = new Map<number, string>([
  [
    Alert.handshakeFailure,
    'it accepts none of our ciphers, curves and signatures, or wants a client certificate',
  ],
  [Alert.badCertificate, 'it does not accept our client certificate (bad_certificate)'],
  [Alert.unsupportedCertificate, 'it does not accept our client certificate (unsupported_certificate)'],
  [Alert.certificateExpired, 'it takes our client certificate for expired'],
  [Alert.certificateUnknown, 'it does not accept our client certificate (certificate_unknown)'],
  [Alert.unknownCa, 'it does not know the authority of our client certificate'],
  [Alert.decryptError, 'it could not verify what we signed (decrypt_error)'],
  [Alert.protocolVersion, 'it speaks neither TLS 1.2 nor TLS 1.3'],
  [Alert.insufficientSecurity, 'it asks for stronger ciphers (insufficient_security)'],
  [Alert.certificateRequired, 'it wants a client certificate. Give mtls.mtls_certificate_id'],
  [112, 'it does not serve this host name (unrecognized_name)'],
]);

/** Shakes hands. Throws a PoolerError; the stream below stays the caller's to close. */
export async function startTls(below: ByteStream, options: OwnTlsOptions): Promise<SecureStream> {
  const connection = new TlsConnection((channel) => clientHandshake(channel, clientOptions(options)));
  try {
    const said = await shakeHands(below, connection);
    const stream = new TlsStream(below, { connection, said, ...explanations(options) });
    const endPoint = endPointFor(connection, options);
    return endPoint === undefined ? stream : Object.assign(stream, { endPoint });
  } catch (cause) {
    throw handshakeError(cause);
  }
}

function clientOptions(options: OwnTlsOptions): ClientOptions {
  const { host, authorities, isHostChecked, client } = options;
  return {
    host,
    random: crypto.getRandomValues(new Uint8Array(32)),
    checkServer(chain) {
      if (authorities === undefined) return;
      const trusted = certificatesOf(authorities);
      checkTrust(chain, { authorities: trusted, host: isHostChecked ? host : undefined, nowMs: Date.now() });
    },
    certificate: client && { chain: certificatesOf(client.certificates), key: createPrivateKey(client.key) },
  };
}

/** What a login can be bound to. */
function endPointFor(connection: TlsConnection, { authorities }: OwnTlsOptions): Uint8Array | undefined {
  const certificate = connection.peerCertificate;
  return certificate && endPointOf(certificate, { isVouchedFor: authorities !== undefined });
}

/** The server's first words prove that it took our certificate: in 1.3 it says no only behind the handshake. */
function explanations({ client }: OwnTlsOptions): Pick<TlsStreamOptions, 'explain' | 'explainSilence'> {
  return {
    explain: (cause, { hasPeerSpoken }) => (hasPeerSpoken ? lost(cause) : handshakeError(cause)),
    ...(client && { explainSilence: (cause) => handshakeError(new Error(LEFT, { cause })) }),
  };
}

function lost(cause: unknown): PoolerError {
  const words = wordsOf(cause);
  const options = { fault: 'origin', sqlState: '08006', apiCode: 2010, cause } as const;
  return new PoolerError(`The TLS connection to the database was lost: ${words}`, options);
}

function handshakeError(cause: unknown): PoolerError {
  if (cause instanceof PoolerError) return cause;
  const words = wordsOf(cause);
  if (cause instanceof CertificateError)
    return refusal('tls_handshake_failed', `TLS handshake failed: cert validation failed: ${words}`, cause);
  return refusal('tls_handshake_failed', `TLS handshake failed: ${words}`, cause);
}

function wordsOf(cause: unknown): string {
  if (cause instanceof PeerAlert)
    return `The server refused: ${REFUSALS.get(cause.alert) ?? `alert ${cause.alert}`}`;
  return cause instanceof Error ? cause.message : String(cause);
}
