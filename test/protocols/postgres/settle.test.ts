import { expect, test } from 'vitest';
import { settledFrom, settleQuestion } from '../../../src/protocols/postgres/settle.ts';

test('rows become pins and changes; a value as at login is no setting', () => {
  expect(
    settledFrom([
      ['pin', 'listen', null, null],
      ['setting', 'work_mem', '9216', '4096'],
      ['setting', 'timezone', 'UTC', 'UTC'],
      ['setting', 'my.app', null, ''],
      ['setting', 'my.other', '', ''],
      ['setting', null, 'x', 'y'],
    ]),
  ).toEqual({
    pins: ['listen'],
    changes: [
      ['work_mem', '9216'],
      ['timezone', null],
      ['my.app', null],
      ['my.other', null],
    ],
  });
  expect(settledFrom([])).toEqual({ pins: [], changes: [] });
});

test('names are quoted, and all that was set is asked for only where a name may be missing', () => {
  const named = settleQuestion(["o'neil", 'b'], { hasUnknown: false });
  expect(named).toContain("(VALUES ('o''neil'),('b')) v(n)");
  expect(named).not.toContain("source = 'session'");
  expect(settleQuestion([], { hasUnknown: true })).toContain("source = 'session'");
  expect(settleQuestion([], { hasUnknown: false })).toContain("SELECT '' WHERE false");
});
