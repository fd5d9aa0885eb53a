/**
 * Regions of an own network, for tests and for whoever hosts Warmpool in several places: the variable
 * PLACEMENT_ROUTES is JSON, a hint to the address at which the origin is seen from there. Then these are all the
 * regions there are; `{}` means that there is one place only and nothing to choose.
 */
import * as v from 'valibot';
import type { LocationHint } from '../config/placement.ts';
import { PoolerError } from '../errors.ts';
import { HINTS, isHint } from './hints.ts';

const PORT_MAX = 65_535;

const Routes = v.pipe(
  v.string(),
  v.parseJson(),
  v.record(
    v.string(),
    v.object({
      host: v.string(),
      port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(PORT_MAX)),
    }),
  ),
  v.check((routes) => Object.keys(routes).every(isHint)),
);

export type Routes = Partial<Record<LocationHint, { host: string; port: number }>>;

/** Undefined: Cloudflare's own regions, each of which dials the origin itself. */
export function routesOf(text: string | undefined): Routes | undefined {
  if (text === undefined || text === '') return undefined;
  const parsed = v.safeParse(Routes, text);
  if (parsed.success) return parsed.output;
  throw new PoolerError('The variable PLACEMENT_ROUTES is not understood.', {
    fault: 'pooler',
    sqlState: '58000',
    hint: `It must be JSON like {"weur": {"host": "10.0.0.1", "port": 5432}}, with hints of: ${HINTS.join(', ')}.`,
  });
}
