/** The `placement` of a config in requests and answers: what the owner fixes, and what was measured. */
import * as v from 'valibot';
import type { StoredConfig } from '../config/config-row.ts';
import type { EndpointPlace, Pinned, Region } from '../config/placement.ts';
import { HINTS, hintsWithin, JURISDICTIONS } from '../placement/hints.ts';
import { Code, type Problem } from './envelope.ts';

export type PlacementBody = v.InferOutput<ReturnType<typeof placementSchema>>;

/** Null takes a pin away. A client may send back what it read, so what only we set is passed over. */
export function placementSchema() {
  const ignored = v.optional(v.unknown());
  return v.strictObject({
    hint: v.nullish(v.picklist(HINTS, `must be one of: ${HINTS.join(', ')}.`)),
    jurisdiction: v.nullish(v.picklist(JURISDICTIONS, `must be one of: ${JURISDICTIONS.join(', ')}.`)),
    endpoint_hint: ignored,
    chosen: ignored,
    measured_on: ignored,
    regions: ignored,
  });
}

/** What is left out stays as it is: Terraform cannot say it. */
export function pinnedOf(body: PlacementBody | undefined, current: Pinned): Pinned {
  const { hint, jurisdiction } = body ?? {};
  return {
    hint: hint === undefined ? current.hint : (hint ?? undefined),
    jurisdiction: jurisdiction === undefined ? current.jurisdiction : (jurisdiction ?? undefined),
  };
}

export function problemsOfPlacement({ hint, jurisdiction }: Pinned): Problem[] {
  if (hint === undefined || hintsWithin(jurisdiction).includes(hint)) return [];
  const within = hintsWithin(jurisdiction).join(', ');
  const message = `placement.hint lies outside of placement.jurisdiction. Use one of: ${within}.`;
  return [{ code: Code.badField, message }];
}

export function isSamePin(a: Pinned, b: Pinned): boolean {
  return a.hint === b.hint && a.jurisdiction === b.jurisdiction;
}

/** Where the endpoint will be once the pin is obeyed: the origin must be usable from there. */
export function placeToBe({ placement }: StoredConfig, pinned: Pinned): EndpointPlace {
  if (isSamePin(placement.pinned, pinned)) return placement.endpoint;
  const { generation, hint } = placement.endpoint;
  const isStaying = placement.endpoint.jurisdiction === pinned.jurisdiction && (pinned.hint ?? hint) === hint;
  return isStaying ? placement.endpoint : { generation: generation + 1, ...pinned };
}

/** True where the last measurement no longer says anything, or where the owner wants another place. */
export function isPlacedAnew(before: StoredConfig, after: StoredConfig): boolean {
  const [from, to] = [before.origin, after.origin];
  const isMoved = from.host !== to.host || from.port !== to.port || from.serviceId !== to.serviceId;
  return isMoved || !isSamePin(before.placement.pinned, after.placement.pinned);
}

/** Nothing while there is nothing to tell. `hint` and `jurisdiction` are the owner's; the rest is found out. */
export function presentPlacement({ placement }: StoredConfig): { placement?: Record<string, unknown> } {
  const { pinned, endpoint, result } = placement;
  const told = {
    ...(pinned.hint === undefined ? {} : { hint: pinned.hint }),
    ...(pinned.jurisdiction === undefined ? {} : { jurisdiction: pinned.jurisdiction }),
    ...(endpoint.hint === undefined ? {} : { endpoint_hint: endpoint.hint }),
    ...(result?.chosen === undefined ? {} : { chosen: result.chosen }),
    ...(result === undefined ? {} : { measured_on: result.measuredOn, regions: regionsOf(result.regions) }),
  };
  return Object.keys(told).length === 0 ? {} : { placement: told };
}

function regionsOf(regions: Record<string, Region>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(regions).map(([hint, region]) => [hint, presentRegion(region)]));
}

function presentRegion(region: Region): Record<string, unknown> {
  return 'error' in region ? region : { connect_ms: region.connectMs, query_ms: region.queryMs };
}
