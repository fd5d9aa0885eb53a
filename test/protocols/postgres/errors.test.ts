import { expect, test } from 'vitest';
import { PoolerError } from '../../../src/errors.ts';
import {
  decodeErrorFields,
  encodeErrorResponse,
  encodeNoticeResponse,
  originError,
} from '../../../src/protocols/postgres/errors.ts';
import { wire } from './wire.ts';

test('an error becomes an ErrorResponse with severity, code, message and hint', () => {
  const error = new PoolerError('no', { fault: 'driver', sqlState: '08P01', hint: 'do', fatal: true });
  expect(encodeErrorResponse(error)).toEqual(
    wire(
      'E', // type
      [0, 0, 0, 34], // length
      'SFATAL\0', // severity, in the language of the user
      'VFATAL\0', // severity
      'C08P01\0', // SQLSTATE
      'Mno\0', // message
      'Hdo\0', // hint
      [0], // end of fields
    ),
  );
});

test('an error that is not fatal has severity ERROR, and no hint field where there is no hint', () => {
  const error = new PoolerError('no', { fault: 'pooler', sqlState: '58000' });
  expect(encodeErrorResponse(error)).toEqual(
    wire('E', [0, 0, 0, 30], 'SERROR\0', 'VERROR\0', 'C58000\0', 'Mno\0', [0]),
  );
  expect(encodeErrorResponse(error, 'FATAL')).toEqual(
    wire('E', [0, 0, 0, 30], 'SFATAL\0', 'VFATAL\0', 'C58000\0', 'Mno\0', [0]),
  );
});

test('a zero byte in a message cannot make up fields', () => {
  const error = new PoolerError('a\0C00000', { fault: 'driver', sqlState: '58000' });
  const fields = decodeErrorFields(encodeErrorResponse(error).subarray(5));
  expect(fields).toEqual({ S: 'ERROR', V: 'ERROR', C: '58000', M: 'aC00000' });
});

test('a notice is a NoticeResponse', () => {
  expect(encodeNoticeResponse({ sqlState: '01000', message: 'hm' })).toEqual(
    wire('N', [0, 0, 0, 32], 'SNOTICE\0', 'VNOTICE\0', 'C01000\0', 'Mhm\0', [0]),
  );
});

test('the fields of an error are read by their codes', () => {
  expect(decodeErrorFields(wire('SERROR\0', 'C42P01\0', 'Mnix da\0', 'P15\0', [0]))).toEqual({
    S: 'ERROR',
    C: '42P01',
    M: 'nix da',
    P: '15',
  });
});

test('an error is read even where terminators are missing or a field has a strange code', () => {
  expect(decodeErrorFields(wire('SERROR\0', 'Mcut o'))).toEqual({ S: 'ERROR', M: 'cut o' });
  expect(decodeErrorFields(wire('SERROR\0', 'M'))).toEqual({ S: 'ERROR', M: '' });
  expect(decodeErrorFields(wire([0xff], '1\0', [0]))).toEqual({ ÿ: '1' });
  expect(decodeErrorFields(wire([]))).toEqual({});
});

test('an error of the origin keeps its SQLSTATE, message and hint', () => {
  const error = originError({
    S: 'FEHLER',
    V: 'ERROR',
    C: '42P01',
    M: 'relation "t" does not exist',
    H: 'h',
  });
  expect(error).toMatchObject({
    fault: 'origin',
    sqlState: '42P01',
    message: 'relation "t" does not exist',
    hint: 'h',
    fatal: false,
  });
});

test('an error of the origin is fatal where the origin says so', () => {
  expect(originError({ V: 'FATAL' }).fatal).toBe(true);
  expect(originError({ S: 'PANIC' }).fatal).toBe(true);
  expect(originError({ S: 'ERROR' }, { fatal: true, apiCode: 2015 })).toMatchObject({
    fatal: true,
    apiCode: 2015,
  });
});

test('an error of the origin without SQLSTATE or message still says something', () => {
  expect(originError({})).toMatchObject({
    sqlState: 'XX000',
    message: expect.stringMatching(/without a message/),
  });
  expect(originError({ C: 'nonsense' }).sqlState).toBe('XX000');
});
