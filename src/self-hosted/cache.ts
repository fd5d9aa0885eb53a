/**
 * The Cache API on one machine: what workerd asks of `cacheApiOutbound` (workerd 1.20261102.1), kept as files. GET is
 * `match`; PUT is `put`, whose body is a whole HTTP message; PURGE is `delete`.
 *
 * Which file is whose is known to memory alone: what an earlier process has left is deleted.
 *
 * A Worker of its own, built by stripping the types: it imports nothing.
 */

interface Env {
  /** A folder, by GET, PUT and DELETE. */
  FILES: Fetcher;
  /** How much is kept; 0: nothing. */
  CACHE_MB?: string;
}

interface Kept {
  file: string;
  status: number;
  headers: [name: string, value: string][];
  /** Of its body, and what it costs besides. */
  bytes: number;
  expiresAtMs: number;
}

const MEBIBYTE = 1024 * 1024;
const CACHE_MB = 1024;
/** Of the message that is put. */
const HEAD_BYTES_MAX = 64 * 1024;
/** What an entry costs besides its body: a file, and its head in memory. */
const ENTRY_BYTES = 16 * 1024;
const FOLDER = 'http://files/cache/';

/** By URL; what was used longest ago comes first. */
const kept = new Map<string, Kept>();
let keptBytes = 0;
let files = 0;
/** Begins the names of this process' files. */
let run = '';

export default {
  async fetch(request, env, ctx) {
    if (run === '') {
      run = crypto.randomUUID();
      ctx.waitUntil(deleteOthers(env.FILES));
    }
    switch (request.method) {
      case 'GET':
        return match(request.url, env.FILES);
      case 'PUT':
        return put(request, env);
      case 'PURGE':
        return new Response(null, { status: (await drop(request.url, env.FILES)) ? 200 : 404 });
      default:
        return new Response(null, { status: 405 });
    }
  },
} satisfies ExportedHandler<Env>;

async function match(url: string, files: Fetcher): Promise<Response> {
  const entry = kept.get(url);
  if (entry === undefined) return miss();
  if (entry.expiresAtMs <= Date.now()) {
    await drop(url, files);
    return miss();
  }
  kept.delete(url);
  kept.set(url, entry);
  const { body, ok } = await files.fetch(FOLDER + entry.file);
  if (!ok) return miss();
  const headers = new Headers(entry.headers);
  headers.set('CF-Cache-Status', 'HIT');
  return new Response(body, { status: entry.status, headers });
}

function miss(): Response {
  return new Response(null, { status: 504, headers: { 'CF-Cache-Status': 'MISS' } });
}

/** 413: it is not kept, which `put` is not told. */
async function put({ url, body }: Request, { FILES, CACHE_MB: limit }: Env): Promise<Response> {
  const bytesMax = Number(limit ?? CACHE_MB) * MEBIBYTE;
  const message = body && (await readHead(body));
  const seconds = Number(/max-age=(\d+)/.exec(new Headers(message?.headers).get('Cache-Control') ?? '')?.[1]);
  if (!message || !(seconds > 0) || !(bytesMax > 0)) {
    await body?.cancel();
    return new Response(null, { status: 413 });
  }
  files += 1;
  const file = `${run}.${files}`;
  const written = await write(FOLDER + file, message, FILES);
  if (written === undefined) return new Response(null, { status: 413 });
  await drop(url, FILES);
  const { status, headers } = message;
  const bytes = written + ENTRY_BYTES;
  kept.set(url, { file, status, headers, bytes, expiresAtMs: Date.now() + 1000 * seconds });
  keptBytes += bytes;
  for (const oldest of kept.keys()) {
    if (keptBytes <= bytesMax) break;
    await drop(oldest, FILES);
  }
  return new Response(null, { status: 204 });
}

interface Message extends Pick<Kept, 'status' | 'headers'> {
  /** What of the body came with the head. */
  first: Uint8Array;
  rest: ReadableStream<Uint8Array>;
}

/** Undefined: it is no message, or its head is too long. */
async function readHead(stream: ReadableStream<Uint8Array>): Promise<Message | undefined> {
  const reader = stream.getReader();
  try {
    let read: Uint8Array = new Uint8Array();
    while (read.length <= HEAD_BYTES_MAX) {
      const { value, done } = await reader.read();
      if (done || !value) return undefined;
      read = joined(read, value);
      const text = new TextDecoder('latin1').decode(read);
      const end = text.indexOf('\r\n\r\n');
      if (end >= 0) return messageOf(text.slice(0, end), { first: read.subarray(end + 4), rest: stream });
    }
    return undefined;
  } finally {
    reader.releaseLock();
  }
}

function messageOf(head: string, body: Pick<Message, 'first' | 'rest'>): Message | undefined {
  const [first = '', ...lines] = head.split('\r\n');
  const status = Number(/^HTTP\/\S+ (\d{3})/.exec(first)?.[1]);
  return status ? { status, headers: lines.map(headerOf), ...body } : undefined;
}

function headerOf(line: string): [name: string, value: string] {
  const at = line.indexOf(':');
  return [line.slice(0, at), line.slice(at + 1).trim()];
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

/** The length of the body. Undefined: it broke off, and nothing is left of it. */
async function write(address: string, message: Message, files: Fetcher): Promise<number | undefined> {
  const { readable, writable } = new IdentityTransformStream();
  try {
    const [{ ok }] = await Promise.all([
      files.fetch(address, { method: 'PUT', body: readable }),
      pour(message, writable),
    ]);
    if (!ok) return undefined;
    const { headers } = await files.fetch(address, { method: 'HEAD' });
    return Number(headers.get('Content-Length'));
  } catch {
    return undefined;
  }
}

async function pour({ first, rest }: Message, into: WritableStream<Uint8Array>): Promise<void> {
  const writer = into.getWriter();
  if (first.length > 0) await writer.write(first);
  writer.releaseLock();
  await rest.pipeTo(into);
}

/** False: there was none. */
async function drop(url: string, files: Fetcher): Promise<boolean> {
  const entry = kept.get(url);
  if (entry === undefined) return false;
  kept.delete(url);
  keptBytes -= entry.bytes;
  await files.fetch(FOLDER + entry.file, { method: 'DELETE' });
  return true;
}

async function deleteOthers(files: Fetcher): Promise<void> {
  const response = await files.fetch(FOLDER);
  const list = response.ok ? await response.json<{ name: string }[]>() : [];
  const others = list.filter(({ name }) => !name.startsWith(run));
  for (const { name } of others) await files.fetch(FOLDER + name, { method: 'DELETE' });
}
