/** Logins with real servers and drivers: configs are validated with Hyperdrive's codes, drivers hear MySQL's errors. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createConnection as createMariaDb } from 'mariadb';
import { createConnection as createMysql } from 'mysql';
import { type Connection, createConnection as createMysql2 } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeTemporaryFolder } from '../../src/cli/leftovers.ts';
import { runWrangler } from '../../src/cli/wrangler-dev.ts';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { describeEachMySql } from '../fakes/mysql-flavours.ts';
import { originUrl } from '../fakes/origins.ts';

const PASSWORD = 'pass-1';

/** How accounts may be protected, and by whose plugin. */
const ACCOUNTS = {
  mariadb: {
    native: `IDENTIFIED VIA mysql_native_password USING PASSWORD('${PASSWORD}')`,
    ed25519: `IDENTIFIED VIA ed25519 USING PASSWORD('${PASSWORD}')`,
    either: `IDENTIFIED VIA ed25519 USING PASSWORD('x') OR mysql_native_password USING PASSWORD('${PASSWORD}')`,
  },
  mysql: {
    caching_sha2: `IDENTIFIED WITH caching_sha2_password BY '${PASSWORD}'`,
    sha256: `IDENTIFIED WITH sha256_password BY '${PASSWORD}'`,
  },
};

