import { beforeEach, expect, test, vi } from 'vitest';
import { AuditStore } from '../../src/control/audit-store.ts';
import { CA_CERTIFICATE } from '../fakes/certificates.ts';
import { ACCOUNT, Api, CONFIGS, CREATE_BODY, PASSWORD } from './api.ts';
import { dumpAll, freshDatabase } from './database.ts';

const LOG = `${ACCOUNT}/audit_logs`;

let db: D1Database;
let api: Api;

beforeEach(async () => {
  const fresh = await freshDatabase();
  db = fresh.db;
  api = new Api(fresh.store);
});

test('every successful write is told: who, what, which fields, which config, when; newest first', async () => {
  const id = await api.create();
  const { json } = await api.call('POST', `${ACCOUNT}/tokens`, { body: { name: 'ci' } });
  const headers = { Authorization: `Bearer ${json.result.token}` };
  const origin = { password: 'next' };
  await api.call('PATCH', `${CONFIGS}/${id}`, { body: { origin, name: 't2' }, headers });
  await api.call('POST', `${CONFIGS}/${id}/restart`, { headers });
  await api.call('POST', `${ACCOUNT}/mtls_certificates`, {
    body: { certificates: CA_CERTIFICATE, ca: true },
  });
  await api.call('DELETE', `${CONFIGS}/${id}`);
  const { result } = (await api.call('GET', LOG)).json;
  const rows = result.map((row: Record<string, unknown>) => [
    row.actor,
    row.method,
    row.resource,
    row.fields,
    row.config_id,
  ]);
  const created = ['name', ...Object.keys(CREATE_BODY.origin).map((field) => `origin.${field}`)];
  expect(rows).toEqual([
    ['bootstrap', 'DELETE', `hyperdrive/configs/${id}`, [], id],
    ['bootstrap', 'POST', 'mtls_certificates', ['certificates', 'ca'], null],
    ['ci', 'POST', `hyperdrive/configs/${id}/restart`, [], id],
    ['ci', 'PATCH', `hyperdrive/configs/${id}`, ['origin.password', 'name'], id],
    ['bootstrap', 'POST', 'tokens', ['name'], null],
    ['bootstrap', 'POST', 'hyperdrive/configs', created, id],
  ]);
  expect(result[0].when).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  expect(await dumpAll(db)).not.toMatch(new RegExp(`${PASSWORD}|${json.result.token.slice(4)}|"next"`));
});

test('of what a request holds besides, names are told and bounded', async () => {
  const id = await api.create();
  const passedOver = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`${i}`.padEnd(200, 'x'), i]));
  await api.call('PATCH', `${CONFIGS}/${id}`, { body: { name: 't2', id: passedOver } });
  const [{ fields }] = (await api.call('GET', LOG)).json.result;
  expect(fields).toHaveLength(50);
  expect(Math.max(...fields.map((field: string) => field.length))).toBe(80);
});

test('reads and refused writes are not told', async () => {
  const id = await api.create();
  await api.call('GET', `${CONFIGS}/${id}`);
  await api.call('PATCH', `${CONFIGS}/${id}`, { body: { nome: 1 } });
  await api.call('POST', CONFIGS, { body: CREATE_BODY });
  await api.call('DELETE', `${CONFIGS}/unknown`);
  await api.call('POST', CONFIGS, { body: CREATE_BODY, headers: { Authorization: 'Bearer wrong' } });
  expect((await api.call('GET', LOG)).json.result).toHaveLength(1);
});

test('the log is paged', async () => {
  for (const name of ['a', 'b', 'c']) await api.create({ name });
  const { json } = await api.call('GET', `${LOG}?page=2&per_page=2`);
  expect(json.result).toHaveLength(1);
  expect(json.result_info).toEqual({ page: 2, per_page: 2, count: 1, total_count: 3, total_pages: 2 });
  expect((await api.call('GET', `${LOG}?page=0`)).status).toBe(400);
});

test('the log is bounded: the oldest rows go', async () => {
  const log = new AuditStore(db, { rowsMax: 3 });
  for (let i = 0; i < 5; i += 1) {
    const entry = { happenedOn: '', method: 'POST', resource: '', fields: [], configId: undefined };
    await log.append({ ...entry, actor: `a${i}` });
  }
  const { entries, totalCount } = await log.list({ page: 1, perPage: 10 });
  expect(entries.map((entry) => entry.actor)).toEqual(['a4', 'a3', 'a2']);
  expect(totalCount).toBe(3);
});

test('a log that cannot be written does not undo the write, and is complained of', async () => {
  const complaints = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  await db.prepare('ALTER TABLE audit_log RENAME TO away').run();
  try {
    await api.create();
    expect(complaints.mock.calls.flat().join()).toContain('was not recorded');
    expect((await api.call('GET', CONFIGS)).json.result).toHaveLength(1);
  } finally {
    await db.prepare('ALTER TABLE away RENAME TO audit_log').run();
    complaints.mockRestore();
  }
});
