/** Policies that ask for settings: only those that are certain to be in the key let a reply be kept. */
import { describe, expect, test } from 'vitest';
import { catalogOf, fn } from './catalog-answers.ts';

const TENANT = "(tenant = current_setting('app.tenant'::text, true))";
const KNOWN = { 'app.tenant': 'a' };

function judged(
  condition: string,
  {
    settings = KNOWN,
    functions = [],
  }: { settings?: Record<string, string>; functions?: (string | null)[][] },
): string {
  const catalog = catalogOf({
    relations: [['100', '2200', 'users', 'r', 't']],
    policies: [['100', condition]],
    builtIns: [
      ['current_setting', 's'],
      ['concat', 'i'],
    ],
    functions,
  });
  const { status, reason } = catalog.judge('select * from users', settings);
  return reason ?? status;
}

describe('a policy that asks for a setting', () => {
  test('which the session is known to have is looked through, whatever its case', () => {
    expect(judged(TENANT, {})).toBe('miss');
    expect(judged(TENANT, { settings: { 'App.Tenant': 'b' } })).toBe('miss');
    expect(judged("(tenant = current_setting('App.Tenant'))", {})).toBe('miss');
  });

  test.each([
    [TENANT, {}, 'The policy of users looks at the setting app.tenant, which this session has not set.'],
    ["current_setting('application_name') = 'x'", { application_name: 'x' }, 'which is in no key'],
    ["current_setting('Warmpool.Debug') = 'x'", { 'warmpool.debug': 'on' }, 'which is in no key'],
    ["current_setting('app.' || name) = 'x'", KNOWN, 'cannot be told'],
    ["current_setting(name) = 'app.tenant'", KNOWN, 'cannot be told'],
    [`${TENANT} AND "current_setting"(name) = 'x'`, KNOWN, 'cannot be told'],
    [`${TENANT} OR (SELECT current_setting('app.admin')) = 'x'`, KNOWN, 'app.admin, which this session'],
  ])('%s with %j is not', (condition, settings, reason) => {
    expect(judged(condition, { settings })).toContain(reason);
  });

  test('is judged anew for a session that has not set it', () => {
    const catalog = catalogOf({
      relations: [['100', '2200', 'users', 'r', 't']],
      policies: [['100', TENANT]],
      builtIns: [['current_setting', 's']],
      functions: [],
    });
    const statuses = [KNOWN, {}, KNOWN].map((settings) => catalog.judge('table users', settings).status);
    expect(statuses).toEqual(['miss', 'uncacheable', 'miss']);
  });

  test('through a function that is declared immutable is volatile', () => {
    const source = "select current_setting('app.tenant')";
    const functions = [fn('20001', 'own_tenant', { volatility: 'i', source })];
    expect(judged('tenant = public.own_tenant()', { functions })).toContain('calls current_setting()');
  });
});

const SETTING: Record<string, { language?: string; source: string | null }> = {
  'set_config with its name': { source: "select pg_catalog.set_config('app.tenant', $1, false)" },
  'set_config with a computed name': { source: "select set_config('app.' || $1, $2, false)" },
  'a quoted set_config': { source: `select "set_config"($1, $2, false)` },
  'an escaped set_config': { source: `select u&"set\\005fconfig"($1, $2, false)` },
  SET: { language: 'plpgsql', source: "begin if true then\n set session app.tenant = 'b'; end if; end" },
  'SET LOCAL': { language: 'plpgsql', source: 'begin set local app.tenant to b; end' },
  RESET: { language: 'plpgsql', source: 'begin reset app.tenant; end' },
  'RESET ALL': { language: 'plpgsql', source: 'begin reset all; end' },
  'EXECUTE of what it is given': { language: 'plpgsql', source: 'begin execute $1; end' },
  'EXECUTE of a SET': { language: 'plpgsql', source: "begin execute format('set app.tenant = %L', $1); end" },
  'EXECUTE of set_config': {
    language: 'plpgsql',
    source: "begin execute 'select set_config($1, $2, false)'; end",
  },
  query_to_xml: { source: "select query_to_xml($1, true, true, '')" },
  'another language': { language: 'plpython3u', source: null },
  'a text that is too long': { language: 'plpgsql', source: null },
};

const NOT_SETTING: Record<string, { language?: string; source: string | null; extension?: string }> = {
  'UPDATE ... SET': { language: 'plpgsql', source: 'begin update users\n set tenant = 1; end' },
  'SET of another': {
    language: 'plpgsql',
    source: 'begin set search_path = public; set local time zone utc; end',
  },
  'set_config of another': { source: "select set_config('search_path'::text, '', false)" },
  'EXECUTE of a query': {
    language: 'plpgsql',
    source: "begin execute format('insert into %I default values', $1); end",
  },
  'an extension': { language: 'plpgsql', extension: 'partman', source: 'begin execute $1; end' },
  'a language that cannot set': { language: 'c', source: null },
};

describe('a function of the user with', () => {
  test.each(Object.entries(SETTING))('%s makes a setting unknown', (_, more) => {
    expect(judged(TENANT, { functions: [fn('20001', 'sneaky', more)] })).toBe(
      'The policy of users looks at the setting app.tenant, which the function sneaky() may set unseen.',
    );
  });

  test.each(Object.entries(NOT_SETTING))('%s does not', (_, more) => {
    expect(judged(TENANT, { functions: [fn('20001', 'honest', more)] })).toBe('miss');
  });

  test.each([
    'begin set role b; end',
    'begin set session authorization b; end',
    "begin perform set_config('role', 'b', false); end",
    'begin execute $1; end',
  ])('%s makes it uncertain who the user is', (source) => {
    const functions = [fn('20001', 'become', { language: 'plpgsql', source })];
    expect(judged('owner = CURRENT_USER', { functions })).toContain('become() may change the role unseen');
  });

  test('a policy that asks only for the user is looked through otherwise', () => {
    const functions = [fn('20001', 'set_tenant', SETTING['set_config with its name'])];
    expect(judged('owner = CURRENT_USER', { functions })).toBe('miss');
  });
});
