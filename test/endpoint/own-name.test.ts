import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { ownName } from '../../src/endpoint/own-name.ts';
import type { Env } from '../../src/env.ts';

test('an endpoint knows its name where the runtime has lost it', async () => {
  const stub = (env as unknown as Env).ENDPOINT.getByName('lost');
  await runInDurableObject(stub, async (_, state) => {
    const nameless = { id: {}, storage: state.storage } as unknown as DurableObjectState;
    expect(await ownName(nameless)).toEqual({ configId: '', generation: 0 });
    expect(await ownName(state)).toEqual({ configId: 'lost', generation: 0 });
    expect(await ownName(nameless)).toEqual({ configId: 'lost', generation: 0 });
  });
});
