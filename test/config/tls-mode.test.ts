import { expect, test } from 'vitest';
import { tlsModeOf } from '../../src/config/tls-mode.ts';

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
  expect(tlsModeOf({ host, sslmode: undefined })).toBe('prefer');
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
])('%s may be anywhere: no login without TLS', (host) => {
  expect(tlsModeOf({ host, sslmode: undefined })).toBe('require');
});

test('what the owner says goes before where the host is', () => {
  expect(tlsModeOf({ host: 'localhost', sslmode: 'require' })).toBe('require');
  expect(tlsModeOf({ host: 'localhost', sslmode: 'verify-full' })).toBe('require');
  expect(tlsModeOf({ host: 'db.example.com', sslmode: 'disable' })).toBe('disable');
  expect(tlsModeOf({ host: 'db.example.com', sslmode: 'PREFERRED' })).toBe('prefer');
});
