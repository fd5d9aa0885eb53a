/**
 * Scripted conversations: steps of bytes from the driver or the origin, and what must come out on each side. Each
 * script runs whole, byte by byte, and with each step cut at each offset; what comes out of a step, and the phase
 * behind it, must not depend on the cutting.
 */
import { expect, test } from 'vitest';

import type { Conversation, ConversationPhase, Peers } from '../../../src/protocols/contract.ts';
import type { DriverOpening } from '../../../src/protocols/driver-login.ts';
import { Capability } from '../../../src/protocols/mysql/capabilities.ts';
import { MySqlConversation } from '../../../src/protocols/mysql/conversation.ts';
import { MySqlOrigin, type OriginOptions } from '../../../src/protocols/mysql/origin-session.ts';
import { StatementRegistry } from '../../../src/protocols/mysql/prepared.ts';
import { FakeHooks } from '../postgres/fake-hooks.ts';
import { cuttings, textOf, wire } from '../postgres/wire.ts';

type Part = string | readonly number[] | Uint8Array;

/** Packets are numbered from 0 in what a driver begins, from 1 in what answers it. */
export function packets(first: number, ...payloads: Part[]): Uint8Array {
  return wire(
    ...payloads.flatMap((payload, at) => {
      const bytes = wire(payload);
      return [[bytes.length & 255, (bytes.length >> 8) & 255, bytes.length >> 16, (first + at) & 255], bytes];
    }),
  );
}

const int2 = (value: number): number[] => [value & 255, value >> 8];
const int4 = (value: number): number[] => [...int2(value & 0xffff), ...int2(value >>> 16)];

// --- commands ---------------------------------------------------------------------------------------------------

export const command = (byte: number, ...body: Part[]): Uint8Array => packets(0, wire([byte], ...body));
export const QUIT = command(0x01);
export const PING = command(0x0e);
export const RESET_CONNECTION = command(0x1f);
export const query = (sql: string): Uint8Array => command(0x03, sql);
export const initDb = (name: string): Uint8Array => command(0x02, name);
export const prepare = (sql: string): Uint8Array => command(0x16, sql);
export const closeStatement = (id: number): Uint8Array => command(0x19, int4(id));
export const resetStatement = (id: number): Uint8Array => command(0x1a, int4(id));
export const longData = (id: number, data: string): Uint8Array => command(0x18, int4(id), [0, 0], data);
export const fetchRows = (id: number, rows: number): Uint8Array => command(0x1c, int4(id), int4(rows));

/** Of a statement without parameters, or with one: a long whose type is sent or was sent before. */
export const execute = (
  id: number,
  options: { value?: number; sendsType?: boolean; type?: number; hasCursor?: boolean } = {},
): Uint8Array =>
  command(
    0x17,
    int4(id),
    [options.hasCursor ? 1 : 0], // flags
    [1, 0, 0, 0], // iterations
    options.value === undefined
      ? []
      : [
          0, // nulls
          options.sendsType === false ? 0 : 1, // types follow
          ...(options.sendsType === false ? [] : [options.type ?? 3, 0]), // MYSQL_TYPE_LONG
          ...(options.type === 6 ? [] : int4(options.value)), // MYSQL_TYPE_NULL
        ],
  );

// --- replies ----------------------------------------------------------------------------------------------------

export const Status = {
  IN_TRANS: 1,
  AUTOCOMMIT: 2,
  MORE: 8,
  CURSOR: 0x40,
  LAST_ROW: 0x80,
  CHANGED: 0x4000,
} as const;

export interface Ok {
  status?: number;
  warnings?: number;
  insertId?: number;
  header?: 0 | 0xfe;
  /** As session tracking writes it. */
  state?: Uint8Array;
}

export const ok = (options: Ok = {}): Uint8Array => {
  const { status = 2, warnings = 0, insertId = 0, header = 0, state } = options;
  return wire(
    [header],
    [0], // affected rows
    [insertId],
    int2(state ? status | Status.CHANGED : status),
    int2(warnings),
    state ? [0, state.length] : [], // info, state
    state ?? [],
  );
};
export const eof = (status = 2, warnings = 0): Uint8Array => wire([0xfe], int2(warnings), int2(status));
export const err = (errno: number, sqlState: string, message: string): Uint8Array =>
  wire([0xff], int2(errno), `#${sqlState}${message}`);
