/**
 * Cloudflare's envelope around every answer. Clients judge by `success` alone, not by the HTTP status.
 * https://developers.cloudflare.com/fundamentals/api/reference/responses/
 */
import type { Context } from 'hono';

/** What went wrong with one field of a request. `message` says what to do. */
export interface Problem {
  code: number;
  message: string;
}

export interface Failure {
  status: 400 | 401 | 403 | 404 | 409 | 413 | 500 | 503;
  errors: Problem[];
}

export interface PageInfo {
  page: number;
  per_page: number;
  count: number;
  total_count: number;
  total_pages: number;
}

/** A long list of mistakes helps nobody, and its length is the caller's. */
const ERRORS_MAX = 20;

/** Our codes where Hyperdrive documents none. */
export const Code = {
  badJson: 1001,
  bodyTooLarge: 1002,
  badField: 1003,
  // 1004 is link.ts's: a jurisdiction that cannot be kept here.
  nameTaken: 1005,
  changedMeanwhile: 1006,
  notReady: 1007,
  tokenTaken: 1008,
  tooManyTokens: 1009,
  noCertificate: 1010,
  certificateInUse: 1011,
  tooManyCertificates: 1012,
  cachingDisabled: 1013,
  unknownRelation: 1014,
  originAway: 1015,
  notFound: 2001,
  /** Hyperdrive's. */
  badHostname: 2008,
  noRoute: 7000,
  notAuthenticated: 10_000,
  internal: 10_001,
} as const;

export const NOT_FOUND: Failure = failed(404, Code.notFound, 'hyperdrive.api.not_found');

export function failed(status: Failure['status'], code: number, message: string): Failure {
  return { status, errors: [{ code, message }] };
}

/** Leads a client through the pages: wrangler reads on while page * per_page < total_count. */
export function pageInfo(list: {
  page: number;
  perPage: number;
  count: number;
  totalCount: number;
}): PageInfo {
  return {
    page: list.page,
    per_page: list.perPage,
    count: list.count,
    total_count: list.totalCount,
    total_pages: Math.ceil(list.totalCount / list.perPage),
  };
}

export function succeed(c: Context, result: unknown, pageInfo?: PageInfo): Response {
  const info = pageInfo === undefined ? {} : { result_info: pageInfo };
  return c.json({ success: true, errors: [], messages: [], result, ...info });
}

export function fail(c: Context, failure: Failure): Response {
  const errors = failure.errors.slice(0, ERRORS_MAX);
  return c.json({ success: false, errors, messages: [], result: null }, failure.status);
}
