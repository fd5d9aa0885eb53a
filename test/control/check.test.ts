import { beforeEach, expect, test } from 'vitest';
import { Api, CONFIGS, CREATE_BODY, PASSWORD } from './api.ts';
import { dumpAll, freshDatabase } from './database.ts';

let db: D1Database;
let api: Api;

beforeEach(async () => {
  const fresh = await freshDatabase();
  db = fresh.db;
  api = new Api(fresh.store);
});

test('an origin is tried with the stored password, from the endpoint, and nothing is changed', async () => {
  const id = await api.create();
  const before = await dumpAll(db);
  const { json, text } = await api.call('GET', `${CONFIGS}/${id}/check`);
  expect(json.result).toEqual({ reachable: true, code: null, message: null });
  expect(api.tried[1]).toEqual(api.tried[0]);
  expect(api.tried[1]?.candidate).toMatchObject(CREATE_BODY.origin);
  expect(text).not.toContain(PASSWORD);
  expect(await dumpAll(db)).toBe(before);
  expect(api.changes).toEqual([]);
});

test('what keeps us out is told with its code; the call itself succeeds', async () => {
  const id = await api.create();
  api.validation = { ok: false, code: 2013, message: 'Invalid database credentials.' };
  const { status, json } = await api.call('GET', `${CONFIGS}/${id}/check`);
  expect(status).toBe(200);
  expect(json.result).toEqual({ reachable: false, code: 2013, message: 'Invalid database credentials.' });
});

test('an unknown config has no origin to try', async () => {
  expect((await api.call('GET', `${CONFIGS}/unknown/check`)).status).toBe(404);
  expect(api.tried).toEqual([]);
});
