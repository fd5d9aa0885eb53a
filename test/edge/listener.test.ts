import { expect, test } from 'vitest';
import { listenerOf } from '../../src/edge/listener.ts';
import type { Env } from '../../src/env.ts';

const LISTENERS = JSON.stringify({
  '6432': 'postgres',
  '3307': 'mysql',
  '6433': 'postgres+tls',
  '9': 'no-such',
});

function protocolAt(localAddress: string | undefined, listeners?: string): Promise<string | undefined> {
  const socket = { opened: Promise.resolve({ localAddress }) } as unknown as Socket;
  const env = (listeners === undefined ? {} : { LISTENERS: listeners }) as Env;
  return listenerOf(socket, env).then(
    (listener) => listener && `${listener.protocol.name}${listener.isEncrypted ? ', encrypted' : ''}`,
  );
}

test.each([
  ['127.0.0.1:6432', 'postgres'],
  ['127.0.0.1:6433', 'postgres, encrypted'],
  ['127.0.0.1:3307', 'mysql'],
  ['[::1]:3307', 'mysql'],
  ['0123456789abcdef0123456789abcdef.hyperdrive.local:3306', 'mysql'],
  ['0123456789abcdef0123456789abcdef.hyperdrive.local:5432', 'postgres'],
  ['127.0.0.1:1234', 'postgres'],
  [undefined, 'postgres'],
])('who comes to %s speaks %s', async (address, name) => {
  expect(await protocolAt(address, LISTENERS)).toBe(name);
});

test('without the variable the ports that protocols call their own say it', async () => {
  expect(await protocolAt('10.0.0.1:3306')).toBe('mysql');
  expect(await protocolAt('10.0.0.1:3307')).toBe('postgres');
});

test('a name of no protocol is not taken for another', async () => {
  expect(await protocolAt('127.0.0.1:9', LISTENERS)).toBeUndefined();
});
