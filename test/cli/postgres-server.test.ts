import { existsSync } from 'node:fs';
import postgres from 'postgres';
import { describe, expect, test } from 'vitest';
import { isPortOpen } from '../../src/cli/ports.ts';
import { startPostgresServer } from '../../src/demo/postgres-server.ts';

describe.each(['18', '15'] as const)('PostgreSQL %s', (version) => {
  const isHere = version === '18' || existsSync('/usr/lib/postgresql/15/bin');

  test.runIf(isHere)(
    'starts with our settings, asks for the password and leaves nothing behind',
    async () => {
      const server = await startPostgresServer({ version, settings: { max_connections: '33' } });
      const access = { host: '127.0.0.1', port: server.port, user: server.user, database: server.database };
      const sql = postgres({ ...access, password: server.password });
      const [row] = await sql`
      select current_setting('server_version') as version, current_setting('max_connections') as connections,
        current_setting('data_directory') as folder`;
      expect(row?.version).toMatch(new RegExp(`^${version}\\.`));
      expect(row?.connections).toBe('33');
      await sql.end();

      const stranger = postgres({ ...access, password: 'wrong' });
      await expect(stranger`select 1`).rejects.toMatchObject({ code: '28P01' });

      await server.stop();
      expect(await isPortOpen(server.port)).toBe(false);
      expect(existsSync(row?.folder)).toBe(false);
    },
  );
});
