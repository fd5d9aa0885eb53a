import { beforeEach, expect, test } from 'vitest';
import { DEFAULT_CACHING, DEFAULT_POOL } from '../../src/config/config.ts';
import type { StoredConfig } from '../../src/config/config-row.ts';
import {
  ENDPOINTS_BEFORE_MAX,
  type EndpointPlace,
  firstPlacement,
  NOT_PINNED,
  type PlacementResult,
} from '../../src/config/placement.ts';
import type { ConfigStore } from '../../src/config/store.ts';
import { PlacementStore } from '../../src/placement/store.ts';
import { freshDatabase } from '../control/database.ts';

const RESULT: PlacementResult = {
  measuredOn: '2026-11-21T00:00:00.000Z',
  chosen: 'weur',
  regions: { weur: { connectMs: 50, queryMs: 10 }, me: { error: 'refused' } },
};

const CONFIG: StoredConfig = {
  id: '0123456789abcdef0123456789abcdef',
  name: 'main',
  version: 1,
  origin: { scheme: 'postgres', host: 'db.example.com', port: 5432, database: 'app', user: 'owner' },
  connectionLimit: 20,
  pool: DEFAULT_POOL,
  caching: DEFAULT_CACHING,
  sslmode: undefined,
  requiresTls: false,
  facts: undefined,
  createdOn: '2026-11-20T00:00:00.000Z',
  modifiedOn: '2026-11-20T00:00:00.000Z',
  restartedOn: undefined,
  placement: firstPlacement(NOT_PINNED),
};

let configs: ConfigStore;
let placements: PlacementStore;

beforeEach(async () => {
  const { db, store } = await freshDatabase();
  configs = store;
  placements = new PlacementStore(db);
  await configs.insert({ config: CONFIG, passwordSealed: 'sealed' });
});

async function stored(): Promise<StoredConfig> {
  const config = await configs.get(CONFIG.id);
  if (config === undefined) throw new Error('it is gone');
  return config;
}

async function change(changes: Partial<StoredConfig>): Promise<void> {
  const config = { ...(await stored()), ...changes, version: 2 };
  expect(await configs.update({ config, passwordSealed: 'sealed' })).toBe('updated');
}

function place(generation: number): EndpointPlace {
  return { generation, hint: 'weur', jurisdiction: generation % 2 === 0 ? undefined : 'eu' };
}

test('a result is read back as it was saved, also by a config that changed in other things', async () => {
  await change({ connectionLimit: 5 });
  expect(await placements.saveResult(CONFIG, RESULT)).toBe(true);
  expect((await stored()).placement.result).toEqual(RESULT);
});

test.for([
  ['host', { origin: { ...CONFIG.origin, host: 'other.example.com' } }],
  ['port', { origin: { ...CONFIG.origin, port: 5433 } }],
  ['pin', { placement: firstPlacement({ hint: 'me', jurisdiction: undefined }) }],
] as const)('a result for another %s than the config has now is not kept', async ([, changes]) => {
  await change(changes);
  expect(await placements.saveResult(CONFIG, RESULT)).toBe(false);
  expect((await stored()).placement.result).toBeUndefined();
});

test('logins and cancels are led to where the endpoint has moved, and cancels to where it was', async () => {
  expect(await placements.move({ config: CONFIG, to: place(1) })).toBe(true);
  const login = await configs.findLogin({ database: 'main', user: 'app' });
  expect(login?.endpoint).toEqual(place(1));
  expect(await configs.findByCancelRoute(0x01234)).toEqual([
    { configId: CONFIG.id, places: [place(1), CONFIG.placement.endpoint] },
  ]);
});

test('of two moves from the same place one happens', async () => {
  const moves = [place(1), { ...place(1), hint: 'me' as const }];
  const outcomes = await Promise.all(moves.map((to) => placements.move({ config: CONFIG, to })));
  expect(outcomes.sort()).toEqual([false, true]);
});

test('so many endpoints before are remembered, newest first', async () => {
  for (let generation = 1; generation <= ENDPOINTS_BEFORE_MAX + 2; generation += 1)
    await placements.move({ config: await stored(), to: place(generation) });
  const { endpoint, before } = (await stored()).placement;
  expect(endpoint.generation).toBe(ENDPOINTS_BEFORE_MAX + 2);
  expect(before).toEqual([place(4), place(3), place(2)]);
});

test('an update of the config neither moves the endpoint nor loses what was measured', async () => {
  await placements.saveResult(CONFIG, RESULT);
  await placements.move({ config: CONFIG, to: place(1) });
  // As an update that was read before the move would write it.
  const config = { ...CONFIG, version: 2, name: 'renamed' };
  expect(await configs.update({ config, passwordSealed: 'sealed' })).toBe('updated');
  expect((await stored()).placement).toMatchObject({ endpoint: place(1), result: RESULT });
});
