/** A stored reply, and its form in the Cache API: the body as it is, all else as JSON in one header. */
import type { Dependency } from '../protocols/caching.ts';
import type { Provenance } from './knowledge.ts';

export interface EntryFacts extends Provenance {
  /** Tags too. */
  reads: readonly Dependency[];
  /** Moments of the endpoint's clock. */
  asOf: number;
  seenUpTo: number;
  provenUpTo: number;
  /** When the origin gave it, by the clock of the machine that keeps it. */
  storedAtMs: number;
}

export interface Entry extends EntryFacts {
  body: Uint8Array;
}

/** Where the body is, and how long: one that was cut short is not given out. */
export interface BodyPlace {
  bytes: number;
  /** Last part of an address of its own: it was on its way before the facts were known. */
  part?: string;
}

const FACTS_HEADER = 'warmpool-entry';
/** Headers have no exact bound that is documented; a reply that reads so many relations is rare. */
const FACTS_LENGTH_MAX = 8192;

/** Undefined: its facts are too long. `keepSeconds`: how long it is of use. */
export function encodeEntry(
  facts: EntryFacts,
  body: Uint8Array | Required<BodyPlace>,
  { keepSeconds }: { keepSeconds: number },
): Response | undefined {
  const isHere = body instanceof Uint8Array;
  const place = isHere ? { bytes: body.length } : { bytes: body.bytes, part: body.part };
  const { reads, asOf, seenUpTo, provenUpTo, storedAtMs } = facts;
  const json = JSON.stringify({ reads, asOf, seenUpTo, provenUpTo, storedAtMs, ...place });
  // Headers hold ASCII. So do relations, which are numbers, and tags.
  if (json.length > FACTS_LENGTH_MAX || !/^[\x20-\x7e]*$/.test(json)) return undefined;
  return new Response(isHere ? body : null, {
    headers: { [FACTS_HEADER]: json, 'Cache-Control': cacheControl(keepSeconds) },
  });
}

export function cacheControl(keepSeconds: number): string {
  return `public, max-age=${Math.max(0, Math.ceil(keepSeconds))}`;
}

/** Undefined: it is none of ours, or not as we write it. Never throws. The body is not read. */
export function decodeFacts(response: Response): { facts: EntryFacts; place: BodyPlace } | undefined {
  const json = parsed(response.headers.get(FACTS_HEADER));
  if (json === undefined) return undefined;
  const { reads, asOf, seenUpTo, provenUpTo, storedAtMs, bytes, part } = json;
  if (!isReads(reads) || !isNatural(asOf) || !isNatural(seenUpTo) || !isNatural(provenUpTo)) return undefined;
  if (!isNatural(storedAtMs) || !isNatural(bytes)) return undefined;
  const facts = { reads, asOf, seenUpTo, provenUpTo, storedAtMs };
  if (part === undefined) return { facts, place: { bytes } };
  return isPart(part) ? { facts, place: { bytes, part } } : undefined;
}

function parsed(text: string | null): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(text ?? '');
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isReads(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((read) => typeof read === 'string');
}

function isNatural(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isPart(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{1,64}$/.test(value);
}
