import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DelayProxy, startDelayProxy } from '../../src/demo/delay-proxy.ts';

const RTT_MS = 40;
const MEBIBYTE = 1024 * 1024;

describe('delay proxy', () => {
  let server: Server;
  let proxy: DelayProxy;
  /** The server's ends, oldest first. */
  let accepted: Socket[];
  let onServerData: (socket: Socket, chunk: Buffer) => void;

  beforeEach(async () => {
    accepted = [];
    onServerData = (socket, chunk) => socket.write(chunk);
    server = createServer({ allowHalfOpen: true }, (socket) => {
      accepted.push(socket);
      socket.on('error', () => {}); // Cut on purpose by some tests.
      socket.on('data', (chunk: Buffer) => onServerData(socket, chunk));
      socket.on('end', () => socket.end());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await startDelayProxy({ targetPort: portOf(server), rttMs: RTT_MS });
  });

  afterEach(async () => {
    await proxy.stop();
    for (const socket of accepted) socket.destroy();
    server.close();
  });

  test('an echo takes a round trip, and the first one a second for the connection', async () => {
    const client = await open(proxy);
    const first = await timeEcho(client, 'a');
    const second = await timeEcho(client, 'b');
    expect(first).toBeGreaterThan(2 * RTT_MS - 3);
    expect(second).toBeGreaterThan(RTT_MS - 3);
    expect(second).toBeLessThan(2 * RTT_MS);
  });

  test('keeps the order and every byte of 64 MiB, and does not limit throughput', async () => {
    const client = await open(proxy);
    const sent = Buffer.alloc(64 * MEBIBYTE);
    for (let at = 0; at < sent.length; at += 4) sent.writeUInt32LE(at, at);
    const startedAtMs = performance.now();
    client.end(sent);
    const received = await readAll(client);
    expect(received.equals(sent)).toBe(true);
    // One 64 KiB chunk per round trip would take 40 s.
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  });

  test('counts one round trip per flight of the client that is answered', async () => {
    const client = await open(proxy);
    await timeEcho(client, 'a');
    client.write('b');
    await timeEcho(client, 'c', 2);
    expect(proxy.stats()).toMatchObject({ connections: 1, openConnections: 1, roundTrips: 2 });
    proxy.reset();
    expect(proxy.stats()).toMatchObject({ connections: 0, openConnections: 1, roundTrips: 0 });
  });

  test('does not count what the server says unasked, nor what it leaves unanswered', async () => {
    onServerData = () => {};
    const client = await open(proxy);
    await reached(() => accepted.length === 1);
    accepted[0]?.write('notice');
    await once(client, 'data');
    client.write('terminate');
    await reached(() => proxy.stats().bytesToServer === 9);
    expect(proxy.stats().roundTrips).toBe(0);
  });

  test('passes on a half-close and still delivers the answer', async () => {
    onServerData = () => {};
    const client = await open(proxy);
    await reached(() => accepted.length === 1);
    accepted[0]?.removeAllListeners('end').on('end', () => accepted[0]?.end('bye'));
    client.end('last words');
    expect((await readAll(client)).toString()).toBe('bye');
  });

  test('passes on a reset of the server', async () => {
    const client = await open(proxy);
    await timeEcho(client, 'a');
    accepted[0]?.resetAndDestroy();
    expect(await failureOf(client)).toBe('ECONNRESET');
    await reached(() => proxy.stats().openConnections === 0);
  });

  test('dropAll cuts both sides', async () => {
    const client = await open(proxy);
    await timeEcho(client, 'a');
    proxy.dropAll();
    expect(await failureOf(client)).toBe('ECONNRESET');
    await reached(() => accepted[0]?.destroyed === true);
  });

  test('pause holds everything and resume loses nothing', async () => {
    const client = await open(proxy);
    await timeEcho(client, 'a');
    proxy.pause();
    let isAnswered = false;
    const echo = timeEcho(client, 'b').then((ms) => {
      isAnswered = true;
      return ms;
    });
    await timeEcho(await open({ port: portOf(server) }), 'another road');
    expect(isAnswered).toBe(false);
    proxy.resume();
    await echo;
  });

  test('refuse resets new connections and leaves open ones alone', async () => {
    const client = await open(proxy);
    await timeEcho(client, 'a');
    proxy.refuse(true);
    const refused = connect({ port: proxy.port, host: '127.0.0.1' });
    expect(await failureOf(refused)).toBe('ECONNRESET');
    await timeEcho(client, 'b');
    proxy.refuse(false);
    await timeEcho(await open(proxy), 'c');
  });

  test('a new distance holds for what is sent afterwards', async () => {
    const client = await open(proxy);
    await timeEcho(client, 'a');
    proxy.setRtt(0);
    expect(await timeEcho(client, 'b')).toBeLessThan(RTT_MS);
  });
});

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function open(target: { port: number }): Promise<Socket> {
  const client = connect({ port: target.port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => {}); // The proxy resets what is still open when it stops.
  await once(client, 'connect');
  return client;
}

async function timeEcho(client: Socket, text: string, bytes: number = text.length): Promise<number> {
  const startedAtMs = performance.now();
  client.write(text);
  for (let received = 0; received < bytes; ) {
    const [chunk] = (await once(client, 'data')) as [Buffer];
    received += chunk.length;
  }
  return performance.now() - startedAtMs;
}

async function readAll(client: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of client) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function failureOf(client: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    client.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
  });
}

/** For states that send no event; vitest's own time limit bounds it. */
async function reached(isTrue: () => boolean): Promise<void> {
  await expect.poll(isTrue, { interval: 2, timeout: 5_000 }).toBe(true);
}
