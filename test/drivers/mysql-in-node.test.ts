/** In Node, over TCP: the cases of the conformance suite. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { casesOf, isRefusedByServer } from '../conformance/cases/all.ts';
import { describeEachMySql } from '../fakes/mysql-flavours.ts';
import { askOrigin, type Origin, originUrl, startOrigin, stopOrigin } from '../fakes/origins.ts';

describeEachMySql((flavour) => {
  const cases = Object.entries(casesOf.mysql).filter(([name]) => !isRefusedByServer(name, flavour));
  let origin: Origin;

  beforeAll(async () => {
    origin = await startOrigin(flavour);
  });

  afterAll(() => stopOrigin(origin));

  test.each(cases)('%s', async (_, run) => {
    expect(await seen(run)).toEqual(await seen(run));
  });

  async function seen(run: (url: string) => Promise<unknown>): Promise<unknown> {
    const name = `test_${randomBytes(6).toString('hex')}`;
    await askOrigin(originUrl(origin, origin.server.database), `create database ${name}`);
    return JSON.parse(JSON.stringify(await run(originUrl(origin, name))).replaceAll(name, 'DATABASE'));
  }
});
