/**
 * PlanetScale's API as documented, as far as we call it. Its roles are real ones of a PostgreSQL server, so that
 * what is made here logs in. https://planetscale.com/docs/api/reference/create_role
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Client } from 'pg';

const BRANCH =
  /^\/v1\/organizations\/acme\/databases\/(shop|legacy)(?:\/branches\/main\/(roles|passwords)(?:\/(\w+))?)?$/;

interface Role {
  id: string;
  name: string;
  username: string;
  password: string;
  inherited_roles: string[];
}

export interface Planetscale {
  base: string;
  serviceToken: { id: string; token: string };
  /** As `POST roles`. */
  calls: string[];
  roles: Map<string, Role>;
  stop(): Promise<void>;
}

export async function startPlanetscale(originUrl: string): Promise<Planetscale> {
  const serviceToken = { id: 'svc', token: 'pscale_tkn_secret' };
  const calls: string[] = [];
  const roles = new Map<string, Role>();
  const sql = new Client(originUrl);
  await sql.connect();

  const server = createServer(async (request, response) => {
    const [status, body] = await answer(request).catch((error: unknown) => [500, { message: String(error) }]);
    response.writeHead(Number(status), { 'content-type': 'application/json' });
    response.end(body === undefined ? '' : JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    serviceToken,
    calls,
    roles,
    async stop() {
      server.close();
      await sql.end();
    },
  };

  async function answer(request: IncomingMessage): Promise<[number, unknown]> {
    const url = new URL(request.url ?? '', 'http://fake');
    if (request.headers.authorization !== `${serviceToken.id}:${serviceToken.token}`) {
      return [401, { code: 'unauthorized', message: 'Invalid service token' }];
    }
    const [, database, kind, id] = BRANCH.exec(url.pathname) ?? [];
    if (database === undefined) return [404, { code: 'not_found', message: 'Not Found' }];
    if (kind === undefined)
      return [200, { name: database, kind: database === 'shop' ? 'postgresql' : 'mysql' }];
    calls.push(`${request.method} ${kind}`);
    const body = request.method === 'POST' ? JSON.parse(await text(request)) : {};
    if (kind === 'passwords') return password(request.method ?? '', body);
    if (request.method === 'POST') return [201, await createRole(body)];
    if (request.method === 'DELETE') return dropRole(id ?? '', url.searchParams.get('successor'));
    return [200, { data: [...roles.values()].map(({ password: _, ...role }) => role) }];
  }

  function password(method: string, body: { name?: string }): [number, unknown] {
    if (method === 'DELETE') return [204, undefined];
    const shown = { access_host_url: '127.0.0.1', username: 'u1', plain_text: 'pscale_pw_1' };
    return [201, { id: 'pw1', name: body.name, ...shown }];
  }

  async function createRole(body: { name: string; inherited_roles: string[] }): Promise<unknown> {
    const id = randomBytes(6).toString('hex');
    const role = { id, username: `pscale_api_${id}`, password: `pscale_pw_${id}`, ...body };
    await sql.query(`create role ${role.username} login password '${role.password}'`);
    for (const inherited of body.inherited_roles) await sql.query(`grant ${inherited} to ${role.username}`);
    roles.set(id, role);
    return { ...role, access_host_url: '127.0.0.1', database_name: 'postgres' };
  }

  async function dropRole(id: string, successor: string | null): Promise<[number, unknown]> {
    const role = roles.get(id);
    if (role === undefined) return [404, { code: 'not_found', message: 'Not Found' }];
    if (successor !== null) await sql.query(`reassign owned by ${role.username} to ${successor}`);
    await sql.query(`drop owned by ${role.username}`);
    await sql.query(`drop role ${role.username}`);
    roles.delete(id);
    return [204, undefined];
  }
}
