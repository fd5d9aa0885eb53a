/**
 * Where the endpoint of a config is, and why. A Durable Object cannot move after its creation, so an endpoint that
 * moves is a new one of the next generation, and the old one lives until its drivers have left.
 */

export type LocationHint = DurableObjectLocationHint;
export type Jurisdiction = DurableObjectJurisdiction;

export interface EndpointPlace {
  generation: number;
  /** Undefined: near where it was first called from. */
  hint: LocationHint | undefined;
  jurisdiction: Jurisdiction | undefined;
}

/** What the owner fixed. */
export interface Pinned {
  hint: LocationHint | undefined;
  jurisdiction: Jurisdiction | undefined;
}

/** Medians of what a prober measured, or why it could not. */
export type Region = { connectMs: number; queryMs: number } | { error: string };

export type Regions = Partial<Record<LocationHint, Region>>;

export interface PlacementResult {
  measuredOn: string;
  chosen: LocationHint | undefined;
  regions: Regions;
}

export interface Placement {
  pinned: Pinned;
  /** Where new drivers go. */
  endpoint: EndpointPlace;
  /** Where drivers may still be, newest first. */
  before: EndpointPlace[];
  result: PlacementResult | undefined;
}

/** So many endpoints before are remembered: nobody moves more often than drivers reconnect. */
export const ENDPOINTS_BEFORE_MAX = 3;

export const NOT_PINNED: Pinned = { hint: undefined, jurisdiction: undefined };

/** Of a config that has just been made: its first endpoint, where the owner wants it. */
export function firstPlacement(pinned: Pinned): Placement {
  return { pinned, endpoint: { generation: 0, ...pinned }, before: [], result: undefined };
}

/** All endpoints on which drivers may be. */
export function placesOf({ endpoint, before }: Pick<Placement, 'endpoint' | 'before'>): EndpointPlace[] {
  return [endpoint, ...before];
}
