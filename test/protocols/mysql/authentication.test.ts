import { constants, createHash, generateKeyPairSync, privateDecrypt } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { expect, test } from 'vitest';
import { Authentication } from '../../../src/protocols/mysql/authentication.ts';
import { ed25519Response } from '../../../src/protocols/mysql/authentication-ed25519.ts';
import {
  cachingSha2Response,
  isCachingSha2Response,
  isNativeResponse,
  makeVerifier,
  nativeResponse,
} from '../../../src/protocols/mysql/passwords.ts';
import { decodeVerifier, encodeVerifier } from '../../../src/protocols/mysql/verifier.ts';
import { COUNTING, wire } from '../postgres/wire.ts';

const NONCE = wire('ABCDEFGHIJKLMNOPQRST');
/** As it comes from the wire. */
const NONCE_SENT = wire(NONCE, [0]);

function talking(options: { password?: string; isSecure?: boolean } = {}): Authentication {
  return new Authentication({ password: 'secret', isSecure: false, random: COUNTING, ...options });
}

test('mysql_native_password is the hash of the password under that of the nonce', () => {
  const { plugin, response } = talking().first({ plugin: 'mysql_native_password', nonce: NONCE_SENT });
  expect(plugin).toBe('mysql_native_password');
  const sha1 = (...parts: Uint8Array[]): Uint8Array =>
    createHash('sha1')
      .update(wire(...parts))
      .digest();
  const once = sha1(wire('secret'));
  const mask = sha1(NONCE, sha1(once));
  expect(response).toEqual(once.map((byte, at) => byte ^ (mask[at] ?? 0)));
});

test('both sides of each proof agree, and a wrong password, nonce or length does not pass', () => {
  const verifier = makeVerifier('secret');
  const other = wire('BCDEFGHIJKLMNOPQRSTU');
  for (const [respond, isProven] of [
    [nativeResponse, isNativeResponse],
    [cachingSha2Response, isCachingSha2Response],
  ] as const) {
    const proof = respond('secret', NONCE);
    expect(isProven(proof, NONCE, verifier)).toBe(true);
    expect(isProven(proof, other, verifier)).toBe(false);
    expect(isProven(respond('Secret', NONCE), NONCE, verifier)).toBe(false);
    expect(isProven(wire(proof, [0]), NONCE, verifier)).toBe(false);
    expect(isProven(wire(), NONCE, verifier)).toBe(false);
    expect(respond('', NONCE)).toEqual(wire());
  }
});

test('a stored verifier is read back, and one of another protocol is none', () => {
  expect(decodeVerifier(encodeVerifier('secret'))).toMatchObject({ sha1: expect.any(Uint8Array) });
  expect(encodeVerifier('secret')).toMatch(/^mysql\$14e65567abdb5135d0cfd9a70b3032c179a49ee7\$[0-9a-f]{64}$/);
  expect(decodeVerifier('SCRAM-SHA-256$4096:x')).toBeUndefined();
});

test('caching_sha2_password ends at once where the server knows the hash', () => {
  const authentication = talking();
  const { response } = authentication.first({ plugin: 'caching_sha2_password', nonce: NONCE_SENT });
  expect(response).toHaveLength(32);
  expect(authentication.more(wire([3]))).toBeUndefined();
});

test('caching_sha2_password sends the password in clear over TLS', () => {
  const authentication = talking({ isSecure: true });
  authentication.first({ plugin: 'caching_sha2_password', nonce: NONCE_SENT });
  expect(authentication.more(wire([4]))).toEqual(wire('secret\0'));
});

test.each([
  { plugin: 'caching_sha2_password', asks: 0x02 },
  { plugin: 'sha256_password', asks: 0x01 },
])("$plugin encrypts the password for the server's key without TLS", ({ plugin, asks }) => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const authentication = talking();
  const { response } = authentication.first({ plugin, nonce: NONCE_SENT });
  const request = plugin === 'sha256_password' ? response : authentication.more(wire([4]));
  expect(request).toEqual(wire([asks]));
  const encrypted = authentication.more(wire(publicKey)) ?? wire();
  const masked = privateDecrypt(
    { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
    encrypted,
  );
  expect(masked.map((byte, at) => byte ^ (NONCE[at] ?? 0))).toEqual(Buffer.from('secret\0'));
});

