/**
 * Scripted conversations: steps of bytes from the driver or the origin, and what must come out on each side. Each
 * script runs whole, byte by byte, with each step cut at each offset, and with the beginning of each driver step
 * sent early; what comes out of a step, and the phase behind it, must not depend on the cutting.
 */
import { expect, test } from 'vitest';
import type { Conversation, ConversationPhase } from '../../../src/protocols/contract.ts';
import type { DriverOpening } from '../../../src/protocols/driver-login.ts';
import { PostgresEndpointSide } from '../../../src/protocols/postgres/endpoint-side.ts';
import { PostgresOrigin } from '../../../src/protocols/postgres/origin-session.ts';
import { FakeHooks } from './fake-hooks.ts';
import { cuttings, framed, lengthOf, textOf, wire } from './wire.ts';

// --- messages of a driver -------------------------------------------------------------------------------------

export const query = (sql: string): Uint8Array =>
  framed(
    'Q',
    `${sql}\0`, // query
  );
export const parse = (name: string, sql: string): Uint8Array =>
  framed(
    'P',
    `${name}\0`, // statement
    `${sql}\0`, // query
    [0, 0], // no parameter types
  );
export const bind = (portal: string, statement: string, resultFormats: number[] = []): Uint8Array =>
  framed(
    'B',
    `${portal}\0`, // portal
    `${statement}\0`, // statement
    [0, 0], // no parameter formats
    [0, 0], // no parameters
    [0, resultFormats.length],
    ...resultFormats.map((format) => [0, format]),
  );
export const describe = (kind: 'S' | 'P', name: string): Uint8Array => framed('D', kind, `${name}\0`);
export const close = (kind: 'S' | 'P', name: string): Uint8Array => framed('C', kind, `${name}\0`);
export const execute = (portal: string, rowsMax = 0): Uint8Array =>
  framed(
    'E',
    `${portal}\0`, // portal
    lengthOf(rowsMax), // Int32: rows, 0 for all
  );
export const SYNC = wire('S', [0, 0, 0, 4]);
export const FLUSH = wire('H', [0, 0, 0, 4]);
export const TERMINATE = wire('X', [0, 0, 0, 4]);
/** CopyData is the same from both sides. */
export const copyData = (text: string): Uint8Array => framed('d', text);
export const COPY_DONE = wire('c', [0, 0, 0, 4]);
export const copyFail = (why: string): Uint8Array => framed('f', `${why}\0`);
export const FUNCTION_CALL = framed(
  'F',
  [0, 0, 5, 57], // function: 1337
  [0, 0], // no argument formats
  [0, 0], // no arguments
  [0, 0], // result in text
);

/** Bind, Execute, Sync of the unnamed portal. */
export const run = (statement: string): Uint8Array => wire(bind('', statement), execute(''), SYNC);

// --- messages of an origin ------------------------------------------------------------------------------------

export const PARSE_COMPLETE = wire('1', [0, 0, 0, 4]);
export const BIND_COMPLETE = wire('2', [0, 0, 0, 4]);
export const CLOSE_COMPLETE = wire('3', [0, 0, 0, 4]);
export const NO_DATA = wire('n', [0, 0, 0, 4]);
export const EMPTY_QUERY = wire('I', [0, 0, 0, 4]);
export const PORTAL_SUSPENDED = wire('s', [0, 0, 0, 4]);
export const NO_PARAMETERS = wire('t', [0, 0, 0, 6], [0, 0]);
export const ready = (status: 'I' | 'T' | 'E' = 'I'): Uint8Array => wire('Z', [0, 0, 0, 5], status);
export const complete = (tag: string): Uint8Array => framed('C', `${tag}\0`);
export const COLUMNS = framed(
  'T',
  [0, 1], // one column
  'x\0', // name
  [0, 0, 0, 0], // of no table
  [0, 0], // attribute
  [0, 0, 0, 23], // type: int4
  [0, 4], // size
  [255, 255, 255, 255], // modifier
  [0, 0], // text
);
export const row = (text: string): Uint8Array =>
  framed(
    'D',
    [0, 1], // one column
    lengthOf(text.length),
    text,
  );
