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

/** The other side has ended the connection. */
export class PeerAlert extends Error {
  /** A number of RFC 8446, section 6. */
  readonly alert: number;

  constructor(alert: number) {
    super(`The other side refused: alert ${alert}`);
    this.name = 'PeerAlert';
    this.alert = alert;
  }
}
