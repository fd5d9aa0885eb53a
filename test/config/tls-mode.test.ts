import { expect, test } from 'vitest';
import { isPrivate, tlsPolicyOf } from '../../src/config/tls-mode.ts';

const OPTIONAL = { login: 'prefer', vouches: 'nobody', isHostChecked: false };
const PUBLIC = { login: 'require', vouches: 'public', isHostChecked: true };

test.each([
  'localhost',
  '127.0.0.1',
  '10.1.2.3',
  '192.168.0.9',
  '172.16.0.1',
  '172.31.255.255',
  '::1',
  '[::1]',
  'fd00::12',
])('%s is near: TLS is taken where it is offered', (host) => {
  expect(tlsPolicyOf({ host, sslmode: undefined })).toEqual(OPTIONAL);
  expect(isPrivate(host)).toBe(true);
});

test.each([
  'db.example.com',
  'localhost.example.com',
  'localhostdb',
  '10.example.com',
  '127.example.com',
  '172.32.0.1',
  '11.0.0.1',
  '2001:db8::1',
])('%s may be anywhere: no login without TLS that public authorities vouch for', (host) => {
  expect(tlsPolicyOf({ host, sslmode: undefined })).toEqual(PUBLIC);
});

test.each(['postgres', 'db.internal', 'db.local', 'nas.lan', 'pi.home.arpa'])('%s may be private', (host) => {
  expect(isPrivate(host)).toBe(true);
});

test.each(['db.example.com', '11.0.0.1', '2001:db8::1', 'internal.example.com'])('%s is public', (host) => {
  expect(isPrivate(host)).toBe(false);
});

test('a tunnel and a service are ways of their own: TLS behind them is taken where it is offered', () => {
  expect(tlsPolicyOf({ host: 'db.example.com', accessClientId: 'id', sslmode: undefined })).toEqual(OPTIONAL);
  expect(tlsPolicyOf({ host: '', serviceId: 'id', sslmode: undefined })).toEqual(OPTIONAL);
});

test.each([
  ['require', PUBLIC],
  ['REQUIRED', PUBLIC],
  ['verify-ca', PUBLIC],
  ['verify-full', PUBLIC],
  ['VERIFY_IDENTITY', PUBLIC],
  ['PREFERRED', OPTIONAL],
  ['disable', { login: 'disable', vouches: 'nobody', isHostChecked: false }],
  ['DISABLED', { login: 'disable', vouches: 'nobody', isHostChecked: false }],
  ['no-verify', { login: 'require', vouches: 'nobody', isHostChecked: false }],
])('without an uploaded authority %s means %j, wherever the host is', (sslmode, policy) => {
  for (const host of ['localhost', 'db.example.com']) expect(tlsPolicyOf({ host, sslmode })).toEqual(policy);
});

test.each([
  [undefined, true],
  ['verify-full', true],
  ['VERIFY_IDENTITY', true],
  ['verify-ca', false],
  ['VERIFY_CA', false],
])('with an uploaded authority and sslmode %s, the host name is checked: %s', (sslmode, isHostChecked) => {
  const policy = tlsPolicyOf({ host: 'localhost', sslmode, caCertificateId: 'ca' });
  expect(policy).toEqual({ login: 'require', vouches: 'uploaded', isHostChecked });
});
