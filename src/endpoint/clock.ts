/**
 * Where an endpoint's clock begins. Each life of the object reserves more moments than it can ever give out, so that
 * none is given out twice, whatever the wall clocks of the machines say on which it lives. Later generations of an
 * endpoint are other objects: theirs are above because time has gone by.
 */
const KEY = 'moments';
const MOMENTS_PER_MS = 1_000;
const MOMENTS_PER_LIFE = 1_000_000_000;

export async function reserveMoments(storage: DurableObjectStorage): Promise<number> {
  const reserved = (await storage.get<number>(KEY)) ?? 0;
  const startAt = Math.max(reserved, Date.now() * MOMENTS_PER_MS);
  await storage.put(KEY, startAt + MOMENTS_PER_LIFE);
  return startAt;
}
