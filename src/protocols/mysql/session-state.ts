/**
 * What an OK says of changes to the session, where SESSION_TRACK was agreed.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_ok_packet.html#sect_protocol_basic_ok_packet_sessinfo
 */
import { encodeText, join } from '../bytes/join.ts';
import { decodeText } from '../bytes/reader.ts';
import { PacketReader } from './packet-reader.ts';
import { int1, lenencBytes, lenencText } from './packets.ts';

export const SessionTrack = {
  SYSTEM_VARIABLES: 0x00,
  SCHEMA: 0x01,
  STATE_CHANGE: 0x02,
  GTIDS: 0x03,
  TRANSACTION_CHARACTERISTICS: 0x04,
  TRANSACTION_STATE: 0x05,
} as const;

/** Only what was said. */
export interface SessionState {
  /** Name to value, as the server writes them. */
  variables?: Map<string, string>;
  /** The database; empty where none is selected. */
  schema?: string;
  /** Something of the session changed that could not be told otherwise: a user variable, a temporary table, ... */
  isChanged?: boolean;
  gtids?: string;
  /** SQL that begins a transaction like the one that is open. */
  transactionCharacteristics?: string;
  /** Eight letters or underscores, such as `T_______`. */
  transactionState?: string;
}

export function decodeSessionState(bytes: Uint8Array): SessionState {
  const state: SessionState = {};
  const reader = new PacketReader(bytes, 'origin');
  while (reader.remaining > 0) {
    const type = reader.int1();
    readChange(state, type, new PacketReader(reader.lenencBytes(), 'origin'));
  }
  return state;
}

function readChange(state: SessionState, type: number, reader: PacketReader): void {
  switch (type) {
    case SessionTrack.SYSTEM_VARIABLES:
      state.variables ??= new Map();
      // MySQL sends each variable by itself, MariaDB several at once.
      while (reader.remaining > 0) state.variables.set(reader.lenencText(), reader.lenencText());
      return;
    case SessionTrack.SCHEMA:
      state.schema = reader.lenencText();
      return;
    case SessionTrack.STATE_CHANGE:
      // Not as the manual has it: both servers send the character alone.
      state.isChanged = decodeText(reader.rest()) === '1';
      return;
    case SessionTrack.GTIDS:
      reader.int1(); // how they are written: 0 is the only way so far
      state.gtids = reader.lenencText();
      return;
    case SessionTrack.TRANSACTION_CHARACTERISTICS:
      state.transactionCharacteristics = reader.lenencText();
      return;
    case SessionTrack.TRANSACTION_STATE:
      state.transactionState = reader.lenencText();
      return;
  }
}

/** What both servers report where nobody asks them for more. We do. */
const REPORTED: ReadonlySet<string> = new Set([
  'autocommit',
  'character_set_client',
  'character_set_connection',
  'character_set_results',
  'time_zone',
]);

/** As the origin would have said it without our settings. */
export function stateForDriver({ sessionState }: { sessionState: Uint8Array }): Uint8Array {
  const { variables = new Map<string, string>(), isChanged: _, ...state } = decodeSessionState(sessionState);
  const reported = new Map([...variables].filter(([name]) => REPORTED.has(name)));
  return encodeSessionState(reported.size > 0 ? { ...state, variables: reported } : state);
}

export function encodeSessionState(state: SessionState): Uint8Array {
  const { variables, schema, isChanged, gtids, transactionCharacteristics, transactionState } = state;
  const changes: Uint8Array[] = [...(variables ?? [])].map(([name, value]) =>
    change(SessionTrack.SYSTEM_VARIABLES, lenencText(name), lenencText(value)),
  );
  if (schema !== undefined) changes.push(change(SessionTrack.SCHEMA, lenencText(schema)));
  if (isChanged !== undefined)
    changes.push(change(SessionTrack.STATE_CHANGE, encodeText(isChanged ? '1' : '0')));
  if (gtids !== undefined) changes.push(change(SessionTrack.GTIDS, int1(0), lenencText(gtids)));
  if (transactionCharacteristics !== undefined) {
    changes.push(change(SessionTrack.TRANSACTION_CHARACTERISTICS, lenencText(transactionCharacteristics)));
  }
  if (transactionState !== undefined) {
    changes.push(change(SessionTrack.TRANSACTION_STATE, lenencText(transactionState)));
  }
  return join(changes);
}

function change(type: number, ...parts: Uint8Array[]): Uint8Array {
  return join([int1(type), lenencBytes(join(parts))]);
}
