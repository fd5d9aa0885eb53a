import { expect, test } from 'vitest';
import { Capability, hasFlag, withFlag, withoutFlag } from '../../../src/protocols/mysql/capabilities.ts';
import { PacketReader } from '../../../src/protocols/mysql/packet-reader.ts';
import {
  int2,
  int3,
  int4,
  int8,
  lenencBytes,
  lenencInt,
  lenencText,
  nulText,
  PAYLOAD_BYTES_MAX,
  packet,
  packetCountOf,
  packetSlices,
  payloadLengthAt,
  sequenceAt,
} from '../../../src/protocols/mysql/packets.ts';
import { wire } from '../postgres/wire.ts';

test('a packet is the length of its payload, the sequence number and the payload', () => {
  expect(packet(3, wire([0x0e]), wire('ab'))).toEqual(
    wire(
      [3, 0, 0], // length
      [3], // sequence number
      [0x0e], // command
      'ab', // its rest
    ),
  );
  expect(packet(256)).toEqual(wire([0, 0, 0], [0]));
});

test('the length and the sequence number of a packet are read where it begins', () => {
  const bytes = wire('xx', [0x34, 0x12, 0xff], [7]);
  expect(payloadLengthAt(bytes, 2)).toBe(0xff1234);
  expect(sequenceAt(bytes, 2)).toBe(7);
});

test('a payload of 16 MiB - 1 or more goes on in further packets, the last of which may be empty', () => {
  expect(packetCountOf(PAYLOAD_BYTES_MAX - 1)).toBe(1);
  expect(packetCountOf(PAYLOAD_BYTES_MAX)).toBe(2);
  const slices = packetSlices(255, new Uint8Array(PAYLOAD_BYTES_MAX));
  expect(slices.map((slice) => slice.length)).toEqual([4, PAYLOAD_BYTES_MAX, 4, 0]);
  expect(slices[0]).toEqual(wire([255, 255, 255], [255]));
  expect(slices[2]).toEqual(wire([0, 0, 0], [0]));
  const longer = packetSlices(0, new Uint8Array(PAYLOAD_BYTES_MAX + 2));
  expect(longer[2]).toEqual(wire([2, 0, 0], [1]));
  expect(packetSlices(1, wire('abc'))).toEqual([wire([3, 0, 0], [1]), wire('abc')]);
  expect(() => packet(0, new Uint8Array(PAYLOAD_BYTES_MAX))).toThrow('too long');
});

test('numbers are written with the least significant byte first', () => {
  expect(int2(0x1234)).toEqual(wire([0x34, 0x12]));
  expect(int3(0x123456)).toEqual(wire([0x56, 0x34, 0x12]));
  expect(int4(0xfedcba98)).toEqual(wire([0x98, 0xba, 0xdc, 0xfe]));
  expect(int8(0x1122334455667788n)).toEqual(wire([0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]));
});

test.each<[bigint, number[]]>([
  [0n, [0]],
  [250n, [250]],
  [251n, [0xfc, 251, 0]],
  [0xffffn, [0xfc, 0xff, 0xff]],
  [0x1_0000n, [0xfd, 0, 0, 1]],
  [0xff_ffffn, [0xfd, 0xff, 0xff, 0xff]],
  [0x100_0000n, [0xfe, 0, 0, 0, 1, 0, 0, 0, 0]],
  [0xffff_ffff_ffff_ffffn, [0xfe, 255, 255, 255, 255, 255, 255, 255, 255]],
])('%d is a length-encoded number of as few bytes as it needs, and read back', (value, bytes) => {
  expect(lenencInt(value)).toEqual(wire(bytes));
  expect(new PacketReader(wire(bytes), 'driver').lenencBigInt()).toBe(value);
});

test('texts have their length in front or a zero byte behind', () => {
  expect(lenencText('é')).toEqual(wire([2], [0xc3, 0xa9]));
  expect(lenencBytes(new Uint8Array(300)).subarray(0, 4)).toEqual(wire([0xfc, 44, 1], [0]));
  expect(nulText('ab')).toEqual(wire('ab\0'));
  expect(() => nulText('a\0b')).toThrow('zero byte');
});

test('a reader takes field after field', () => {
  const reader = new PacketReader(
    wire(
      [1],
      [2, 1],
      [3, 2, 1],
      [255, 255, 255, 255],
      [1, 0, 0, 0, 0, 0, 0, 128],
      'nul\0',
      [2],
      'ab',
      [0xfb],
      'r',
    ),
    'origin',
  );
  expect(reader.int1()).toBe(1);
  expect(reader.int2()).toBe(0x102);
  expect(reader.int3()).toBe(0x10203);
  expect(reader.int4()).toBe(0xffffffff);
  expect(reader.int8()).toBe(0x8000000000000001n);
  expect(reader.nulText()).toBe('nul');
  expect(reader.lenencBytesOrNull()).toEqual(wire('ab'));
  expect(reader.lenencBytesOrNull()).toBeNull();
  expect(reader.rest()).toEqual(wire('r'));
  expect(reader.remaining).toBe(0);
});

test.each<[string, number[], (reader: PacketReader) => unknown]>([
  ['a number of which a byte is missing', [1, 2, 3], (reader) => reader.int4()],
  ['a text longer than what is there', [5, 1, 2], (reader) => reader.lenencBytes()],
  ['a length of more than 53 bits', [0xfe, 0, 0, 0, 0, 0, 0, 0, 255], (reader) => reader.lenencInt()],
  ['NULL where a length must be', [0xfb], (reader) => reader.lenencInt()],
  ['255, which begins no length', [0xff], (reader) => reader.lenencBigInt()],
  ['a text without its zero byte', [65, 66], (reader) => reader.nulText()],
])('a reader refuses %s and names whose fault it is', (_, bytes, read) => {
  const malformed = { fault: 'driver', errno: 1835, fatal: true };
  expect(() => read(new PacketReader(wire(bytes), 'driver'))).toThrow(expect.objectContaining(malformed));
});

test('flags stay unsigned, the highest too', () => {
  const all = withFlag(Capability.LONG_PASSWORD, Capability.REMEMBER_OPTIONS);
  expect(all).toBe(0x80000001);
  expect(hasFlag(all, Capability.REMEMBER_OPTIONS)).toBe(true);
  expect(hasFlag(all, Capability.SSL)).toBe(false);
  expect(withoutFlag(all, Capability.LONG_PASSWORD)).toBe(0x80000000);
});
