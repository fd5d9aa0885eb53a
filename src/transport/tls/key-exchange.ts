/** Elliptic curves on which keys are agreed: what every TLS 1.2 and 1.3 server knows, and this runtime computes. */
import { createECDH } from 'node:crypto';
import { Alert, TlsError } from './alerts.ts';

/** Numbers of supported_groups. The first is offered with a key; another costs a round trip more. */
export const GROUPS: ReadonlyMap<number, string> = new Map([
  [23, 'prime256v1'],
  [24, 'secp384r1'],
  [25, 'secp521r1'],
]);

export const FIRST_GROUP = 23;

export class KeyExchange {
  readonly group: number;
  readonly publicKey: Uint8Array;
  readonly #ecdh: ReturnType<typeof createECDH>;

  constructor(group: number) {
    const curve = GROUPS.get(group);
    if (curve === undefined) throw new TlsError(Alert.illegalParameter, 'The server chose an unknown curve.');
    this.group = group;
    this.#ecdh = createECDH(curve);
    this.publicKey = this.#ecdh.generateKeys();
  }

  secret(theirs: Uint8Array): Uint8Array {
    // Uncompressed points alone are allowed; the library checks that it lies on the curve.
    if (theirs.length !== this.publicKey.length || theirs[0] !== 4) throw notOnCurve();
    try {
      return this.#ecdh.computeSecret(theirs);
    } catch {
      throw notOnCurve();
    }
  }
}

function notOnCurve(): TlsError {
  return new TlsError(Alert.illegalParameter, "The server's key is no point of the curve.");
}