test('something that is no key ends the login', () => {
  const authentication = talking();
  authentication.first({ plugin: 'caching_sha2_password', nonce: NONCE_SENT });
  authentication.more(wire([4]));
  expect(() => authentication.more(wire('no key'))).toThrow('no RSA key');
});

test('sha256_password sends the password in clear over TLS, and a zero byte where there is none', () => {
  const secure = talking({ isSecure: true }).first({ plugin: 'sha256_password', nonce: NONCE_SENT });
  expect(secure.response).toEqual(wire('secret\0'));
  const empty = talking({ password: '' }).first({ plugin: 'sha256_password', nonce: NONCE_SENT });
  expect(empty.response).toEqual(wire([0]));
});

test('mysql_clear_password is for TLS only, and never the first answer', () => {
  const clear = { plugin: 'mysql_clear_password', nonce: wire() };
  expect(() => talking().switch(clear)).toThrow(expect.objectContaining({ apiCode: 2015, fatal: true }));
  expect(talking({ isSecure: true }).switch(clear)).toEqual(wire('secret\0'));
  expect(talking({ isSecure: true }).first(clear).plugin).toBe('mysql_native_password');
});

test('client_ed25519 signs as RFC 8032 does where the password is a secret of 32 bytes', () => {
  const nonce = COUNTING.subarray(0, 32);
  const password = 'abcdefghijklmnopqrstuvwxyz012345';
  const signature = ed25519Response(password, nonce);
  expect(signature).toEqual(ed25519.sign(nonce, wire(password)));
  expect(talking({ password }).switch({ plugin: 'client_ed25519', nonce })).toEqual(signature);
  expect(ed25519Response('', nonce)).toEqual(wire());
});

test("client_ed25519 signs as MariaDB's own connector does", () => {
  // mariadb 3.5.4: Ed25519PasswordAuth.encryptPassword('secret', <0, 1, ..., 31>)
  const expected =
    '546c3e9311d19ee389d1ae5d945821bfe459423910136f16b3bd2ae89fd7d63b' +
    '449e689f4be812891a85b8f999076446d92adb83d0707215aaa60b5a23220907';
  expect(Buffer.from(ed25519Response('secret', COUNTING.subarray(0, 32))).toString('hex')).toBe(expected);
});

test('parsec asks for the salt, derives the key and signs both nonces', () => {
  const authentication = talking();
  const serverNonce = wire(new Uint8Array(32).fill(7));
  expect(authentication.switch({ plugin: 'parsec', nonce: serverNonce })).toEqual(wire());
  const answer = authentication.more(wire('P', [0], 'eighteen bytes salt')) ?? wire();
  const clientNonce = COUNTING.subarray(0, 32);
  expect(answer.subarray(0, 32)).toEqual(clientNonce);
  // PBKDF2-HMAC-SHA512 of `secret`, 1024 iterations, computed with OpenSSL.
  const publicKey = ed25519.getPublicKey(
    Buffer.from('da6c4bd367c2ebeb4064104e8ab26fd1d6b5a04fa49748e94fc4878891cec885', 'hex'),
  );
  expect(ed25519.verify(answer.subarray(32), wire(serverNonce, clientNonce), publicKey)).toBe(true);
});

test.each([
  ['another way to derive', wire('Q', [0], 'salt')],
  ['more work than a login may cost', wire('P', [7], 'salt')],
  ['nothing at all', wire()],
])('parsec with %s is refused', (_, salt) => {
  const authentication = talking();
  authentication.switch({ plugin: 'parsec', nonce: new Uint8Array(32) });
  expect(() => authentication.more(salt)).toThrow('not supported');
});

test('an unknown plugin in the greeting is answered by another, and refused when it is asked for', () => {
  const gssapi = { plugin: 'auth_gssapi_client', nonce: NONCE_SENT };
  expect(talking().first(gssapi).plugin).toBe('mysql_native_password');
  expect(() => talking().switch(gssapi)).toThrow('auth_gssapi_client, which is not supported');
});

test('a server that never has enough is refused', () => {
  const authentication = talking();
  const native = { plugin: 'mysql_native_password', nonce: NONCE_SENT };
  authentication.first(native);
  for (let times = 0; times < 5; times += 1) authentication.switch(native);
  expect(() => authentication.switch(native)).toThrow('one authentication plugin after another');
  expect(() => authentication.more(wire([1]))).toThrow('asks for more than mysql_native_password has');
});
