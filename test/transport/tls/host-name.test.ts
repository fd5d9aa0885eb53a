import { expect, test } from 'vitest';
import type { Certificate, GeneralName } from '../../../src/transport/tls/certificate.ts';
import { forbiddenName, isFor, textOf } from '../../../src/transport/tls/host-name.ts';

const dns = (name: string): GeneralName => ({ kind: 'dns', name });
const ip = (...bytes: number[]): GeneralName => ({ kind: 'ip', bytes: Uint8Array.from(bytes) });

function certificate(alternatives: GeneralName[] | undefined, subject = ''): Certificate {
  return { alternatives, x509: { subject } } as unknown as Certificate;
}

test.each([
  ['db.example.com', 'db.example.com'],
  ['db.example.com', 'DB.Example.COM'],
  ['db.example.com', 'db.example.com.'],
  ['*.example.com', 'db.example.com'],
])('a certificate for %s is for %s', (name, host) => {
  expect(isFor(certificate([dns(name)]), host)).toBe(true);
});

test.each([
  ['db.example.com', 'example.com'],
  ['db.example.com', 'xdb.example.com'],
  ['*.example.com', 'example.com'],
  ['*.example.com', 'a.b.example.com'],
  ['*.com', 'example.com'],
  ['d*.example.com', 'db.example.com'],
  ['*', 'example'],
  ['127.0.0.1', '127.0.0.1'],
  ['example.com\0.evil.org', 'example.com'],
])('a certificate for %s is not for %s', (name, host) => {
  expect(isFor(certificate([dns(name)]), host)).toBe(false);
});

test('addresses are compared as numbers, however they are written', () => {
  expect(isFor(certificate([ip(10, 0, 0, 1)]), '10.0.0.1')).toBe(true);
  expect(isFor(certificate([ip(10, 0, 0, 1)]), '10.0.0.2')).toBe(false);
  const loopback = certificate([ip(...Array<number>(15).fill(0), 1)]);
  for (const host of ['::1', '0:0:0:0:0:0:0:1', '0::0001']) expect(isFor(loopback, host)).toBe(true);
  expect(isFor(loopback, '::2')).toBe(false);
  const mapped = certificate([ip(...Array<number>(10).fill(0), 255, 255, 10, 0, 0, 1)]);
  expect(isFor(mapped, '::ffff:10.0.0.1')).toBe(true);
});

test('the common name counts only where there are no alternative names', () => {
  expect(isFor(certificate(undefined, 'O=x\nCN=db.example.com'), 'db.example.com')).toBe(true);
  expect(isFor(certificate([dns('other')], 'CN=db.example.com'), 'db.example.com')).toBe(false);
  expect(isFor(certificate([], 'CN=db.example.com'), 'db.example.com')).toBe(false);
});

test.each([
  [[dns('example.com')], [], ['db.example.com'], undefined],
  [[dns('.example.com')], [], ['db.example.com'], undefined],
  [[dns('example.com')], [], ['db.example.com', 'example.org'], 'example.org'],
  [[dns('example.com')], [], ['xexample.com'], 'xexample.com'],
  [[], [dns('secret.example.com')], ['db.example.com'], undefined],
  [[], [dns('example.com')], ['db.example.com'], 'db.example.com'],
  [[dns('.example.com')], [], ['example.com'], 'example.com'],
  [[], [dns('secret.example.com')], ['*.example.com'], '*.example.com'],
  [[], [dns('secret.example.org')], ['*.example.com'], undefined],
  [[ip(10, 0, 0, 0, 255, 0, 0, 0)], [], ['db.example.com'], undefined],
])('permitted %j and excluded %j, of %j forbid %s', (permitted, excluded, names, forbidden) => {
  const found = forbiddenName({ permitted, excluded }, names.map(dns));
  expect(found && textOf(found)).toBe(forbidden);
});

test('an address is constrained by a network', () => {
  const permitted = [ip(10, 1, 0, 0, 255, 255, 0, 0)];
  expect(forbiddenName({ permitted, excluded: [] }, [ip(10, 1, 2, 3)])).toBeUndefined();
  expect(forbiddenName({ permitted, excluded: [] }, [ip(10, 2, 2, 3)])).toBeDefined();
});

test('what is told of a name is short and harmless, whatever the certificate says', () => {
  expect(textOf(dns('a\0b\x1b[2J\r\nc'))).toBe('a?b?[2J??c');
  expect(textOf(dns('x'.repeat(70_000)))).toHaveLength(253);
});
