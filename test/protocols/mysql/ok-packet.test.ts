import { expect, test } from 'vitest';
import { Capability, ServerStatus } from '../../../src/protocols/mysql/capabilities.ts';
import {
  decodeEof,
  decodeOk,
  encodeEof,
  encodeOk,
  endsRows,
} from '../../../src/protocols/mysql/ok-packet.ts';
import { Reply } from '../../../src/protocols/mysql/packets.ts';
import { decodeSessionState, encodeSessionState } from '../../../src/protocols/mysql/session-state.ts';
import { wire } from '../postgres/wire.ts';

const TRACKING = Capability.PROTOCOL_41 | Capability.SESSION_TRACK;

const TRACKED = wire(
  [0x00], // header
  [3], // affected rows
  [0xfc, 0x2c, 0x01], // last insert id: 300
  [0x02, 0x40], // status: autocommit, session state changed
  [1, 0], // warnings
  [4],
  'info', // for people
  [9], // length of the session state
  [1, 5, 4],
  'shop', // schema
  [2, 0], // state change, empty
);

test('an OK with session tracking is read and written', () => {
  const ok = decodeOk(TRACKED, TRACKING);
  expect(ok).toEqual({
    header: Reply.OK,
    affectedRows: 3n,
    lastInsertId: 300n,
    status: ServerStatus.AUTOCOMMIT | ServerStatus.SESSION_STATE_CHANGED,
    warnings: 1,
    info: wire('info'),
    sessionState: wire([1, 5, 4], 'shop', [2, 0]),
  });
  expect(encodeOk(ok, TRACKING)).toEqual(TRACKED);
});

test('a driver that did not ask for session tracking hears nothing of it', () => {
  expect(encodeOk(decodeOk(TRACKED, TRACKING), Capability.PROTOCOL_41)).toEqual(
    wire([0x00], [3], [0xfc, 0x2c, 0x01], [0x02, 0x00], [1, 0], [4], 'info'),
  );
});

test('an OK without words for people ends behind its warnings', () => {
  const bytes = wire([0x00, 0, 0], [2, 0], [0, 0]);
  expect(encodeOk({ status: 2 }, TRACKING)).toEqual(bytes);
  expect(decodeOk(bytes, TRACKING)).toMatchObject({ status: 2, info: wire(), sessionState: wire() });
  const statefully = encodeOk({ status: 2, sessionState: wire([2, 2, 1], '1') }, TRACKING);
  expect(statefully).toEqual(wire([0x00, 0, 0], [2, 0x40], [0, 0], [0], [4], [2, 2, 1], '1'));
});

test('words for people are read with and without their length where nothing is tracked', () => {
  const head = wire([0xfe, 0, 0], [2, 0], [0, 0]);
  expect(decodeOk(wire(head, [2], 'hi'), 0)).toMatchObject({ header: Reply.EOF, info: wire('hi') });
  expect(decodeOk(wire(head, 'hi there'), 0).info).toEqual(wire('hi there'));
});

test('EOF has warnings and status', () => {
  const bytes = wire([0xfe], [1, 0], [0x22, 0]);
  expect(encodeEof({ warnings: 1, status: 0x22 })).toEqual(bytes);
  expect(decodeEof(bytes)).toEqual({ warnings: 1, status: 0x22 });
});

test('what ends rows depends on what was agreed, and a row of 16 MiB does not', () => {
  const deprecated = Capability.DEPRECATE_EOF;
  expect(endsRows({ firstByte: 0xfe, length: 5 }, 0)).toBe(true);
  expect(endsRows({ firstByte: 0xfe, length: 9 }, 0)).toBe(false);
  expect(endsRows({ firstByte: 0xfe, length: 40 }, deprecated)).toBe(true);
  expect(endsRows({ firstByte: 0xfe, length: 0xffffff }, deprecated)).toBe(false);
  expect(endsRows({ firstByte: 0x00, length: 5 }, deprecated)).toBe(false);
});

test('each kind of session state is read and written', () => {
  const bytes = wire(
    [0, 9, 3],
    'foo',
    [4],
    'barx', // variable
    [1, 2, 1],
    'd', // schema
    [2, 1],
    '1', // state change, without a length of its own
    [3, 4, 0, 2],
    'g1', // GTIDs, with how they are written
    [4, 2, 1],
    'c', // characteristics
    [5, 3, 2],
    'T_', // transaction state
  );
  const state = {
    variables: new Map([['foo', 'barx']]),
    schema: 'd',
    isChanged: true,
    gtids: 'g1',
    transactionCharacteristics: 'c',
    transactionState: 'T_',
  };
  expect(decodeSessionState(bytes)).toEqual(state);
  expect(encodeSessionState(state)).toEqual(bytes);
});

test('MariaDB puts several variables into one piece, and what is unknown is passed over', () => {
  const bytes = wire([0, 8, 1], 'a', [1], '1', [1], 'b', [1], '2', [99, 1, 0]);
  expect(decodeSessionState(bytes)).toEqual({
    variables: new Map([
      ['a', '1'],
      ['b', '2'],
    ]),
  });
  expect(() => decodeSessionState(wire([1, 9, 1], 'd'))).toThrow('Malformed');
});
