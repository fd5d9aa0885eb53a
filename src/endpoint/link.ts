/**
 * The one byte stream from an edge session to the endpoint. It opens with a frame (Int32 length, then JSON) that
 * introduces the driver; behind it come the driver's own bytes, so that the first exchange travels with it and a
 * miss costs exactly one round trip. What comes back is for the driver as it is.
 */
import type { Config, Origin } from '../config/config.ts';
import type { OriginSecrets } from '../config/origin-secrets.ts';
import type { EndpointPlace, Jurisdiction } from '../config/placement.ts';
import { PoolerError } from '../errors.ts';
import type { CacheStatus } from '../protocols/caching.ts';
import type { OriginFacts } from '../protocols/contract.ts';
import type { DriverOpening } from '../protocols/driver-login.ts';
import type { ByteSource } from '../transport/byte-source.ts';
import type { Endpoint } from './endpoint.ts';

export interface LinkOpening {
  /** Name of the driver's protocol. */
  protocol: string;
  configVersion: number;
  driver: DriverOpening;
  /** The edge looks at what the driver says, and hears of writes. */
  caching?: LinkCaching;
}

export interface LinkCaching {
  /** All writes up to this moment of the endpoint's clock are known to the edge already; 0: none. */
  knownUpTo: number;
}

export interface CacheStats {
  /** Of this endpoint and its neighbours in the same isolate. */
  entries: number;
  bytes: number;
  statuses: Partial<Record<CacheStatus, number>>;
}

/** Startup parameters are bounded by 10 kB; this is far above what they become as JSON. */
const FRAME_BYTES_MAX = 128 * 1024;

export type EndpointNamespace = DurableObjectNamespace<Endpoint>;
export type EndpointStub = DurableObjectStub<Endpoint>;

/** Of one config, at one place. */
export interface EndpointAddress {
  configId: string;
  place: EndpointPlace;
}

/** Where it is made is decided by the first call ever, which is why a place is part of its name. */
export function endpointOf(namespace: EndpointNamespace, address: EndpointAddress): EndpointStub {
  const { hint, jurisdiction } = address.place;
  const area = jurisdiction === undefined ? namespace : within(namespace, jurisdiction);
  return area.getByName(endpointName(address), hint === undefined ? {} : { locationHint: hint });
}

/** `<config>` of the first generation, later `<config>:<generation>:<hint>`: so no name can have two places. */
function endpointName({ configId, place }: EndpointAddress): string {
  if (place.generation === 0) return configId;
  return [configId, place.generation, ...(place.hint === undefined ? [] : [place.hint])].join(':');
}

export function readEndpointName(name: string): { configId: string; generation: number } {
  const [configId = '', generation = '0'] = name.split(':');
  return { configId, generation: Number(generation) };
}

/** Throws where the runtime has no jurisdictions: workerd outside of Cloudflare (seen on 1.20261117.1). */
export function within<T extends Rpc.DurableObjectBranded>(
  namespace: DurableObjectNamespace<T>,
  jurisdiction: Jurisdiction,
): DurableObjectNamespace<T> {
  try {
    return namespace.jurisdiction(jurisdiction);
  } catch (cause) {
    throw new PoolerError(`The jurisdiction ${jurisdiction} cannot be kept here.`, {
      fault: 'driver',
      sqlState: '0A000',
      apiCode: 1004,
      hint: 'Only Cloudflare knows jurisdictions. Leave placement.jurisdiction out, or deploy there.',
      cause,
    });
  }
}

export function encodeOpening(opening: LinkOpening, first: Uint8Array): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(opening));
  const frame = new Uint8Array(4 + json.length + first.length);
  new DataView(frame.buffer).setUint32(0, json.length);
  frame.set(json, 4);
  frame.set(first, 4 + json.length);
  return frame;
}

/** Undefined: the link ended, or what came is no opening. */
export async function readOpening(
  source: ByteSource,
): Promise<{ opening: LinkOpening; first: Uint8Array } | undefined> {
  let bytes: Uint8Array = new Uint8Array();
  for (;;) {
    const { value, done } = await source.read();
    if (done || !value) return undefined;
    bytes = joined(bytes, value);
    source.recycle(value);
    if (bytes.length < 4) continue;
    const end = 4 + new DataView(bytes.buffer).getUint32(0);
    if (end > FRAME_BYTES_MAX) return undefined;
    if (bytes.length < end) continue;
    const opening: LinkOpening = JSON.parse(new TextDecoder().decode(bytes.subarray(4, end)));
    return { opening, first: bytes.subarray(end) };
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** An error that crosses an RPC: of our own errors only what a driver may hear. */
export interface Refusal {
  message: string;
  sqlState: string;
}

/** What the API asks an endpoint to try before a config is made or changed. */
export interface OriginCandidate extends Origin, OriginSecrets {
  sslmode: string | undefined;
  caCertificateId?: string | undefined;
  mtlsCertificateId?: string | undefined;
  connectTimeoutMs: number;
}

export function candidateOf(config: OriginSettings, secrets: OriginSecrets): OriginCandidate {
  const { origin, sslmode, caCertificateId, mtlsCertificateId, pool } = config;
  const { connectTimeoutMs } = pool;
  return { ...origin, ...secrets, sslmode, caCertificateId, mtlsCertificateId, connectTimeoutMs };
}

/** What of a config says how its origin is reached. */
export type OriginSettings = Pick<
  Config,
  'origin' | 'sslmode' | 'caCertificateId' | 'mtlsCertificateId' | 'pool'
>;

export type ValidationResult =
  | { ok: true; facts: OriginFacts }
  | { ok: false; code: number; message: string };

/** What an endpoint shall forget. Everything includes what bears tags. */
export interface PurgeRequest {
  everything?: true;
  tags?: string[];
  /** As a person names them: `public.users`. */
  relations?: string[];
}

export interface PurgeResult {
  /** Not empty: nothing was purged. */
  unknownRelations: string[];
}

/** The origin had to be asked, and did not answer; an error would lose its words on the way through an RPC. */
export interface Unanswered {
  unanswered: string;
}

/** What is not the origin's fault is thrown on. */
export function unanswered(cause: unknown): Unanswered {
  const error = PoolerError.from(cause);
  if (error.fault !== 'origin') throw error;
  return { unanswered: error.message };
}

/** What would become of a query, and why. */
export interface WhyAnswer {
  /** `miss`: it may be cached. */
  status: CacheStatus;
  /** In one sentence, where it may not. */
  reason?: string;
  /** Names of relations. */
  reads: string[];
  writes: string[] | 'everything';
  /** What the key is made of, besides parameters and their formats. */
  key: { settings: Record<string, string>; text: string };
  ttlSeconds?: number;
  swrSeconds?: number;
  tags?: string[];
}
