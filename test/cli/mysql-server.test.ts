import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { expect, test } from 'vitest';
import { isPortOpen } from '../../src/cli/ports.ts';
import { runToEnd } from '../../src/cli/process-group.ts';
import { type MySqlServer, startMySqlServer } from '../../src/demo/mysql-server.ts';
import { describeEachMySql } from '../fakes/mysql-flavours.ts';
import { mariaDbTlsSettings } from '../fakes/mysql-tls.ts';

const VERSIONS = { mariadb: /^10\.11\..*MariaDB/, mysql: /^(9\.[7-9]|9\.\d\d|\d\d)/ };

describeEachMySql((flavour) => {
  test('starts with our settings, asks for the password and leaves nothing behind', async () => {
    const server = await startMySqlServer({ flavour, settings: { 'max-connections': '33' } });
    const connection = await createConnection(access(server));
    const [[row]] = await connection.query<RowDataPacket[]>(
      'select version() as version, @@max_connections as connections, @@datadir as folder',
    );
    expect(row?.['version']).toMatch(VERSIONS[flavour]);
    expect(row?.['connections']).toBe(33);
    await connection.end();

    for (const user of [server.user, 'root', '']) {
      const stranger = createConnection({ ...access(server), user, password: '' });
      await expect(stranger).rejects.toMatchObject({ errno: 1045, sqlState: '28000' });
    }

    await server.stop();
    expect(await isPortOpen(server.port)).toBe(false);
    expect(existsSync(row?.['folder'])).toBe(false);
  });

  test('speaks TLS where asked to, and has its own command line client', async () => {
    const settings = flavour === 'mariadb' ? await mariaDbTlsSettings() : {};
    const server = await startMySqlServer({ flavour, settings });
    const ca = settings['ssl-ca'] ?? join(server.dataFolder, 'ca.pem');
    const verified = { ca: await readFile(ca), checkServerIdentity: () => undefined };
    const connection = await createConnection({ ...access(server), ssl: verified });
    const [[row]] = await connection.query<RowDataPacket[]>("show status like 'Ssl_version'");
    expect(row?.['Value']).toBe('TLSv1.3');
    await connection.end();

    const { command, args } = server.installation.client(flavour, [
      ...['--host=127.0.0.1', `--port=${server.port}`, `--user=${server.user}`],
      ...[`--password=${server.password}`, '--execute=select 40 + 2'],
    ]);
    expect(await runToEnd({ command, args })).toMatch(/\b42\b/);
    await server.stop();
  });
});

function access({ port, user, password, database }: MySqlServer): Record<string, string | number> {
  return { host: '127.0.0.1', port, user, password, database };
}
