/**
 * What goes wrong in TLS: the alert that the other side is told with, and words for a person.
 * https://www.rfc-editor.org/rfc/rfc8446#section-6
 */

export const Alert = {
  closeNotify: 0,
  unexpectedMessage: 10,
  badRecordMac: 20,
  recordOverflow: 22,
  handshakeFailure: 40,
  badCertificate: 42,
  unsupportedCertificate: 43,
  certificateExpired: 45,
  certificateUnknown: 46,
  illegalParameter: 47,
  unknownCa: 48,
  decodeError: 50,
  decryptError: 51,
  protocolVersion: 70,
  insufficientSecurity: 71,
  missingExtension: 109,
  unsupportedExtension: 110,
  certificateRequired: 116,
  noApplicationProtocol: 120,
} as const;

export type AlertCode = (typeof Alert)[keyof typeof Alert];

/** We end the connection. `message` is for a person who runs it. */
export class TlsError extends Error {
  readonly alert: AlertCode;

  constructor(alert: AlertCode, message: string) {
    super(message);
    this.name = 'TlsError';
    this.alert = alert;
  }
}

/** The server's certificate is not good enough. */
export class CertificateError extends TlsError {}

const WORDS: ReadonlyMap<number, string> = new Map<number, string>([
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

/** The other side has ended the connection with an alert. */
export function refusedByPeer(description: number): Error {
  const words = WORDS.get(description) ?? `alert ${description}`;
  return new Error(`The server refused: ${words}`);
}