describeEachMySql((flavour) => {
  let harness: Harness;
  let root: Connection;

  beforeAll(async () => {
    harness = await startHarness({ versions: [flavour] });
    const origin = harness.origin(flavour);
    root = await createMysql2(originUrl(origin, origin.server.database));
    if (flavour === 'mariadb') await root.query("INSTALL SONAME 'auth_ed25519'");
  });

  afterAll(async () => {
    await root.end();
    await harness.stop();
  });

  /** What the API says of a config for this origin. */
  async function create(origin: Record<string, unknown>, sslmode = 'DISABLED'): Promise<unknown> {
    const { server } = harness.origin(flavour);
    const { apiBase, adminToken } = harness.warmpool;
    const response = await fetch(`${apiBase}/accounts/local/hyperdrive/configs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminToken}` },
      body: JSON.stringify({
        name: `c${randomBytes(6).toString('hex')}`,
        origin: {
          ...{ scheme: 'mysql', host: '127.0.0.1', port: server.port, database: server.database },
          ...{ user: server.user, password: server.password, ...origin },
        },
        mtls: { sslmode },
      }),
    });
    const { success, errors } = (await response.json()) as { success: boolean; errors: object[] };
    return success ? 'created' : errors[0];
  }

  test('wrangler makes one, with the modes that Hyperdrive has for MySQL, and shows what it is', async () => {
    const { apiBase: base, adminToken: token } = harness.warmpool;
    const folder = await makeTemporaryFolder('warmpool-wrangler');
    const wrangler = (...args: string[]): Promise<string> =>
      runWrangler({
        args: ['hyperdrive', ...args],
        folder: folder.path,
        env: {
          CLOUDFLARE_API_BASE_URL: base,
          CLOUDFLARE_API_TOKEN: token,
          CLOUDFLARE_ACCOUNT_ID: 'local',
        },
      });
    const origin = harness.origin(flavour);
    const url = originUrl(origin, origin.server.database);
    const created = await wrangler('create', 'by-wrangler', `--connection-string=${url}`);
    expect(created).toMatch(/Created new Hyperdrive MySQL config: [0-9a-f]{32}/);
    expect(await wrangler('list')).toMatch(/by-wrangler.*MySQL.*test/);
    const required = wrangler('create', 'strict', `--connection-string=${url}`, '--sslmode=REQUIRED');
    await expect(required).rejects.toThrow(flavour === 'mariadb' ? /\[code: 2012\]/ : /\[code: 2015\]/);
    await folder.remove();
  });

  test('a config that works is made', async () => {
    expect(await create({})).toBe('created');
  });

  test.each(Object.entries(ACCOUNTS[flavour]))('an account with %s logs in', async (name, identified) => {
    await root.query(`CREATE USER ${name} ${identified}`);
    await root.query(`GRANT ALL ON test.* TO ${name}`);
    // The server forgets what it knows of passwords: the long way of caching_sha2_password.
    await root.query('FLUSH PRIVILEGES');
    expect(await create({ user: name, password: PASSWORD })).toBe('created');
    expect(await create({ user: name, password: PASSWORD })).toBe('created');
    expect(await create({ user: name, password: 'wrong' })).toMatchObject({ code: 2013 });
  });

  test.each([
    [{ password: 'wrong' }, 2013, /^Invalid database credentials\. \(Access denied for user 'warmpool'@/],
    [{ user: 'nobody' }, 2013, /^Invalid database credentials\./],
    [{ database: 'nope' }, 2014, /^The specified database name does not exist\. \(Unknown database 'nope'\)/],
    [{ port: 1 }, 2011, /^Connection refused\./],
  ])('%j is refused with Hyperdrive’s code %i', async (origin, code, message) => {
    expect(await create(origin)).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('a server that has no room says so in its words', async () => {
    await root.query('SET GLOBAL max_connections = 10');
    const { server } = harness.origin(flavour);
    const { port, user, password } = server;
    const others: Connection[] = [];
    try {
      for (;;) others.push(await createMysql2({ host: '127.0.0.1', port, user, password }));
    } catch {
      // Full: also the one that is kept for administrators.
    }
    expect(await create({})).toMatchObject({
      code: 2015,
      message: 'Failed to connect to the provided database. (Too many connections)',
    });
    await Promise.all(others.map((connection) => connection.end()));
    await root.query('SET GLOBAL max_connections = 200');
  });

  if (flavour === 'mysql') {
    test('TLS with the certificate that MySQL makes for itself: preferred and unchecked are taken', async () => {
      expect(await create({}, 'PREFERRED')).toBe('created');
      expect(await create({}, 'no-verify')).toBe('created');
      expect(await create({}, 'REQUIRED')).toMatchObject({
        code: 2015,
        message: expect.stringMatching(
          /^Failed to connect to the provided database\. \(TLS handshake failed/,
        ),
      });
    });
  }

  if (flavour === 'mariadb') {
    test('without TLS at the server, preferred is taken', async () => {
      expect(await create({}, 'PREFERRED')).toBe('created');
    });

    test('TLS that the server does not have is code 2012', async () => {
      expect(await create({}, 'REQUIRED')).toMatchObject({ code: 2012 });
    });
  }

  describe('a driver', () => {
    let target: Target;

    beforeAll(async () => {
      target = await harness.createTarget({ version: flavour, config: { mtls: { sslmode: 'PREFERRED' } } });
    });

    function options(changes: { password?: string; database?: string } = {}): {
      host: string;
      port: number;
      user: string;
      password: string;
      database: string;
    } {
      const { hostname, port, username, password } = new URL(target.pooled);
      return {
        host: hostname,
        port: Number(port),
        user: username,
        password,
        database: target.name,
        ...changes,
      };
    }

    test.each([
      'mysql2',
      'mysql',
      'mariadb',
    ] as const)('%s logs in, and hears why it cannot', async (driver) => {
      expect(await answerOf(driver, options())).toBe(42);
      const denied = { errno: 1045 };
      await expect(answerOf(driver, options({ password: 'wrong' }))).rejects.toMatchObject(denied);
      await expect(answerOf(driver, options({ password: '' }))).rejects.toMatchObject(denied);
      await expect(answerOf(driver, options({ database: 'no_such_config' }))).rejects.toMatchObject(denied);
    });

    test('the version that a driver sees is that of the origin', async () => {
      const through = await createMariaDb(options());
      const direct = await createMariaDb(target.direct.replace(/^mysql/, 'mariadb'));
      expect(through.serverVersion()).toBe(direct.serverVersion());
      await Promise.all([through.end(), direct.end()]);
    });

    test('where the server offers TLS the connection to it is encrypted', async () => {
      const connection = await createMysql2(options());
      const [rows] = await connection.query("show session status like 'Ssl_cipher'");
      expect(rows).toEqual([
        { Variable_name: 'Ssl_cipher', Value: expect.stringMatching(flavour === 'mysql' ? /^TLS_/ : /^$/) },
      ]);
      await connection.end();
    });

    test('a driver that insists on TLS is told that there is none', async () => {
      const insisting = createMysql2({ ...options(), ssl: { rejectUnauthorized: false } });
      await expect(insisting).rejects.toMatchObject({ code: 'HANDSHAKE_NO_SSL_SUPPORT' });
    });

    test('a driver of another protocol is answered and not kept waiting', async () => {
      const { host, port } = options();
      const socket = connect(port, host);
      let heard = '';
      socket.on('data', (bytes) => {
        heard += bytes.toString('latin1');
      });
      socket.write('GET / HTTP/1.1\r\n\r\n');
      await once(socket, 'close');
      expect(heard).toMatch(/#08S01Got a packet bigger than 81920 bytes/);
    });
  });
});

type Options = { host: string; port: number; user: string; password: string; database: string };

/** Of a query that each driver asks on a connection of its own. */
async function answerOf(driver: 'mysql2' | 'mysql' | 'mariadb', options: Options): Promise<unknown> {
  const sql = 'select 6 * 7 as answer';
  switch (driver) {
    case 'mysql2': {
      const connection = await createMysql2(options);
      const [[row]] = (await connection.query(sql)) as unknown as [[{ answer: number }]];
      await connection.end();
      return row.answer;
    }
    case 'mariadb': {
      const connection = await createMariaDb({ ...options, bigIntAsNumber: true });
      const [row] = await connection.query<{ answer: number }[]>(sql);
      await connection.end();
      return row?.answer;
    }
    case 'mysql':
      return new Promise((resolve, reject) => {
        const connection = createMysql(options);
        connection.query(sql, (error, rows: { answer: number }[]) => {
          if (error) return reject(error);
          connection.end();
          resolve(rows[0]?.answer);
        });
      });
  }
}
