import { beforeEach, expect, test } from 'vitest';
import type { ConfigStore } from '../../src/config/store.ts';
import { PlacementStore } from '../../src/placement/store.ts';
import { Api, CONFIGS, CREATE_BODY } from './api.ts';
import { freshDatabase } from './database.ts';

let db: D1Database;
let store: ConfigStore;
let api: Api;

beforeEach(async () => {
  ({ db, store } = await freshDatabase());
  api = new Api(store);
});

async function patch(id: string, body: unknown): Promise<Record<string, unknown>> {
  const { json, text } = await api.call('PATCH', `${CONFIGS}/${id}`, { body });
  if (!json.success) throw new Error(text);
  return json.result;
}

test('a new config is placed; one that could not be made is not', async () => {
  const id = await api.create();
  expect(api.placed).toEqual([id]);
  await api.call('POST', CONFIGS, { body: CREATE_BODY });
  expect(api.placed).toEqual([id]);
});

test('another host, port or pin places anew; other changes do not', async () => {
  const id = await api.create();
  api.placed.length = 0;
  const { password } = CREATE_BODY.origin;
  await patch(id, { origin: { password } });
  await patch(id, { caching: { disabled: true } });
  await patch(id, { origin: { host: 'db.example.com', port: 5432 } });
  expect(api.placed).toEqual([]);
  await patch(id, { origin: { host: 'other.example.com', port: 5432 } });
  await patch(id, { origin: { host: 'other.example.com', port: 5433 } });
  await patch(id, { placement: { hint: 'weur' } });
  await patch(id, { placement: { jurisdiction: 'eu' } });
  expect(api.placed).toEqual([id, id, id, id]);
});

test('a pin is shown, kept by what does not name it, and taken away by null', async () => {
  const id = await api.create({ placement: { hint: 'weur', jurisdiction: 'eu' } });
  const pinned = { hint: 'weur', jurisdiction: 'eu' };
  expect((await patch(id, { origin_connection_limit: 5 }))['placement']).toMatchObject(pinned);
  const replaced = await api.call('PUT', `${CONFIGS}/${id}`, { body: CREATE_BODY });
  expect(replaced.json.result.placement).toMatchObject(pinned);
  expect((await patch(id, { placement: { hint: null } }))['placement']).not.toHaveProperty('hint');
  expect((await patch(id, { placement: { hint: 'eeur' } }))['placement']).toMatchObject({ hint: 'eeur' });
});

test('the origin is tried from where the endpoint will be', async () => {
  const id = await api.create({ placement: { hint: 'weur' } });
  expect(api.tried[0]?.place).toEqual({ generation: 0, hint: 'weur', jurisdiction: undefined });
  await patch(id, { placement: { hint: 'me' } });
  expect(api.tried[1]?.place).toEqual({ generation: 1, hint: 'me', jurisdiction: undefined });
  // To be free to go is no reason to go anywhere yet.
  await patch(id, { placement: { hint: null } });
  expect(api.tried).toHaveLength(2);
});

test('a pin from where the origin cannot be used changes nothing', async () => {
  const id = await api.create();
  api.validation = { ok: false, code: 2011, message: 'refused there' };
  const { status } = await api.call('PATCH', `${CONFIGS}/${id}`, { body: { placement: { hint: 'me' } } });
  expect(status).toBe(400);
  expect((await store.get(id))?.placement.pinned.hint).toBeUndefined();
});

test.for([
  [{ hint: 'mars' }, 'placement.hint must be one of: wnam,'],
  [{ jurisdiction: 'moon' }, 'placement.jurisdiction must be one of: eu,'],
  [{ hint: 'wnam', jurisdiction: 'eu' }, 'Use one of: weur, eeur.'],
  [{ region: 'weur' }, 'placement.region'],
  ['weur', 'placement'],
] as const)('a placement of %j is refused', async ([placement, words]) => {
  const { status, json } = await api.call('POST', CONFIGS, { body: { ...CREATE_BODY, placement } });
  expect([status, json.errors[0]?.code]).toEqual([400, 1003]);
  expect(json.errors[0]?.message).toContain(words);
});

test('what was measured is shown, and may be sent back as it was read', async () => {
  const id = await api.create();
  const config = await store.get(id);
  if (config === undefined) throw new Error('it is gone');
  const regions = { weur: { connectMs: 50, queryMs: 10 }, me: { error: 'refused' } };
  const measuredOn = '2026-11-21T00:00:00.000Z';
  await new PlacementStore(db).saveResult(config, { measuredOn, chosen: 'weur', regions });
  const { placement } = (await api.call('GET', `${CONFIGS}/${id}`)).json.result;
  expect(placement).toEqual({
    chosen: 'weur',
    measured_on: measuredOn,
    regions: { weur: { connect_ms: 50, query_ms: 10 }, me: { error: 'refused' } },
  });
  expect((await patch(id, { placement, origin_connection_limit: 7 }))['placement']).toEqual(placement);
});

test('place answers with the config, and with 404 where there is none', async () => {
  const id = await api.create();
  const { json } = await api.call('POST', `${CONFIGS}/${id}/place`);
  expect(json.result).toMatchObject({ id });
  expect(api.placed).toEqual([id, id]);
  api = new Api(store, { place: async () => false });
  expect((await api.call('POST', `${CONFIGS}/${'f'.repeat(32)}/place`)).status).toBe(404);
});
