/**
 * What Terraform's provider v5 sends for `cloudflare_hyperdrive_config`: POST, GET to refresh, PUT of the same, GET.
 * A difference between what it sent and what it reads would be a plan that never comes to rest.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Managed, startManaged } from './managed.ts';

let managed: Managed;

beforeAll(async () => {
  managed = await startManaged();
});

afterAll(() => managed.stop());

/** Attributes that are computed: the provider takes them as they come. */
const COMPUTED = ['id', 'created_on', 'modified_on', 'origin_connection_limit', 'pool', 'placement'];

test.for([
  ['the least that may be said', {}],
  ['caching at its defaults, said', { caching: { disabled: false } }],
  ['caching of its own', { caching: { disabled: false, max_age: 30, stale_while_revalidate: 5 } }],
  ['no caching', { caching: { disabled: true } }],
  ['a limit and an sslmode', { origin_connection_limit: 5, mtls: { sslmode: 'disable' } }],
] as const)('applied twice without a difference: %s', async ([title, settings]) => {
  const { password, port, database, user } = managed.origin;
  const origin = { scheme: 'postgres', host: '127.0.0.1', port, database, user, password };
  const planned = { name: title.replaceAll(',', ''), origin, ...settings };
  const created = await managed.call('POST', '/hyperdrive/configs', planned);
  expect(created.errors).toEqual([]);
  const path = `/hyperdrive/configs/${created.result.id}`;
  const first = (await managed.call('GET', path)).result;
  expect(differences(planned, first)).toEqual([]);
  for (let apply = 0; apply < 2; apply += 1) {
    const put = await managed.call('PUT', path, planned);
    const read = (await managed.call('GET', path)).result;
    expect(read).toEqual(put.result);
    expect({ ...read, modified_on: '' }).toEqual({ ...first, modified_on: '' });
    expect(differences(planned, read)).toEqual([]);
  }
});

test('a config that is gone is a 404, so that it is planned anew', async () => {
  const { status, errors } = await managed.call('GET', `/hyperdrive/configs/${'f'.repeat(32)}`);
  expect([status, errors[0]?.code]).toEqual([404, 2001]);
});

/** As the provider compares: computed attributes and the password (never read back) aside; defaults count as unsaid. */
function differences(planned: Record<string, unknown>, read: Record<string, unknown>): string[] {
  const wanted = flat({ caching: { disabled: false }, ...planned });
  const found = flat(read);
  delete wanted['origin.password'];
  const names = new Set([...Object.keys(wanted), ...Object.keys(found)]);
  return [...names].filter(
    (name) => wanted[name] !== found[name] && !COMPUTED.some((computed) => name.split('.')[0] === computed),
  );
}

function flat(value: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(value).flatMap(([name, inner]) =>
    typeof inner === 'object' && inner !== null
      ? Object.entries(inner).map(([field, leaf]) => [`${name}.${field}`, leaf])
      : [[name, inner]],
  );
  return Object.fromEntries(entries);
}
