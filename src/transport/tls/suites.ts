/** Cipher suites: AES-GCM alone, which every server of TLS 1.2 and 1.3 has and this runtime computes fastest. */
export interface Suite {
  hash: 'sha256' | 'sha384';
  keyBytes: 16 | 32;
  /** 1.2: what kind of key the server must sign with. */
  signedBy?: 'rsa' | 'ec';
}

const SMALL = { hash: 'sha256', keyBytes: 16 } as const;
const LARGE = { hash: 'sha384', keyBytes: 32 } as const;

/** In the order of our preference: those of 1.3 first. Of 1.2 only what has forward secrecy. */
export const SUITES: ReadonlyMap<number, Suite> = new Map<number, Suite>([
  [0x1301, SMALL],
  [0x1302, LARGE],
  [0xc02b, { ...SMALL, signedBy: 'ec' }],
  [0xc02f, { ...SMALL, signedBy: 'rsa' }],
  [0xc02c, { ...LARGE, signedBy: 'ec' }],
  [0xc030, { ...LARGE, signedBy: 'rsa' }],
]);
