/** A PostgreSQL with TLS whose certificates a test changes while it runs. */
import { Client } from 'pg';
import { waitUntil } from '../../src/cli/ports.ts';
import { type PostgresServer, startPostgresServer } from '../../src/demo/postgres-server.ts';
import type { Certified } from './authority.ts';

const RELOAD_WAIT_MS = 10_000;

export interface TlsSettings {
  server: Certified;
  /** Whose client certificates it takes. */
  clients?: Certified;
  /** A client certificate must be shown. */
  isClientAsked?: boolean;
  version?: 'TLSv1.2' | 'TLSv1.3';
}

export class TlsServer {
  readonly postgres: PostgresServer;

  private constructor(postgres: PostgresServer) {
    this.postgres = postgres;
  }

  static async start(tls: TlsSettings): Promise<TlsServer> {
    const postgres = await startPostgresServer({
      settings: {
        ssl: 'on',
        ssl_cert_file: 'server.pem',
        ssl_key_file: 'server.key',
        ssl_ca_file: 'clients.pem',
      },
      files: filesOf(tls),
    });
    return new TlsServer(postgres);
  }

  /** From the next connection on. */
  async use(tls: TlsSettings): Promise<void> {
    for (const [name, text] of Object.entries(filesOf(tls))) await this.postgres.writeFile(name, text);
    const before = await this.#loadedAt();
    const version = tls.version ?? 'TLSv1.3';
    await this.#ask(`alter system set ssl_min_protocol_version = 'TLSv1.2'`);
    await this.#ask(`alter system set ssl_max_protocol_version = '${version}'`);
    await this.#ask('select pg_reload_conf()');
    const isReloaded = await waitUntil({
      isReady: async () => (await this.#loadedAt()) > before,
      isHopeless: () => false,
      waitMs: RELOAD_WAIT_MS,
    });
    if (!isReloaded) throw new Error('PostgreSQL did not reload its certificates.');
  }

  async #loadedAt(): Promise<number> {
    return Number((await this.#ask('select pg_conf_load_time() as at'))['at']);
  }

  /** Without TLS, which pg_hba.conf allows to the superuser. */
  async #ask(sql: string): Promise<Record<string, unknown>> {
    const { port, user, password, database } = this.postgres;
    const client = new Client({ host: '127.0.0.1', port, user, password, database });
    await client.connect();
    try {
      return (await client.query(sql)).rows[0] ?? {};
    } finally {
      await client.end();
    }
  }
}

function filesOf({ server, clients, isClientAsked }: TlsSettings): Record<string, string> {
  const option = isClientAsked ? ' clientcert=verify-ca' : '';
  return {
    'server.pem': server.certificate + server.above,
    'server.key': server.key,
    'clients.pem': (clients ?? server).certificate,
    'pg_hba.conf': `hostssl all all all scram-sha-256${option}\nhostnossl all all all scram-sha-256\n`,
  };
}
