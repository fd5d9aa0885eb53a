/** What a request gathers on its way through the API: who asks, and what of it the audit log shall tell. */
import type { Context } from 'hono';
import type { AdminScope } from './admin-token-store.ts';

export interface Caller {
  /** Of the admin token; `bootstrap` for the holder of the secret ADMIN_TOKEN. */
  name: string;
  scope: AdminScope;
}

export interface ControlEnv {
  Variables: {
    caller: Caller;
    /** Names of the fields in the body. */
    fields: string[] | undefined;
    /** Where the path does not name the config: it is new. */
    configId: string | undefined;
  };
}

export const BOOTSTRAP = 'bootstrap';

/** No request has more; what is passed over (`id: {...}`) may hold any names. */
const FIELDS_MAX = 50;
const FIELD_CHARS_MAX = 80;

/** As the caller means it, `why` asks: it is a POST because a query is too long for an address. */
const ASKING = /\/accounts\/[^/]+\/hyperdrive\/configs\/[^/]+\/why$/;

export function isRead({ method, path }: { method: string; path: string }): boolean {
  return method === 'GET' || method === 'HEAD' || (method === 'POST' && ASKING.test(path));
}

/** For the audit log. */
export function noteConfig(c: Context, configId: string): void {
  c.set('configId', configId);
}

/** For the audit log: names alone, down to `origin.password`. */
export function noteFields(c: Context, body: unknown): void {
  c.set('fields', fieldsOf(body));
}

function fieldsOf(body: unknown): string[] {
  const fields = entriesOf(body).flatMap(([name, value]) => {
    const inner = entriesOf(value).map(([field]) => `${name}.${field}`);
    return inner.length > 0 ? inner : [name];
  });
  return fields.slice(0, FIELDS_MAX).map((field) => field.slice(0, FIELD_CHARS_MAX));
}

function entriesOf(value: unknown): [string, unknown][] {
  const hasNames = typeof value === 'object' && value !== null && !Array.isArray(value);
  return hasNames ? Object.entries(value) : [];
}
