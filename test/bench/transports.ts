/** How quickly one large result comes by each way to an origin. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { makeTemporaryFolder } from '../../src/cli/leftovers.ts';
import { CertificateMaker, makeRoot } from '../fakes/authority.ts';
import { startHarness } from '../fakes/harness.ts';
import { TlsServer } from '../fakes/tls-server.ts';
import { isWebsockifyThere, TOKEN, Tunnel } from '../fakes/tunnel.ts';
import { Api, type ConfigWishes } from '../transport-servers/api.ts';

export interface TransportResult {
  name: string;
  megabytesPerSecond: number;
}

/** 15 MB of rows: a tunnel keeps so much of what is not read in time, and not much more. */
const COPY = "COPY (SELECT repeat('x', 999) FROM generate_series(1, 15000)) TO STDOUT";

/** The best of the rounds: what disturbs only makes it slower. */
export async function measureTransports(rounds: number): Promise<TransportResult[]> {
  const maker = await CertificateMaker.open();
  const folder = await makeTemporaryFolder('warmpool-bench-transports');
  const root = await makeRoot(maker, 'Bench CA');
  const path = join(folder.path, 'ca.pem');
  await writeFile(path, root.certificate);
  // So that the runtime's own TLS trusts it, too.
  process.env['NODE_EXTRA_CA_CERTS'] = path;
  const alternatives = 'DNS:localhost,IP:127.0.0.1';
  const server = await TlsServer.start({
    server: await maker.make({ name: 's', alternatives, issuer: root }),
  });
  const harness = await startHarness({ versions: [] });
  const tunnel = (await isWebsockifyThere()) ? await Tunnel.start(server.postgres.port) : undefined;
  const api = new Api(harness.warmpool, server.postgres);
  const authority = { ca_certificate_id: await api.upload({ certificates: root.certificate, ca: true }) };
  const origin = { ...TOKEN, host: tunnel?.host };
  const ways: [name: string, wishes: ConfigWishes][] = [
    ['TCP', { mtls: { sslmode: 'disable' } }],
    ["TCP, the runtime's TLS", { mtls: { sslmode: 'require' } }],
    ['TCP, TLS of our own', { mtls: authority }],
    ...(tunnel
      ? ([
          ['tunnel', { origin, mtls: { sslmode: 'disable' } }],
          ['tunnel, TLS of our own', { origin, mtls: authority }],
        ] satisfies [string, ConfigWishes][])
      : []),
  ];
  const results: TransportResult[] = [];
  for (const [name, wishes] of ways) {
    const url = await api.createUrl(wishes);
    results.push({ name, megabytesPerSecond: await fastestCopy(url, rounds) });
  }
  await tunnel?.stop();
  await Promise.all([harness.stop(), server.postgres.stop(), folder.remove(), maker.stop()]);
  return results;
}

async function fastestCopy(url: string, rounds: number): Promise<number> {
  const client = new Client(url);
  await client.connect();
  const speeds: number[] = [];
  // One more: the first opens the origin connection.
  for (let round = 0; round <= rounds; round += 1) {
    const startedAt = performance.now();
    let bytes = 0;
    for await (const chunk of client.query(copyTo(COPY))) bytes += (chunk as Buffer).length;
    speeds.push(bytes / 1000 / (performance.now() - startedAt));
  }
  await client.end();
  return Math.max(...speeds);
}
