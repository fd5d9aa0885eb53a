/** Elliptic curves on which keys are agreed: what every TLS 1.2 and 1.3 server knows, and this runtime computes. */
import { createECDH } from 'node:crypto';
import { x25519 } from '@noble/curves/ed25519.js';
import { Alert, TlsError } from './alerts.ts';

/** Numbers of supported_groups that we offer. The first is offered with a key; another costs a round trip more. */
export const GROUPS: ReadonlyMap<number, string> = new Map([
  [23, 'prime256v1'],
  [24, 'secp384r1'],
  [25, 'secp521r1'],
]);

export const FIRST_GROUP = 23;

/** What most clients begin with. As a client we can do without. */
export const X25519 = 29;

export class KeyExchange {
  readonly group: number;
  readonly publicKey: Uint8Array;
  /** Throws where their key is none. */
  readonly #agree: (theirs: Uint8Array) => Uint8Array;

  constructor(group: number) {
    const curve = GROUPS.get(group);
    this.group = group;
    if (group === X25519) [this.publicKey, this.#agree] = onMontgomeryCurve();
    else if (curve !== undefined) [this.publicKey, this.#agree] = onWeierstrassCurve(curve);
    else throw new TlsError(Alert.illegalParameter, 'The other side chose an unknown curve.');
  }

  secret(theirs: Uint8Array): Uint8Array {
    if (theirs.length !== this.publicKey.length) throw notOnCurve();
    try {
      return this.#agree(theirs);
    } catch {
      throw notOnCurve();
    }
  }
}

type Side = [publicKey: Uint8Array, agree: (theirs: Uint8Array) => Uint8Array];

function onWeierstrassCurve(curve: string): Side {
  const ecdh = createECDH(curve);
  const agree = (theirs: Uint8Array): Uint8Array => {
    // Uncompressed points alone are allowed; the library checks that it lies on the curve.
    if (theirs[0] !== 4) throw notOnCurve();
    return ecdh.computeSecret(theirs);
  };
  return [ecdh.generateKeys(), agree];
}

/** By a library: workerd 1.20261102.1 makes such keys, but agrees on nothing with one that came from outside. */
function onMontgomeryCurve(): Side {
  const secretKey = x25519.utils.randomSecretKey();
  // It refuses points of small order, which lead to zero (RFC 8446, section 7.4.2).
  return [x25519.getPublicKey(secretKey), (theirs) => x25519.getSharedSecret(secretKey, theirs)];
}

function notOnCurve(): TlsError {
  return new TlsError(Alert.illegalParameter, "The other side's key is no point of the curve.");
}
