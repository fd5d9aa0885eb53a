/** What the runtime's own cryptography must refuse: all of our TLS rests on that, and a new workerd may differ. */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { clientHandshake } from '../../../src/transport/tls/client-handshake.ts';
import { TlsConnection } from '../../../src/transport/tls/connection.ts';
import { KeyExchange } from '../../../src/transport/tls/key-exchange.ts';
import { protection13, protections12 } from '../../../src/transport/tls/key-schedule.ts';
import { Cipher12, Cipher13, Content, type RecordCipher } from '../../../src/transport/tls/records.ts';
import { makeSignature, SCHEMES, verifySignature } from '../../../src/transport/tls/signatures.ts';
import { SUITES } from '../../../src/transport/tls/suites.ts';
import { checkTrust } from '../../../src/transport/tls/trust.ts';
import { CA_CERTIFICATE, CLIENT_CERTIFICATE, CLIENT_KEY } from '../../fakes/certificates.ts';
import { answerHello } from '../../fakes/rogue-tls.ts';

const CONTENT = new Uint8Array(50).fill(5);
const VERSION = 0x0303;

let privateKey: KeyObject;
let key: KeyObject;

beforeAll(async () => {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048 };
  const usages = ['sign', 'verify'] as const;
  const publicExponent = Uint8Array.of(1, 0, 1);
  const pair = await crypto.subtle.generateKey({ ...algorithm, publicExponent }, true, [...usages]);
  const { privateKey: secret } = pair as CryptoKeyPair;
  const der = Buffer.from((await crypto.subtle.exportKey('pkcs8', secret)) as ArrayBuffer);
  privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  key = createPublicKey(privateKey);
});

test("an RSA key's signature is of one scheme and of no other, whatever its padding and hash", () => {
  const schemes = [...SCHEMES].filter(([, kind]) => kind.key === 'rsa').map(([scheme]) => scheme);
  expect(schemes).toHaveLength(6);
  for (const made of schemes) {
    const signature = makeSignature({ scheme: made, key: privateKey, content: CONTENT });
    for (const scheme of schemes) {
      const verify = (): void =>
        verifySignature({ version: VERSION, scheme, key, content: CONTENT, signature });
      if (scheme === made) verify();
      else expect(verify).toThrow('does not hold the key');
    }
    for (const bad of [new Uint8Array(), signature.with(20, (signature[20] ?? 0) ^ 1), signature.slice(1)])
      expect(() =>
        verifySignature({ version: VERSION, scheme: made, key, content: CONTENT, signature: bad }),
      ).toThrow('does not hold the key');
  }
});

test('a certificate of which one bit was changed is not signed by its authority', () => {
  const [root, der] = [CA_CERTIFICATE, CLIENT_CERTIFICATE].map((pem) => new X509Certificate(pem).raw);
  if (!root || !der) throw new Error('no certificates');
  const trust = { authorities: [new Uint8Array(root)], host: undefined, nowMs: Date.now() };
  checkTrust([new Uint8Array(der)], trust);
  for (let at = 0; at < der.length; at += 1)
    expect(() => checkTrust([new Uint8Array(der).with(at, (der[at] ?? 0) ^ 1)], trust)).toThrow();
});

test('a point beside the curve is no key', () => {
  const [ours, theirs] = [new KeyExchange(23), new KeyExchange(23).publicKey];
  const zero = new Uint8Array(theirs.length).with(0, 4);
  for (const point of [zero, Uint8Array.from(theirs).with(64, (theirs[64] ?? 0) ^ 1), theirs.subarray(0, 33)])
    expect(() => ours.secret(point)).toThrow('no point of the curve');
});

test('an agreed secret keeps its zeros in front', () => {
  let secret = Uint8Array.of(1);
  // One in 256 begins with one.
  while (secret[0] !== 0) secret = Uint8Array.from(new KeyExchange(23).secret(new KeyExchange(23).publicKey));
  expect(secret).toHaveLength(32);
});

function cipherOf(version: '1.2' | '1.3'): RecordCipher {
  const suite = SUITES.get(0x1301);
  if (!suite) throw new Error('no such suite');
  return version === '1.3'
    ? new Cipher13(protection13(suite, CONTENT))
    : new Cipher12(protections12(suite, CONTENT).client);
}

test.each([
  '1.2',
  '1.3',
] as const)('%s: a record with one other bit, or a second time, is not opened', async (version) => {
  const sealed = await cipherOf(version).seal({ type: Content.applicationData, content: CONTENT });
  const payload = sealed.subarray(5);
  const open = async (cipher: RecordCipher, bytes: Uint8Array): Promise<Uint8Array> =>
    new Uint8Array((await cipher.open({ type: 23, header: sealed.slice(0, 5), payload: bytes })).content);
  const reader = cipherOf(version);
  expect(await open(reader, payload)).toEqual(CONTENT);
  await expect(open(reader, payload)).rejects.toThrow('changed on its way');
  for (let at = 0; at < payload.length; at += 1) {
    const changed = payload.with(at, (payload[at] ?? 0) ^ 1);
    await expect(open(cipherOf(version), changed)).rejects.toThrow('changed on its way');
  }
  await expect(open(cipherOf(version), payload.subarray(0, 15))).rejects.toThrow('changed on its way');
});

test('no byte of a handshake can be changed on its way', async () => {
  const changed = async (at: number): Promise<boolean> => {
    const random = new Uint8Array(32).fill(1);
    const client = new TlsConnection((channel) =>
      clientHandshake(channel, { host: 'db.example.com', random, checkServer: () => {} }),
    );
    const certified = { certificate: CLIENT_CERTIFICATE, key: CLIENT_KEY };
    const answer = await answerHello(await client.takeOutbox(), certified, {});
    try {
      await client.receive(answer.with(at, (answer[at] ?? 0) ^ 1));
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
    }
    return client.isOpen;
  };
  // The record's version, which means nothing.
  expect(await changed(2)).toBe(true);
  // All of ServerHello and of what stands around it, then here and there.
  for (let at = 0; at < 900; at += at < 160 ? 1 : 17)
    if (at !== 2) expect([at, await changed(at)]).toEqual([at, false]);
});
