/** Which place wins. Pure: the prober measures, place.ts acts. */
import type { LocationHint, Region, Regions } from '../config/placement.ts';
import { HINTS } from './hints.ts';

/** Nearer by less than this is noise, and noise must not move an endpoint. The larger of the two counts. */
const TIE_SHARE = 0.05;
const TIE_MS = 1;

/** Undefined: there is nothing to choose by, and the endpoint stays where it is. */
export function chooseHint(options: {
  regions: Regions;
  current: LocationHint | undefined;
}): LocationHint | undefined {
  const { regions, current } = options;
  const measured = HINTS.flatMap((hint) => entryOf(hint, regions[hint]));
  const bestMs = Math.min(...measured.map(({ queryMs }) => queryMs));
  const boundMs = bestMs + Math.max(TIE_MS, bestMs * TIE_SHARE);
  const winners = measured.filter(({ queryMs }) => queryMs <= boundMs);
  if (winners.some(({ hint }) => hint === current)) return current;
  // All equally near, as when all of them run on one machine: a choice would be made up.
  if (winners.length > 1 && winners.length === Object.keys(regions).length) return current;
  return winners[0]?.hint ?? current;
}

function entryOf(hint: LocationHint, region: Region | undefined): { hint: LocationHint; queryMs: number }[] {
  return region === undefined || 'error' in region ? [] : [{ hint, queryMs: region.queryMs }];
}