export const variable = (name: string, value: string): Uint8Array =>
  wire([0, name.length + value.length + 2, name.length], name, [value.length], value);
export const schema = (name: string): Uint8Array => wire([1, name.length + 1, name.length], name);
export const CHANGED = wire([2, 1], '1');
export const COLUMN = wire('\x03def', [0, 0, 0, 1], 'x', [0, 12, 63, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0, 0]);
export const row = (text: string): Uint8Array => wire([text.length], text);

/** A result of one column, in the dialect with EOF packets. */
export const result = (rows: string[], status = 2, warnings = 0): Uint8Array[] => [
  wire([1]),
  COLUMN,
  eof(status),
  ...rows.map(row),
  eof(status, warnings),
];

export const preparedHead = (id: number, counts: { columns: number; parameters: number }): Uint8Array =>
  wire([0], int4(id), int2(counts.columns), int2(counts.parameters), [0], [0, 0]);

/** Of a statement with one column and no parameter, or one. */
export const prepared = (id: number, parameters = 0): Uint8Array[] => [
  preparedHead(id, { columns: 1, parameters }),
  ...(parameters > 0 ? [COLUMN, eof()] : []),
  COLUMN,
  eof(),
];

export const reply = (...payloads: Part[]): Uint8Array => packets(1, ...payloads);

// --- scripts ----------------------------------------------------------------------------------------------------

type Name = 'a' | 'b';

interface Outcome {
  toOrigin?: Uint8Array;
  toDriver?: Uint8Array;
  phase: ConversationPhase;
  /** Whose conversation; `a` unless told. */
  who?: Name;
  /** What becomes of the read that the edge flagged. */
  decides?: (conversation: Conversation, hooks: FakeHooks) => void;
  /** Which connection it gets if it waits: 0 unless told. `none`: it goes on waiting. */
  on?: number | 'none';
  /** What `beforeAttach` asks on that connection, in order. */
  asks?: string[];
  /** The question of phase `unsettled`, what answers it, and the phase behind it. */
  settles?: { question: string; row: (string | null)[]; phase: ConversationPhase };
}

export type Step =
  | ({ driver: Uint8Array } & Outcome)
  | ({ origin: Uint8Array } & Outcome)
  | ({ call: (conversation: Conversation, hooks: FakeHooks) => void } & Outcome);

export interface Script {
  steps: Step[];
  /** Of driver and origins; the plain dialect with EOF packets unless told. */
  capabilities?: number;
  statementsMax?: number;
  origin?: Partial<OriginOptions>;
  peers?: Peers;
  /** Given: the config caches, and this is what its cache hears. */
  hears?: string[];
}

/** A test that runs the script in all ways to cut it. */
export function scripted(name: string, script: Script): void {
  test(name, () => {
    for (const feeding of feedings(script.steps)) new Stage(script).play(feeding);
  });
}

function feedings(steps: Step[]): Uint8Array[][][] {
  const whole = steps.map((step) => [bytesOf(step)]);
  const single = whole.map(([bytes = wire()]) => [...bytes].map((byte) => Uint8Array.of(byte)));
  const cut = whole.flatMap(([bytes = wire()], at) =>
    cuttings(bytes).map((pieces) => whole.map((others, index) => (index === at ? pieces : others))),
  );
  return [whole, single, ...cut];
}

function bytesOf(step: Step): Uint8Array {
  if ('driver' in step) return step.driver;
  return 'origin' in step ? step.origin : wire();
}

export const openingWith = (capabilities: number): DriverOpening => ({
  user: 'al',
  settings: {},
  parameters: { capabilities: String(capabilities), extended: '0' },
  cancelKey: '01000000',
  dialect: `${capabilities.toString(16)}.0.2d`,
});

const PLAIN = Capability.PROTOCOL_41;

export function newOrigin(options: Partial<OriginOptions> = {}): MySqlOrigin {
  return new MySqlOrigin({
    dialect: '',
    capabilities: PLAIN | Capability.SESSION_TRACK,
    extended: 0,
    connectionId: 7,
    status: 2,
    database: 'shop',
    variables: new Map([['sql_mode', 'STRICT_TRANS_TABLES']]),
    isTracking: true,
    statementsMax: 100,
    ...options,
  });
}

