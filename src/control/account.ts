/** The routes by which wrangler finds out who it is and which account to use. One owner, one account. */
import { Hono } from 'hono';
import { type PageInfo, succeed } from './envelope.ts';

const ACCOUNT = { id: 'local', name: 'Warmpool' };

const ONE_PAGE: PageInfo = { page: 1, per_page: 20, count: 1, total_count: 1, total_pages: 1 };

export function accountRoutes(): Hono {
  const routes = new Hono();
  routes.get('/accounts', (c) => succeed(c, [ACCOUNT], ONE_PAGE));
  // Accounts that are missing here are not offered (wrangler 4.155, fetchAllAccounts).
  routes.get('/memberships', (c) =>
    succeed(c, [{ id: 'local', status: 'accepted', account: ACCOUNT, roles: ['Administrator'] }], ONE_PAGE),
  );
  routes.get('/user', (c) => succeed(c, { id: 'local', email: 'admin@warmpool.invalid' }));
  routes.get('/user/tokens/verify', (c) => succeed(c, { id: 'local', status: 'active' }));
  return routes;
}
