import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConfigSecrets } from '../../src/config/secrets.ts';

const KEY = btoa('0123456789abcdef0123456789abcdef');
const OTHER_KEY = btoa('fedcba9876543210fedcba9876543210');
const PLACE = { configId: 'a'.repeat(32), field: 'password' } as const;

test('what was sealed opens to the same text, for any text', async () => {
  const secrets = new ConfigSecrets(KEY);
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme' }), async (text) => {
      expect(await secrets.open(PLACE, await secrets.seal(PLACE, text))).toBe(text);
    }),
  );
});

test('a sealed text has the documented form, and two sealings of one text differ', async () => {
  const secrets = new ConfigSecrets(KEY);
  const sealed = await secrets.seal(PLACE, 'hunter2');
  expect(sealed).toMatch(/^v1\.[A-Za-z0-9+/]{16}\.[A-Za-z0-9+/]+=*$/);
  expect(await secrets.seal(PLACE, 'hunter2')).not.toBe(sealed);
});

test('a sealed text does not open on another config, in another field or under another key', async () => {
  const secrets = new ConfigSecrets(KEY);
  const sealed = await secrets.seal(PLACE, 'hunter2');
  const elsewhere = { ...PLACE, configId: 'b'.repeat(32) };
  const otherField = { ...PLACE, field: 'access_client_secret' } as const;
  await expect(secrets.open(elsewhere, sealed)).rejects.toThrow(/does not open/);
  await expect(secrets.open(otherField, sealed)).rejects.toThrow(/does not open/);
  await expect(new ConfigSecrets(OTHER_KEY).open(PLACE, sealed)).rejects.toThrow(/does not open/);
});

test('a sealed text with any one character changed does not open', async () => {
  const secrets = new ConfigSecrets(KEY);
  const sealed = await secrets.seal(PLACE, 'hunter2!!');
  for (let at = 0; at < sealed.length; at++) {
    const changed = `${sealed.slice(0, at)}${sealed[at] === 'A' ? 'B' : 'A'}${sealed.slice(at + 1)}`;
    await expect(secrets.open(PLACE, changed), `changed at ${at}`).rejects.toThrow(/does not open/);
  }
});

test.for([
  '',
  'v1',
  'v1.AAAA',
  'v2.AAAAAAAAAAAAAAAA.AAAA',
  'v1.!.!',
  'v1.AAAAAAAAAAAAAAAA.AAAA.AAAA',
])('what was never sealed does not open: %j', async (sealed) => {
  await expect(new ConfigSecrets(KEY).open(PLACE, sealed)).rejects.toThrow(/does not open/);
});

test.for([
  { key: undefined, says: 'CONFIG_KEY is not set' },
  { key: '', says: 'CONFIG_KEY is not set' },
  { key: '%%%', says: 'CONFIG_KEY is not base64' },
  { key: btoa('short'), says: 'CONFIG_KEY holds 5 bytes instead of 32' },
])('a bad key ($key) says what is wrong with it and how to make one', async ({ key, says }) => {
  const sealing = new ConfigSecrets(key).seal(PLACE, 'hunter2');
  await expect(sealing).rejects.toMatchObject({
    name: 'PoolerError',
    fault: 'pooler',
    message: expect.stringContaining(says),
    hint: expect.stringContaining('openssl rand -base64 32'),
  });
});
