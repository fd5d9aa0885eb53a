import { expect, test } from 'vitest';
import { decodeFirstPacket, type Startup } from '../../../src/protocols/postgres/startup.ts';
import { readOptions } from '../../../src/protocols/postgres/startup-options.ts';
import { wire } from './wire.ts';

function startup(...fields: (string | number[])[]): Startup {
  const first = decodeFirstPacket(wire([0, 3, 0, 0], ...fields));
  if (first.kind !== 'StartupMessage') throw new Error(first.kind);
  return first.startup;
}

function refusal(sqlState: string, words: string): unknown {
  return expect.objectContaining({
    fault: 'driver',
    fatal: true,
    sqlState,
    message: expect.stringContaining(words),
  });
}

test('a StartupMessage names user, database and settings', () => {
  const body = wire(
    [0, 3, 0, 2], // version 3.2
    'user\0al\0',
    'database\0shop\0',
    'TimeZone\0Europe/Vienna\0',
    'application_name\0\0', // an empty value
    [0], // terminator
  );
  expect(decodeFirstPacket(body)).toEqual({
    kind: 'StartupMessage',
    startup: {
      minor: 2,
      user: 'al',
      database: 'shop',
      settings: { timezone: 'Europe/Vienna', application_name: '' },
      protocolOptions: [],
    },
  });
});

test('the database is the user where none is named', () => {
  expect(startup('user\0al\0', [0]).database).toBe('al');
  expect(startup('user\0al\0', 'database\0\0', [0]).database).toBe('al');
});

test('of a name that stands twice the last value counts', () => {
  const { user, settings } = startup('user\0a\0', 'DateStyle\0SQL\0', 'user\0b\0', 'datestyle\0ISO\0', [0]);
  expect({ user, settings }).toEqual({ user: 'b', settings: { datestyle: 'ISO' } });
});

test('a setting named outright overrides one in options, wherever it stands', () => {
  const { settings } = startup('user\0a\0', 'work_mem\x001MB\0', 'options\0-c work_mem=2MB -c x.y=1\0', [0]);
  expect(settings).toEqual({ work_mem: '1MB', 'x.y': '1' });
});

test('a setting named __proto__ is a setting like any other', () => {
  const { settings } = startup('user\0a\0', '__proto__\0x\0', [0]);
  expect(Object.entries(settings)).toEqual([['__proto__', 'x']]);
});

test('options of the protocol are collected and are no settings', () => {
  const { protocolOptions, settings } = startup('user\0a\0', '_pq_.one\x001\0', '_pq_.Two\0\0', [0]);
  expect({ protocolOptions, settings }).toEqual({ protocolOptions: ['_pq_.one', '_pq_.Two'], settings: {} });
});

test.each(['false', 'off', 'no', '0', 'OFF'])('replication=%s is no replication', (value) => {
  expect(startup('user\0a\0', `replication\0${value}\0`, [0]).settings).toEqual({});
});

test.each(['true', 'database', '1', ''])('replication=%s is refused', (value) => {
  expect(() => startup('user\0a\0', `replication\0${value}\0`, [0])).toThrow(refusal('0A000', 'replication'));
});

test.each([
  ['nothing at all', []],
  ['no terminator', ['user\0a\0']],
  ['a name without a value', ['user\0a\0', 'x\0']],
  ['a value that does not end', ['user\0a']],
  ['bytes behind the terminator', ['user\0a\0', [0], 'x\0']],
  ['a second terminator', ['user\0a\0', [0], [0]]],
])('a startup packet with %s is refused', (_, fields) => {
  expect(() => startup(...fields)).toThrow(refusal('08P01', 'expected terminator as last byte'));
});

test('a startup packet without a user is refused', () => {
  const words = 'no PostgreSQL user name specified in startup packet';
  expect(() => startup([0])).toThrow(refusal('28000', words));
  expect(() => startup('user\0\0', [0])).toThrow(refusal('28000', words));
});

test('a startup packet that is not UTF-8 is refused', () => {
  expect(() => startup('user\0', [0xe4], [0], [0])).toThrow(refusal('22021', 'UTF8'));
});

test.each([
  [[0, 2, 0, 0], '2.0'],
  [[0, 4, 0, 1], '4.1'],
  [[0xff, 0xff, 0xff, 0xff], '65535.65535'],
])('version bytes %j are refused as %s', (version, name) => {
  expect(() => decodeFirstPacket(wire(version, 'user\0a\0', [0]))).toThrow(
    refusal('0A000', `unsupported frontend protocol ${name}: server supports 3.0 to 3.2`),
  );
});

test('requests for encryption are told from each other', () => {
  expect(decodeFirstPacket(wire([4, 210, 22, 47]))).toEqual({ kind: 'SSLRequest' });
  expect(decodeFirstPacket(wire([4, 210, 22, 48]))).toEqual({ kind: 'GSSENCRequest' });
});

test('the key of a CancelRequest has 4 bytes of process id and 1 to 256 of secret', () => {
  const code = [4, 210, 22, 46];
  expect(decodeFirstPacket(wire(code, [0, 0, 8, 1], [9, 8, 7, 6]))).toEqual({
    kind: 'CancelRequest',
    processId: 2049,
    key: wire([0, 0, 8, 1], [9, 8, 7, 6]),
  });
  expect(decodeFirstPacket(wire(code, [0, 0, 8, 1], new Uint8Array(256)))).toMatchObject({ processId: 2049 });
  const words = 'invalid length of cancel request packet';
  expect(() => decodeFirstPacket(wire(code, [0, 0, 8, 1]))).toThrow(refusal('08P01', words));
  expect(() => decodeFirstPacket(wire(code, [0]))).toThrow(refusal('08P01', words));
  expect(() => decodeFirstPacket(wire(code, new Uint8Array(261)))).toThrow(refusal('08P01', words));
});

test.each([
  ['', []],
  ['  \t ', []],
  ['-c geqo=off', [['geqo', 'off']]],
  ['-cgeqo=off', [['geqo', 'off']]],
  ['--geqo=off', [['geqo', 'off']]],
  ['--statement-timeout=5min', [['statement_timeout', '5min']]],
  ['-c Statement-Timeout=1 -c x=', [['statement_timeout', '1'], ['x', '']]], // biome-ignore format: one case a line
  ['-c search_path=a,\\ b', [['search_path', 'a, b']]],
  ['-c x=a\\\\b\\c', [['x', 'a\\bc']]],
  ['-c x=a=b', [['x', 'a=b']]],
  ['-c x=1\n-c\vy=2\\', [['x', '1'], ['y', '2']]], // biome-ignore format: one case a line
  ['-c x=a\u00a0b', [['x', 'a\u00a0b']]],
])('options %j mean %j', (options, settings) => {
  expect(readOptions(options)).toEqual(settings);
});

test.each([
  '-c',
  '-c geqo',
  '-c =off',
  '--geqo',
  '-e',
  '-B 5',
  'geqo=off',
  '--',
  '-',
])('options %j are refused', (options) => {
  expect(() => readOptions(options)).toThrow(refusal('42601', ''));
});
