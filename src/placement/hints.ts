/**
 * The places that Workers know. https://developers.cloudflare.com/durable-objects/reference/data-location/ lists
 * them; its stored copy lacks apac-ne and apac-se, which @cloudflare/workers-types 5.20261117.1 has. The types
 * below fail to compile when a later version knows more.
 */
import type { Jurisdiction, LocationHint } from '../config/placement.ts';

/** In the order in which ties are decided. */
const REGION_NAMES: Record<LocationHint, string> = {
  wnam: 'Western North America',
  enam: 'Eastern North America',
  sam: 'South America',
  weur: 'Western Europe',
  eeur: 'Eastern Europe',
  apac: 'Asia-Pacific',
  'apac-ne': 'Northeast Asia-Pacific',
  'apac-se': 'Southeast Asia-Pacific',
  oc: 'Oceania',
  afr: 'Africa',
  me: 'Middle East',
};

/** Where a hint makes sense under a jurisdiction, which is stronger than any hint. */
const HINTS_WITHIN: Record<Jurisdiction, readonly LocationHint[]> = {
  eu: ['weur', 'eeur'],
  us: ['wnam', 'enam'],
  fedramp: ['wnam', 'enam'],
  'fedramp-high': ['wnam', 'enam'],
};

export const HINTS: readonly LocationHint[] = Object.keys(REGION_NAMES).filter(isHint);

export const JURISDICTIONS: readonly Jurisdiction[] = Object.keys(HINTS_WITHIN).filter(isJurisdiction);

export function hintsWithin(jurisdiction: Jurisdiction | undefined): readonly LocationHint[] {
  return jurisdiction === undefined ? HINTS : HINTS_WITHIN[jurisdiction];
}

export function isHint(text: string): text is LocationHint {
  return Object.hasOwn(REGION_NAMES, text);
}

function isJurisdiction(text: string): text is Jurisdiction {
  return Object.hasOwn(HINTS_WITHIN, text);
}
