import { expect, test } from 'vitest';
import { PoolerError } from '../../../src/errors.ts';
import { decodeErr, encodeErr, originError } from '../../../src/protocols/mysql/errors.ts';
import { wire } from '../postgres/wire.ts';

test('an error becomes an ERR packet with its number, SQLSTATE, message and hint', () => {
  const error = new PoolerError('no', { fault: 'driver', sqlState: '08S01', errno: 1047, hint: 'do' });
  expect(encodeErr(error)).toEqual(
    wire(
      [0xff], // header
      [0x17, 0x04], // 1047
      '#08S01', // SQLSTATE
      'no (do)', // message
    ),
  );
});

test.each<[string, number, string]>([
  ['58000', 1105, 'HY000'],
  ['57014', 1317, '70100'],
  ['28P01', 1045, '28000'],
  ['3D000', 1049, '42000'],
  ['25P03', 4031, 'HY000'],
  ['08006', 1158, '08S01'],
])('an error with SQLSTATE %s and without a number of its own is %i (%s)', (sqlState, errno, expected) => {
  const payload = encodeErr(new PoolerError('why', { fault: 'pooler', sqlState }));
  expect(decodeErr(payload)).toEqual({ errno, sqlState: expected, message: 'why' });
});

test('an ERR is read with and without SQLSTATE', () => {
  expect(decodeErr(wire([0xff], [0x15, 0x04], '#28000', 'Access denied'))).toEqual({
    errno: 1045,
    sqlState: '28000',
    message: 'Access denied',
  });
  expect(decodeErr(wire([0xff], [0x10, 0x04], 'Too many connections'))).toEqual({
    errno: 1040,
    sqlState: 'HY000',
    message: 'Too many connections',
  });
  expect(decodeErr(wire([0xff], [1, 0], '#28')).message).toBe('#28');
  expect(() => decodeErr(wire([0xff, 1]))).toThrow(expect.objectContaining({ fault: 'origin' }));
});

test('an error of the origin keeps its number, SQLSTATE and words on its way to a driver', () => {
  const payload = wire([0xff], [0x26, 0x04], '#23000', "Duplicate entry '1'");
  const error = originError(decodeErr(payload), { apiCode: 2015 });
  expect(error).toMatchObject({
    fault: 'origin',
    errno: 1062,
    sqlState: '23000',
    apiCode: 2015,
    fatal: false,
  });
  expect(encodeErr(error)).toEqual(payload);
  expect(encodeErr(error.asFatal())).toEqual(payload);
});

test('an error of the origin without words still says something', () => {
  expect(originError({ errno: 1, sqlState: 'HY000', message: '' }).message).toMatch(/without a message/);
});
