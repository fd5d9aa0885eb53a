/** What a tunnel's stream does when it ends; the tunnel itself is a pair of sockets in memory. */
import { afterEach, expect, test, vi } from 'vitest';
import type { ByteStream } from '../../src/transport/byte-stream.ts';
import { tunnel } from '../../src/transport/tunnel.ts';

const OPTIONS = { host: 'db.example.com', accessClientId: 'id', accessClientSecret: 'secret' };
const MEBIBYTE = 1024 * 1024;

afterEach(() => vi.unstubAllGlobals());

async function open(): Promise<{ stream: ByteStream; far: WebSocket; asked: Request }> {
  const [near, far] = Object.values(new WebSocketPair());
  let asked: Request | undefined;
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    asked = new Request(url, init);
    return new Response(null, { status: 101, webSocket: near ?? null });
  });
  const { stream } = await tunnel(OPTIONS).open(new AbortController().signal);
  if (!far || !asked) throw new Error('nothing was asked');
  far.binaryType = 'arraybuffer';
  far.accept();
  return { stream, far, asked };
}

test('it is opened by a service token, at the https address of its host', async () => {
  const { asked } = await open();
  expect(asked.url).toBe('https://db.example.com/');
  expect(asked.headers.get('cf-access-client-id')).toBe('id');
  expect(asked.headers.get('cf-access-client-secret')).toBe('secret');
});

test('binary messages are a stream in both directions', async () => {
  const { stream, far } = await open();
  const heard = new Promise((resolve) => far.addEventListener('message', ({ data }) => resolve(data)));
  stream.write(Uint8Array.of(1, 2));
  expect(new Uint8Array((await heard) as ArrayBuffer)).toEqual(Uint8Array.of(1, 2));
  far.send(Uint8Array.of(3));
  expect(await stream.read()).toEqual({ value: Uint8Array.of(3), done: false });
});

test('what arrived before the end is read before it', async () => {
  const { stream, far } = await open();
  far.send(Uint8Array.of(1));
  far.close(1000);
  expect((await stream.read()).value).toEqual(Uint8Array.of(1));
  expect((await stream.read()).done).toBe(true);
});

test('a tunnel that is lost says so, with the code', async () => {
  const { stream, far } = await open();
  const broken = new Promise((resolve) => {
    stream.onBroken = resolve;
  });
  far.close(1011, 'origin went away');
  const expected = {
    message: 'The tunnel to the database was lost: closed with code 1011: origin went away.',
    sqlState: '08006',
  };
  await expect(stream.read()).rejects.toMatchObject(expected);
  expect(await broken).toMatchObject(expected);
});

test('it keeps 16 MiB that nobody reads, and ends with the next', async () => {
  const { stream, far } = await open();
  const closed = new Promise<number>((resolve) => far.addEventListener('close', ({ code }) => resolve(code)));
  for (let sent = 0; sent < 17; sent += 1) far.send(new Uint8Array(MEBIBYTE));
  expect(await closed).toBe(1009);
  for (let read = 0; read < 17; read += 1) expect((await stream.read()).done).toBe(false);
  await expect(stream.read()).rejects.toMatchObject({ message: expect.stringContaining('not read in time') });
});
