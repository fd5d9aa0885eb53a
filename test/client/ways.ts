/** What the consumer Worker must see, whatever binding stands behind its `env.POOLER`. */
import { describe, expect, test } from 'vitest';

const PLACES = ['handler', 'object', 'entrypoint'];
const WAYS = ['postgres-js', 'node-postgres', 'connect', 'imported'];

/** `target`: where the consumer is, and the databases behind its bindings. */
export function testWays(target: () => { consumerUrl: string; postgres: string; mysql: string }): void {
  const ask = async (place: string, way: string): Promise<unknown> => {
    const response = await fetch(`${target().consumerUrl}/${place}?way=${way}`);
    return response.json();
  };

  describe.each(PLACES)('in the %s', (place) => {
    test.each(WAYS)('a query runs by %s', async (way) => {
      expect(await ask(place, way)).toEqual({ saw: [{ sum: 42, database: target().postgres }] });
    });

    test('a query runs by mysql2', async () => {
      expect(await ask(place, 'mysql2')).toEqual({ saw: [{ sum: 42, database: target().mysql }] });
    });

    test.each([
      { way: 'cancelled', code: '57014' },
      { way: 'cancelled-on-sockets', code: '57014' },
      { way: 'killed', code: 'ER_QUERY_INTERRUPTED' },
    ])('a query that runs is $way, and the next one runs', async ({ way, code }) => {
      expect(await ask(place, way)).toEqual({ saw: { code, after: 1 } });
    });
  });
}
