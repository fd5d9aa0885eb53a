/** Which address of a host is dialled when: the runtime's sockets are stand-ins. */
import { expect, test } from 'vitest';
import { type Network, openSocket } from '../../src/transport/tcp.ts';

const ORIGIN = { host: 'db.example.com', port: 5432 };
const NEVER = new AbortController().signal;

class FakeNetwork implements Network {
  readonly dialled: string[] = [];
  readonly closed: string[] = [];
  readonly #addresses: string[];
  readonly #behaviour: Record<string, 'opens' | 'refuses' | 'is silent'>;

  constructor(behaviour: Record<string, 'opens' | 'refuses' | 'is silent'>, addresses: string[] = []) {
    this.#behaviour = behaviour;
    this.#addresses = addresses;
  }

  connect({ hostname }: SocketAddress): Socket {
    this.dialled.push(hostname);
    const { promise: opened, resolve, reject } = Promise.withResolvers<object>();
    const behaviour = this.#behaviour[hostname];
    if (behaviour === 'opens') resolve({});
    if (behaviour === 'refuses') reject(new Error('connection refused'));
    const close = async (): Promise<void> => {
      this.closed.push(hostname);
      reject(new Error('closed'));
    };
    return { hostname, opened, closed: new Promise(() => {}), close } as unknown as Socket;
  }

  async addressesOf(): Promise<string[]> {
    return this.#addresses;
  }
}

test('a name that answers is dialled once', async () => {
  const network = new FakeNetwork({ 'db.example.com': 'opens' }, ['192.0.2.1', '192.0.2.2']);
  await openSocket(ORIGIN, NEVER, network);
  expect(network.dialled).toEqual(['db.example.com']);
  expect(network.closed).toEqual([]);
});

test('where the first address is silent the others are tried beside it, and the losers closed', async () => {
  const network = new FakeNetwork(
    { 'db.example.com': 'is silent', '192.0.2.1': 'is silent', '[2001:db8::2]': 'opens' },
    ['192.0.2.1', '2001:db8::2', '192.0.2.3'],
  );
  const socket = await openSocket(ORIGIN, NEVER, network);
  expect(socket).toMatchObject({ hostname: '[2001:db8::2]' });
  expect(network.dialled).toEqual(['db.example.com', '192.0.2.1', '[2001:db8::2]']);
  expect(network.closed).toEqual(['db.example.com', '192.0.2.1']);
});

test('a refusal of the name is a refusal: the runtime has tried all its addresses', async () => {
  const network = new FakeNetwork({ 'db.example.com': 'refuses' }, ['192.0.2.1', '192.0.2.2']);
  await expect(openSocket(ORIGIN, NEVER, network)).rejects.toMatchObject({
    message: 'Server connection attempt failed: connection_refused',
    apiCode: 2011,
    hint: 'nothing listens on db.example.com:5432',
  });
  expect(network.dialled).toEqual(['db.example.com']);
});

test('who gives up closes what is still being dialled', async () => {
  const giveUp = new AbortController();
  const network = new FakeNetwork({ 'db.example.com': 'is silent' });
  const opening = openSocket(ORIGIN, giveUp.signal, network);
  giveUp.abort();
  await expect(opening).rejects.toMatchObject({ apiCode: 2010 });
  expect(network.closed).toContain('db.example.com');
});

test('an IPv6 address is dialled in brackets, however it was given', async () => {
  const network = new FakeNetwork({ '[2001:db8::1]': 'opens' });
  for (const host of ['[2001:db8::1]', '2001:db8::1']) await openSocket({ host, port: 5432 }, NEVER, network);
  expect(network.dialled).toEqual(['[2001:db8::1]', '[2001:db8::1]']);
});

test.each(['/var/run/postgresql', '@db', 'unix:/tmp/db'])('%s is no host', async (host) => {
  const network = new FakeNetwork({});
  await expect(openSocket({ host, port: 1 }, NEVER, network)).rejects.toMatchObject({
    message: 'Server connection attempt failed: bad_hostname',
    apiCode: 2008,
  });
  expect(network.dialled).toEqual([]);
});
