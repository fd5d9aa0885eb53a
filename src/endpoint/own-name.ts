/**
 * The name that says which config an endpoint serves. An object that a cluster's instance hands to another has lost it
 * there (seen on workerd 1.20261117.1), so it is kept in the object's storage, which goes along.
 */
import { readEndpointName } from './link.ts';

const KEY = 'name';

type EndpointName = ReturnType<typeof readEndpointName>;

export async function ownName({ id, storage }: DurableObjectState): Promise<EndpointName> {
  if (id.name === undefined) return readEndpointName((await storage.get<string>(KEY)) ?? '');
  await storage.put(KEY, id.name);
  return readEndpointName(id.name);
}
