/** Settings that were taken once are sent without waiting, but a connection has only what was sent to it. */
import { expect, test } from 'vitest';
import { PostgresEndpointSide } from '../../../src/protocols/postgres/endpoint-side.ts';
import { newOrigin, OPENING, query } from './script.ts';
import { textOf, wire } from './wire.ts';

const TENANT = { ...OPENING, settings: { search_path: 'tenant_b' } };

test('asking whether a setting is known leaves a connection as it is', () => {
  const side = new PostgresEndpointSide({ statementsMax: 10 });
  const asked = newOrigin();
  const first = side.openConversation(TENANT);
  expect(first.beforeAttach(asked)).toContain('tenant_b');
  first.prepared(asked);
  expect(asked.settingsKey).toContain('tenant_b');

  // Known now: nothing is asked, and nothing is believed of a connection that was not asked.
  const clean = newOrigin();
  expect(side.openConversation(TENANT).beforeAttach(clean)).toBeUndefined();
  expect(clean.settingsKey).toBe('');

  // The next driver's setting goes in front of its query.
  const driver = side.openConversation(TENANT);
  driver.fromDriver(query('select 1'));
  driver.attach(clean);
  const sent = textOf(driver.toOrigin.take() ?? wire());
  expect(sent.indexOf("'tenant_b'")).toBeGreaterThan(0);
  expect(sent.indexOf("'tenant_b'")).toBeLessThan(sent.indexOf('select 1'));
});

test('another origin is not believed to take what the old one took', () => {
  const side = new PostgresEndpointSide({ statementsMax: 10 });
  side.openConversation(TENANT).prepared(newOrigin());
  side.originChanged();
  expect(side.openConversation(TENANT).beforeAttach(newOrigin())).toContain('tenant_b');
});
