import { expect, test } from 'vitest';
import { Reader } from '../../../src/protocols/bytes/reader.ts';
import { cancelRouteOf, makeCancelKey } from '../../../src/protocols/postgres/cancel-key.ts';
import { Inbox } from '../../../src/protocols/postgres/inbox.ts';
import {
  cString,
  int32,
  packet,
  parameterStatus,
  query,
  readyForQuery,
} from '../../../src/protocols/postgres/messages.ts';
import { COUNTING, wire } from './wire.ts';

test('the length of a message counts itself but not the type', () => {
  expect(query('SELECT 1')).toEqual(
    wire(
      'Q', // type
      [0, 0, 0, 13], // length
      'SELECT 1\0', // query
    ),
  );
  expect(parameterStatus('TimeZone', 'UTC')).toEqual(
    wire(
      'S', // type
      [0, 0, 0, 17], // length
      'TimeZone\0', // name
      'UTC\0', // value
    ),
  );
  expect(readyForQuery('T')).toEqual(wire('Z', [0, 0, 0, 5], 'T'));
  expect(packet(int32(196608))).toEqual(wire([0, 0, 0, 8], [0, 3, 0, 0]));
});

test('text is written in UTF-8 and a zero byte in it is refused', () => {
  expect(cString('é')).toEqual(Uint8Array.of(0xc3, 0xa9, 0));
  expect(() => query('SELECT 1\0; DROP TABLE t')).toThrow('zero byte');
});

test('a number above 2^31 is written and read as its 32 bits', () => {
  expect(int32(0xfffefdfc)).toEqual(Uint8Array.of(255, 254, 253, 252));
  expect(new Reader(Uint8Array.of(255, 255, 255, 254), 'driver').int32()).toBe(-2);
});

test('a reader refuses to read past the end and names whose fault it is', () => {
  const error = { fault: 'driver', sqlState: '08P01', fatal: true };
  const reader = new Reader(wire([1, 2, 3]), 'driver');
  expect(() => reader.int32()).toThrow(expect.objectContaining(error));
  expect(() => reader.bytes(-1)).toThrow(expect.objectContaining(error));
  expect(() => reader.cString()).toThrow(expect.objectContaining(error));
  expect(reader.rest()).toEqual(wire([1, 2, 3]));
});

test('an inbox judges a length before the body is there', () => {
  const inbox = new Inbox('origin');
  inbox.push(wire('R', [0, 1, 0, 1]));
  expect(() => inbox.takeMessage(65536)).toThrow(
    expect.objectContaining({ fault: 'origin', sqlState: '08P01' }),
  );
  const tooShort = new Inbox('driver');
  tooShort.push(wire('R', [0, 0, 0, 3]));
  expect(() => tooShort.takeMessage(65536)).toThrow('invalid message length');
});

test('an inbox does not hold on to the buffer that it was given', () => {
  const inbox = new Inbox('origin');
  const buffer = wire('Z', [0, 0, 0, 5], 'I');
  inbox.push(buffer);
  buffer.fill(0);
  expect(inbox.takeMessage(100)).toEqual({ type: 0x5a, body: wire('I') });
});

test('a cancel key carries 20 bits of route and stays a positive process id', () => {
  const key = makeCancelKey({ cancelRoute: 0xfffff, minor: 0, random: new Uint8Array(34).fill(0xff) });
  expect(key).toEqual(wire([0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff]));
  const lowest = makeCancelKey({ cancelRoute: 0, minor: 0, random: new Uint8Array(34).fill(0xff) });
  expect(lowest.subarray(0, 4)).toEqual(wire([0, 0, 0x07, 0xff]));
  expect(cancelRouteOf(0x7fffffff)).toBe(0xfffff);
  expect(cancelRouteOf(0x7ff)).toBe(0);
  expect(makeCancelKey({ cancelRoute: 1, minor: 2, random: COUNTING })).toHaveLength(36);
  expect(() => makeCancelKey({ cancelRoute: 0x100000, minor: 0, random: COUNTING })).toThrow('20 bits');
  expect(() => makeCancelKey({ cancelRoute: 1, minor: 2, random: COUNTING.subarray(0, 33) })).toThrow(
    'random',
  );
});