/** What PostgreSQL sends, less the fields of its source. */
export const error = (
  sqlState: string,
  message: string,
  more: { severity?: string; routine?: string } = {},
) =>
  framed(
    'E',
    `S${more.severity ?? 'ERROR'}\0`, // severity, translated
    `V${more.severity ?? 'ERROR'}\0`, // severity
    `C${sqlState}\0`,
    `M${message}\0`,
    ...(more.routine ? [`R${more.routine}\0`] : []),
    [0],
  );
export const fatal = (sqlState: string, message: string): Uint8Array =>
  error(sqlState, message, { severity: 'FATAL' });
/** As the errors of our own look: severity, SQLSTATE, message, hint. */
export const ours = (severity: 'ERROR' | 'FATAL', sqlState: string, message: string, hint?: string) =>
  framed(
    'E',
    `S${severity}\0`,
    `V${severity}\0`,
    `C${sqlState}\0`,
    `M${message}\0`,
    ...(hint ? [`H${hint}\0`] : []),
    [0],
  );
export const notice = (message: string): Uint8Array =>
  framed('N', 'SNOTICE\0', 'VNOTICE\0', 'C00000\0', `M${message}\0`, [0]);
export const notification = (channel: string, payload: string): Uint8Array =>
  framed(
    'A',
    [0, 0, 4, 210], // process: 1234
    `${channel}\0`,
    `${payload}\0`,
  );
export const parameter = (name: string, value: string): Uint8Array => framed('S', `${name}\0`, `${value}\0`);
export const COPY_IN = framed(
  'G',
  [0], // text
  [0, 1], // one column
  [0, 0], // in text
);
export const COPY_OUT = framed('H', [0], [0, 1], [0, 0]);

// --- scripts --------------------------------------------------------------------------------------------------

export type Name = 'a' | 'b';

/** What must come out; nothing where nothing is said. */
interface Outcome {
  toOrigin?: Uint8Array;
  toDriver?: Uint8Array;
  phase: ConversationPhase;
  /** Whose conversation; `a` unless told. */
  who?: Name;
  /** Which connection it gets if it waits: 0 unless told. `none`: it goes on waiting. */
  on?: number | 'none';
  /** SQL that `beforeAttach` must give for that connection. */
  asks?: string;
  /** What is done about a flagged read; it waits on if nothing is. */
  decides?: (conversation: Conversation, hooks: FakeHooks) => void;
  /** Rows that answer the settle question, if the phase is `unsettled`, and the phase behind it. */
  settles?: { rows: (string | null)[][]; phase: ConversationPhase; toDriver?: Uint8Array };
}

export type Step =
  | ({ driver: Uint8Array } & Outcome)
  | ({ origin: Uint8Array } & Outcome)
  | ({ call: (conversation: Conversation, hooks: FakeHooks) => void } & Outcome);

export interface Script {
  steps: Step[];
  statementsMax?: number;
  openings?: Partial<Record<Name, Partial<DriverOpening>>>;
  /** Reported parameters that every connection starts with. */
  parameters?: Record<string, string>;
  /** The config caches; in the end this is what was asked of its hooks by conversation `a`. */
  hears?: string[];
}

/** How the bytes of each step are fed, in the script's order. */
type Feeding = Uint8Array[][];

/** A test that runs the script in all ways to cut it. */
export function scripted(name: string, script: Script): void {
  test(name, () => {
    for (const feeding of feedings(script.steps)) new Stage(script).play(feeding);
  });
}

function feedings(steps: Step[]): Feeding[] {
  const whole = steps.map((step) => [bytesOf(step)]);
  const single = whole.map(([bytes = wire()]) => [...bytes].map((byte) => Uint8Array.of(byte)));
  const cut = whole.flatMap(([bytes = wire()], at) =>
    cuttings(bytes).map((pieces) => whole.map((others, index) => (index === at ? pieces : others))),
  );
  return [whole, single, ...cut, ...early(steps)];
}