/** One run of a script, on connections of its own. */
class Stage {
  readonly #script: Script;
  readonly #hooks = new FakeHooks();
  readonly #conversations: Record<Name, MySqlConversation>;
  readonly #origins: MySqlOrigin[];
  /** What a driver has said and its session has not read. */
  readonly #backlogs: Record<Name, Uint8Array[]> = { a: [], b: [] };

  constructor(script: Script) {
    this.#script = script;
    const { capabilities = PLAIN, statementsMax = 100, peers } = script;
    const registry = new StatementRegistry(100);
    const hooks = script.hears && this.#hooks;
    const open = (): MySqlConversation =>
      new MySqlConversation({ opening: openingWith(capabilities), registry, peers, hooks });
    this.#conversations = { a: open(), b: open() };
    this.#origins = [7, 8].map((connectionId) =>
      newOrigin({
        capabilities: capabilities | Capability.SESSION_TRACK,
        connectionId,
        statementsMax,
        ...script.origin,
      }),
    );
  }

  play(feeding: Uint8Array[][]): void {
    for (const [at, step] of this.#script.steps.entries()) this.#step(at, step, feeding[at] ?? []);
    expect(this.#hooks.heard).toEqual(this.#script.hears ?? []);
    expect([this.#hooks.openTickets, this.#hooks.openRecordings]).toEqual([0, 0]);
  }

  #step(at: number, step: Step, pieces: Uint8Array[]): void {
    const conversation = this.#conversations[step.who ?? 'a'];
    const backlog = this.#backlogs[step.who ?? 'a'];
    const out = { toOrigin: wire(), toDriver: wire() };
    const collect = (): void => {
      out.toOrigin = wire(out.toOrigin, conversation.toOrigin.take() ?? []);
      out.toDriver = wire(out.toDriver, conversation.toDriver.take() ?? []);
    };
    // As a session does it: the driver is not read while what it said is held, or waits.
    const isStopped = (): boolean => conversation.isHeld || conversation.phase === 'waiting';
    const drain = (): void => {
      while (!isStopped() && backlog.length > 0) {
        const chunk = backlog.shift()?.slice() ?? wire();
        conversation.fromDriver(chunk);
        this.#attach(conversation, step);
        collect();
        if (!isStopped()) chunk.fill(0xff);
      }
    };
    if ('call' in step) {
      step.call(conversation, this.#hooks);
      this.#attach(conversation, step);
      drain();
    }
    for (const piece of 'call' in step ? [] : pieces) {
      if ('driver' in step) backlog.push(piece);
      else {
        const chunk = piece.slice();
        conversation.fromOrigin(chunk);
        collect();
        chunk.fill(0xff);
      }
      drain();
    }
    collect();
    const { phase } = conversation;
    expect({ at, toOrigin: textOf(out.toOrigin), toDriver: textOf(out.toDriver), phase }).toEqual({
      at,
      toOrigin: textOf(step.toOrigin ?? wire()),
      toDriver: textOf(step.toDriver ?? wire()),
      phase: step.phase,
    });
    this.#end(conversation, step);
  }

  #attach(conversation: MySqlConversation, { decides, on = 0, asks = [] }: Step): void {
    if (conversation.pendingRead) decides?.(conversation, this.#hooks);
    if (conversation.phase !== 'waiting' || on === 'none') return;
    const origin = this.#origins[on];
    if (!origin) throw new Error(`no connection ${on}`);
    const asked: string[] = [];
    for (let ask = conversation.beforeAttach(origin); ask; ask = conversation.beforeAttach(origin)) {
      asked.push(ask);
      conversation.prepared(origin);
    }
    expect(asked).toEqual(asks);
    conversation.attach(origin);
  }

  #end(conversation: MySqlConversation, { settles }: Step): void {
    if (conversation.phase === 'unsettled' && settles) {
      expect(conversation.settleQuestion()).toBe(settles.question);
      const rows = [settles.row];
      conversation.settled({ rows, results: [rows], idle: true });
      expect(conversation.phase).toBe(settles.phase);
    }
    if (conversation.phase === 'done' || conversation.phase === 'lingering') conversation.detach();
  }
}
