/**
 * An S3 bucket in memory, with as much of the protocol as workerd's cluster mode uses: objects by GET, PUT and DELETE,
 * conditional on entity tags, and lists by prefix. Credentials are not looked at.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { findFreePort } from '../../src/cli/ports.ts';

interface StoredObject {
  body: Buffer;
  etag: string;
  modifiedAt: Date;
}

export interface Bucket {
  url: string;
  stop(): Promise<void>;
}

export async function startBucket(): Promise<Bucket> {
  const objects = new Map<string, StoredObject>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    answer({ objects, request, response, body: Buffer.concat(chunks) });
  });
  const port = await findFreePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Exchange {
  objects: Map<string, StoredObject>;
  request: IncomingMessage;
  response: ServerResponse;
  body: Buffer;
}

/** Paths are `/<bucket>/<key>`. */
function answer(exchange: Exchange): void {
  const { request, response, objects } = exchange;
  const url = new URL(request.url ?? '/', 'http://bucket');
  const key = decodeURIComponent(url.pathname.split('/').slice(2).join('/'));
  const found = objects.get(key);
  if (key === '') list(exchange, url.searchParams);
  else if (!isAsExpected(request, found)) refuse(response, 412, 'PreconditionFailed');
  else if (request.method === 'PUT') put(exchange, key);
  else if (request.method === 'DELETE') {
    objects.delete(key);
    response.writeHead(204).end();
  } else if (found) get(exchange, found);
  else refuse(response, 404, 'NoSuchKey');
}

function isAsExpected({ headers, method }: IncomingMessage, found: StoredObject | undefined): boolean {
  const { 'if-match': match, 'if-none-match': none } = headers;
  if (method === 'GET' || method === 'HEAD') return true;
  if (none === '*') return found === undefined;
  return match === undefined || match === found?.etag;
}

function put({ objects, response, body }: Exchange, key: string): void {
  const etag = `"${crypto.randomUUID()}"`;
  objects.set(key, { body, etag, modifiedAt: new Date() });
  response.writeHead(200, { etag }).end();
}

function get({ request, response }: Exchange, { body, etag, modifiedAt }: StoredObject): void {
  const headers = { etag, 'last-modified': modifiedAt.toUTCString() };
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const part = from === undefined ? body : body.subarray(Number(from), to ? Number(to) + 1 : undefined);
  const range = `bytes ${from}-${Number(from) + part.length - 1}/${body.length}`;
  const status = from === undefined ? 200 : 206;
  response.writeHead(status, {
    ...headers,
    ...(from === undefined ? {} : { 'content-range': range }),
    'content-length': part.length,
  });
  response.end(request.method === 'HEAD' ? undefined : part);
}

function list({ objects, response }: Exchange, asked: URLSearchParams): void {
  const prefix = asked.get('prefix') ?? '';
  const delimiter = asked.get('delimiter');
  const after = asked.get('start-after') ?? '';
  const folders = new Set<string>();
  const contents: string[] = [];
  for (const [key, { body, etag, modifiedAt }] of objects) {
    if (!key.startsWith(prefix) || key <= after) continue;
    const end = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
    const time = modifiedAt.toISOString();
    const about = `<LastModified>${time}</LastModified><ETag>${etag}</ETag><Size>${body.length}</Size>`;
    if (end >= 0) folders.add(key.slice(0, end + 1));
    else contents.push(`<Contents><Key>${key}</Key>${about}</Contents>`);
  }
  const prefixes = [...folders].map(
    (folder) => `<CommonPrefixes><Prefix>${folder}</Prefix></CommonPrefixes>`,
  );
  const inner = `<IsTruncated>false</IsTruncated>${contents.join('')}${prefixes.join('')}`;
  response.writeHead(200, { 'content-type': 'application/xml' });
  response.end(`<ListBucketResult>${inner}</ListBucketResult>`);
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(`<Error><Code>${code}</Code></Error>`);
}