/** The first three bytes of a driver's step, which say nothing yet, come at the end of its step before. */
function early(steps: Step[]): Feeding[] {
  const feeding = steps.map((step) => [bytesOf(step)]);
  let before: number | undefined;
  for (const [at, step] of steps.entries()) {
    if (!('driver' in step) || (step.who ?? 'a') !== 'a') continue;
    const ended = before === undefined ? undefined : feeding[before];
    const lastBytes = ended?.at(-1);
    if (ended && lastBytes && steps[before ?? 0]?.phase === 'busy' && isOfWholeMessages(wire(...ended))) {
      ended[ended.length - 1] = wire(lastBytes, step.driver.subarray(0, 3));
      feeding[at] = [step.driver.subarray(3)];
    }
    before = at;
  }
  return [feeding];
}

function isOfWholeMessages(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer);
  let at = 0;
  while (at + 5 <= bytes.length) at += 1 + view.getUint32(at + 1);
  return at === bytes.length;
}

function bytesOf(step: Step): Uint8Array {
  if ('driver' in step) return step.driver;
  return 'origin' in step ? step.origin : wire();
}

export const OPENING: DriverOpening = {
  user: 'al',
  settings: {},
  parameters: {},
  cancelKey: '',
  dialect: '',
};

export function newOrigin(options: { statementsMax?: number; parameters?: Record<string, string> } = {}) {
  return new PostgresOrigin({
    cancelKey: new Uint8Array(8),
    parameters: options.parameters ?? {},
    statementsMax: options.statementsMax ?? 100,
  });
}

/** One run of a script, on connections of its own. */
class Stage {
  readonly #script: Script;
  readonly #conversations: Record<Name, Conversation>;
  readonly #origins: PostgresOrigin[];
  readonly #hooks = new FakeHooks();
  /** What a driver has said and its session has not read. */
  readonly #backlogs: Record<Name, Uint8Array[]> = { a: [], b: [] };

  constructor(script: Script) {
    this.#script = script;
    const side = new PostgresEndpointSide({ statementsMax: script.statementsMax ?? 100 });
    const { parameters = {} } = script;
    const open = (name: Name): Conversation =>
      side.openConversation(
        { ...OPENING, parameters, ...script.openings?.[name] },
        { caching: script.hears && (name === 'a' ? this.#hooks : new FakeHooks()) },
      );
    this.#conversations = { a: open('a'), b: open('b') };
    const { statementsMax = 100 } = script;
    this.#origins = [0, 1].map(() => newOrigin({ statementsMax, parameters }));
  }

  play(feeding: Feeding): void {
    for (const [at, step] of this.#script.steps.entries()) this.#step(at, step, feeding[at] ?? []);
    expect(this.#hooks.heard).toEqual(this.#script.hears ?? []);
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
      // What was fed may be overwritten once the outboxes have been emptied, unless the driver waits.
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

  #attach(conversation: Conversation, { on = 0, asks, decides }: Step): void {
    while (conversation.phase === 'waiting') {
      if (conversation.pendingRead && decides) {
        decides(conversation, this.#hooks);
        continue;
      }
      if (on === 'none') return;
      const origin = this.#origins[on];
      if (!origin) throw new Error(`no connection ${on}`);
      expect(conversation.beforeAttach(origin)).toBe(asks);
      if (asks !== undefined) conversation.prepared(origin);
      conversation.attach(origin);
    }
  }

  #end(conversation: Conversation, { settles }: Step): void {
    if (conversation.phase === 'unsettled' && settles) {
      conversation.settled({ rows: settles.rows, results: [settles.rows], idle: true });
      expect(conversation.phase).toBe(settles.phase);
      expect(textOf(conversation.toDriver.take() ?? wire())).toBe(textOf(settles.toDriver ?? wire()));
    }
    if (conversation.phase === 'done') conversation.detach();
  }
}
