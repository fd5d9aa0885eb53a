/** In Node, over TCP: the cases of the conformance suite, and what only Node can do. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Client } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cases, errorOf } from '../conformance/case.ts';
import { casesOf } from '../conformance/cases/all.ts';
import { postgresJsInNodeCases } from '../conformance/cases/postgres/postgres-js-sessions.ts';
import { CACHING, untilCacheable } from '../fakes/caching.ts';
import { type Harness, startHarness, type Target } from '../fakes/harness.ts';

const COPY_LINES = 200_000;

const nodeCases: Cases = {
  'COPY in and out by pg-copy-streams, with more than fits into any buffer': async (url) => {
    const client = new Client(url);
    await client.connect();
    try {
      await client.query('create temporary table copies (id int, name text)');
      await pipeline(Readable.from(copyLines()), client.query(copyFrom('copy copies from stdin')));
      const { rows } = await client.query(
        'select count(*), sum(id), md5(string_agg(name, $1 order by id)) from copies',
        [''],
      );
      let bytes = 0;
      for await (const chunk of client.query(copyTo('copy copies to stdout')))
        bytes += (chunk as Buffer).length;
      return [rows, bytes];
    } finally {
      await client.end();
    }
  },

  'COPY that the driver breaks off leaves nothing behind': async (url) => {
    const client = new Client(url);
    await client.connect();
    try {
      await client.query('create temporary table copies (id int, name text)');
      const failing = async function* (): AsyncGenerator<string> {
        yield '1\tone\n';
        throw new Error('no more');
      };
      const failed = await errorOf(
        pipeline(Readable.from(failing()), client.query(copyFrom('copy copies from stdin'))),
      );
      const bad = await errorOf(
        pipeline(Readable.from(['x\ty\n']), client.query(copyFrom('copy copies from stdin'))),
      );
      return [failed, bad, (await client.query('select count(*) from copies')).rows];
    } finally {
      await client.end();
    }
  },
};

let harness: Harness;
let direct: Target;
let pooled: Target;
let cached: Target;

beforeAll(async () => {
  harness = await startHarness();
  direct = await harness.createTarget();
  pooled = await harness.createTarget();
  cached = await harness.createTarget({ config: CACHING });
  await untilCacheable(cached);
});

afterAll(() => harness.stop());

describe('node-postgres, postgres.js, Drizzle and Kysely in Node', () => {
  test.each(
    Object.entries({ ...casesOf.postgres, ...postgresJsInNodeCases, ...nodeCases }),
  )('%s', async (_, run) => {
    const expected = await run(direct.direct);
    expect(expected).toBeDefined();
    expect(await run(pooled.pooled)).toEqual(expected);
    // The second time finds in the cache what the first has left there.
    for (const _ of [1, 2]) expect(await run(cached.pooled)).toEqual(expected);
  });
});

function* copyLines(): Generator<string> {
  for (let n = 0; n < COPY_LINES; n += 1) yield `${n}\tthis is line number ${n}\n`;
}
