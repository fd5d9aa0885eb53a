/** Who changed what and when: written for every write of the API that succeeded. Holds no values, so no secrets. */
import { Hono, type MiddlewareHandler } from 'hono';
import { logFailure } from '../errors.ts';
import type { AuditEntry, AuditStore } from './audit-store.ts';
import { check } from './body.ts';
import { type ControlEnv, isRead } from './context.ts';
import { fail, pageInfo, succeed } from './envelope.ts';
import { presentAuditEntry } from './present.ts';
import { pageSchema } from './schemas.ts';

/** Stands behind `authorize`: there is a caller. */
export function audited(log: AuditStore): MiddlewareHandler<ControlEnv> {
  return async (c, next) => {
    await next();
    if (isRead(c.req) || !c.res.ok) return;
    const resource = c.req.path.replace(/^.*?\/accounts\/[^/]*\//, '');
    await append(log, {
      happenedOn: new Date().toISOString(),
      actor: c.get('caller').name,
      method: c.req.method,
      resource,
      fields: c.get('fields') ?? [],
      configId: c.get('configId') ?? /^hyperdrive\/configs\/([^/]+)/.exec(resource)?.[1],
    });
  };
}

/** Mounted at `/accounts/:account/audit_logs`. */
export function auditRoutes(log: AuditStore): Hono {
  const routes = new Hono();
  routes.get('/', async (c) => {
    const query = check(pageSchema, c.req.query());
    if (!query.ok) return fail(c, query.failure);
    const { page, per_page: perPage } = query.value;
    const { entries, totalCount } = await log.list({ page, perPage });
    const info = pageInfo({ page, perPage, count: entries.length, totalCount });
    return succeed(c, entries.map(presentAuditEntry), info);
  });
  return routes;
}

/** Swallows errors: the write is done, and to say that it failed would be worse than a gap in the log. */
async function append(log: AuditStore, entry: Omit<AuditEntry, 'id'>): Promise<void> {
  try {
    await log.append(entry);
  } catch (error) {
    logFailure(`audit: ${entry.method} ${entry.resource} by ${entry.actor} was not recorded`, error);
  }
}
