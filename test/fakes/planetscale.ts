/**
 * PlanetScale's API as documented, as far as we call it. Its roles are real ones of a PostgreSQL server, its passwords
 * real users of a MariaDB, so that what is made here logs in.
 * https://planetscale.com/docs/api/reference/create_role and create_password
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type ConnectionOptions, createConnection } from 'mysql2/promise';
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

interface Password {
  id: string;
  name: string;
  username: string;
}

export interface Planetscale {
  base: string;
  serviceToken: { id: string; token: string };
  /** As `POST roles`. */
  calls: string[];
  roles: Map<string, Role>;
  passwords: Map<string, Password>;
  stop(): Promise<void>;
}

/** The database `shop` is one of PostgreSQL, `legacy` one of MySQL where there is such an origin. */
export async function startPlanetscale(
  originUrl: string,
  mySqlOrigin?: ConnectionOptions,
): Promise<Planetscale> {
  const serviceToken = { id: 'svc', token: 'pscale_tkn_secret' };
  const calls: string[] = [];
  const roles = new Map<string, Role>();
  const passwords = new Map<string, Password>();
  const sql = new Client(originUrl);
  await sql.connect();
  const mySql = mySqlOrigin && (await createConnection(mySqlOrigin));
  await mySql?.query('create database if not exists legacy');

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
    passwords,
    async stop() {
      server.close();
      await sql.end();
      await mySql?.end();
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
    if (kind === 'passwords') return password(request.method ?? '', { id: id ?? '', ...body });
    if (request.method === 'POST') return [201, await createRole(body)];
    if (request.method === 'DELETE') return dropRole(id ?? '', url.searchParams.get('successor'));
    return [200, { data: [...roles.values()].map(({ password: _, ...role }) => role) }];
  }

  async function password(method: string, asked: { id: string; name?: string }): Promise<[number, unknown]> {
    if (method === 'GET') return [200, { data: [...passwords.values()] }];
    if (method === 'POST') return [201, await createPassword(asked.name ?? '')];
    const old = passwords.get(asked.id);
    if (old === undefined) return [404, { code: 'not_found', message: 'Not Found' }];
    await mySql?.query(`drop user '${old.username}'@'%'`);
    passwords.delete(old.id);
    return [204, undefined];
  }

  async function createPassword(name: string): Promise<unknown> {
    const id = randomBytes(6).toString('hex');
    const made = { id, name, username: `u${id}` };
    const plainText = `pscale_pw_${id}`;
    await mySql?.query(`create user '${made.username}'@'%' identified by '${plainText}'`);
    await mySql?.query(`grant all on legacy.* to '${made.username}'@'%'`);
    passwords.set(id, made);
    return { ...made, access_host_url: '127.0.0.1', plain_text: plainText };
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
