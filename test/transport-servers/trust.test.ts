/** Which chains of certificates are believed, and which are not (RFC 5280). OpenSSL makes them. */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkTrust } from '../../src/transport/tls/trust.ts';
import { CertificateMaker, type Certified, makeRoot, type Wishes } from '../fakes/authority.ts';

const HOST = 'db.example.com';

let maker: CertificateMaker;
let root: Certified;

beforeAll(async () => {
  maker = await CertificateMaker.open();
  root = await makeRoot(maker, 'Root');
});

afterAll(() => maker.stop());

const server = (wishes: Partial<Wishes>): Promise<Certified> =>
  maker.make({ name: 'server', alternatives: `DNS:${HOST}`, issuer: root, ...wishes });

const authority = (wishes: Partial<Wishes>): Promise<Certified> =>
  maker.make({ name: 'Below', isAuthority: true, issuer: root, ...wishes });

function derOf({ certificate }: Certified): Uint8Array {
  return new Uint8Array(new X509Certificate(certificate).raw);
}

function check(shown: Certified[], authorities = [root], host: string | undefined = HOST): void {
  checkTrust(shown.map(derOf), { authorities: authorities.map(derOf), host, nowMs: Date.now() });
}

describe('is believed', () => {
  test('a chain in any order, with what does not belong to it', async () => {
    const upper = await authority({ name: 'Upper' });
    const lower = await authority({ name: 'Lower', issuer: upper });
    check([await server({ issuer: lower }), upper, await makeRoot(maker, 'Stranger'), root, lower]);
  });

  test('an authority that was renewed with the key it had, whichever of the two is found first', async () => {
    const old = await maker.make({ name: 'Root', isAuthority: true, keyOf: root, days: -1 });
    check([await server({})], [old, root]);
    check([await server({})], [root, old]);
  });

  test('an authority that two others vouch for, of which one has expired', async () => {
    const below = await authority({ name: 'Below' });
    const old = await authority({ name: 'Below', keyOf: below, days: -1 });
    const leaf = await server({ issuer: below });
    check([leaf, old, below]);
    check([leaf, below, old]);
  });

  test('the very certificate that was uploaded, which need be no authority', async () => {
    const own = await maker.make({ name: 'own', alternatives: `DNS:${HOST}` });
    check([own], [own]);
    const leaf = await server({});
    check([leaf], [leaf]);
  });

  test('an authority for all purposes, or for servers', async () => {
    for (const purpose of ['anyExtendedKeyUsage', 'serverAuth,clientAuth']) {
      const issuer = await authority({ extensions: [`extendedKeyUsage=${purpose}`] });
      check([await server({ issuer }), issuer]);
    }
  });
});

describe('is not believed', () => {
  const refusals: [what: string, issuer: Partial<Wishes>, leaf: Partial<Wishes>, words: string][] = [
    [
      'under one for clients',
      { extensions: ['extendedKeyUsage=clientAuth'] },
      {},
      'no authority for servers',
    ],
    ['under an RSA key of 1024 bits', { key: 'rsa1024' }, {}, 'the key of CN=Below is too weak'],
    ['with an RSA key of 1024 bits', {}, { key: 'rsa1024' }, 'the key of CN=server is too weak'],
    ['signed with SHA-1', {}, { hash: 'sha1' }, 'signed by an algorithm that is not safe'],
    ['under one signed with SHA-1', { hash: 'sha1' }, {}, 'signed by an algorithm that is not safe'],
    ['under one that has expired', { days: -1 }, {}, 'the certificate CN=Below expired'],
    [
      'under one that may not sign certificates',
      { extensions: ['keyUsage=digitalSignature'] },
      {},
      'CN=Below, which signed in its chain, is no authority',
    ],
    [
      'for signing nothing',
      {},
      { extensions: ['keyUsage=keyEncipherment'] },
      'key usage does not allow signatures',
    ],
    [
      'with an extension that must be understood',
      {},
      { extensions: ['1.2.3.4=critical,DER:0500'] },
      'CN=server has a critical extension that is unknown (1.2.3.4)',
    ],
    [
      'under one with an extension that must be understood',
      { extensions: ['policyConstraints=critical,requireExplicitPolicy:0'] },
      {},
      'CN=Below has a critical extension that is unknown (2.5.29.36)',
    ],
    [
      'for any name below a domain of which one is excluded',
      { extensions: ['nameConstraints=critical,excluded;DNS:secret.example.com'] },
      { alternatives: 'DNS:*.example.com' },
      'CN=Below may not vouch for *.example.com',
    ],
    [
      'for a name that a constraint on e-mail leaves open',
      { extensions: ['nameConstraints=critical,permitted;email:example.com'] },
      {},
      'constrains names of a kind that is not supported',
    ],
  ];

  test.each(refusals)('a server %s', async (_what, above, leaf, words) => {
    const issuer = await authority(above);
    const certified = await server({ issuer, ...leaf });
    expect(() => check([certified, issuer])).toThrow(words);
  });

  test('a server by its common name, where that is outside of the names allowed', async () => {
    const issuer = await authority({ extensions: ['nameConstraints=critical,permitted;DNS:example.org'] });
    const leaf = await maker.make({ name: HOST, issuer });
    expect(() => check([leaf, issuer])).toThrow(`CN=Below may not vouch for ${HOST}`);
  });

  test('a server below an authority that may have none below it', async () => {
    const upper = await authority({
      name: 'Upper',
      extensions: ['basicConstraints=critical,CA:true,pathlen:0'],
    });
    const lower = await authority({ name: 'Lower', issuer: upper });
    check([await server({ issuer: upper }), upper]);
    const leaf = await server({ issuer: lower });
    expect(() => check([leaf, lower, upper])).toThrow('CN=Upper does not allow so many authorities below it');
  });

  test('whom an uploaded certificate signed that is no authority', async () => {
    const own = await maker.make({ name: 'own', alternatives: `DNS:${HOST}` });
    const leaf = await server({ issuer: own });
    expect(() => check([leaf], [own])).toThrow('CN=own, which signed in its chain, is no authority');
  });

  test('a certificate with one extension twice, or with bytes behind it', async () => {
    const der = derOf(await server({ extensions: ['1.2.3.4=DER:0500', '1.2.3.5=DER:0500'] }));
    const trust = { authorities: [derOf(root)], host: HOST, nowMs: Date.now() };
    checkTrust([der], trust);
    expect(() => checkTrust([Uint8Array.of(...der, 5, 0)], trust)).toThrow('it is damaged');
    const second = Buffer.from(der).indexOf(Buffer.of(6, 3, 0x2a, 3, 5)) + 4;
    expect(() => checkTrust([der.with(second, 4)], trust)).toThrow('it is damaged');
  });

  test('certificates that lead round and round, in no time', async () => {
    const circle = await makeRoot(maker, 'Circle');
    const leaf = await server({ issuer: circle });
    expect(() => check([leaf, ...Array<Certified>(15).fill(circle)])).toThrow('which is not among: CN=Root');
  });

  test('more than a person would read is not told', async () => {
    const alternatives = Array.from({ length: 500 }, (_, at) => `DNS:${at}.example.org`).join(',');
    const many = await server({ alternatives });
    expect(() => check([many])).toThrow('7.example.org and 492 more, not for db.example.com');
  });
});
