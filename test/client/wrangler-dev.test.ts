/** The consumer Worker under `wrangler dev`, with a native Hyperdrive binding: `withPooler` finds nothing to do. */
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';
import { findFreePort } from '../../src/cli/ports.ts';
import { startWranglerDev, type WranglerDev } from '../../src/cli/wrangler-dev.ts';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';
import { CONSUMER } from './consumer-config.ts';
import { testWays } from './ways.ts';

let folder: TemporaryFolder;
let harness: Harness;
let shop: Target;
let orders: Target;
let consumer: WranglerDev;

beforeAll(async () => {
  folder = await makeTemporaryFolder('warmpool-consumer');
  harness = await startHarness({ versions: ['18', 'mariadb'] });
  shop = await harness.createTarget();
  orders = await harness.createTarget({ version: 'mariadb' });
  consumer = await startWranglerDev({
    config: {
      ...CONSUMER,
      hyperdrive: [
        { binding: 'POOLER', id: shop.configId, localConnectionString: shop.pooled },
        { binding: 'ORDERS', id: orders.configId, localConnectionString: orders.pooled },
      ],
    },
    folder: join(folder.path, 'consumer'),
    secrets: {},
    httpPort: await findFreePort(),
    healthPath: '/',
  });
});

afterAll(async () => {
  await consumer.stop();
  await harness.stop();
  await folder.remove();
});

testWays(() => ({ consumerUrl: consumer.url, postgres: shop.name, mysql: orders.name }));
