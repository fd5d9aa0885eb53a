/**
 * Random conversations of two drivers over one or two shared connections. A tiny MySQL (a model, below) sits at the end
 * of each connection; the same model, talked to directly, says what each driver must hear.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Capability } from '../../../src/protocols/mysql/capabilities.ts';
import { MySqlConversation } from '../../../src/protocols/mysql/conversation.ts';
import type { MySqlOrigin } from '../../../src/protocols/mysql/origin-session.ts';
import { StatementRegistry } from '../../../src/protocols/mysql/prepared.ts';
import { Question } from '../../../src/protocols/mysql/question.ts';
import { textOf, wire } from '../postgres/wire.ts';
import {
  CHANGED,
  closeStatement,
  command,
  err,
  execute,
  initDb,
  newOrigin,
  ok,
  openingWith,
  PING,
  prepare,
  preparedHead,
  query,
  RESET_CONNECTION,
  reply,
  result,
  Status,
  schema,
  variable,
} from './script.ts';

const SEED = Date.now() % 2 ** 31;
const CAPABILITIES = Capability.PROTOCOL_41;

// --- a server -------------------------------------------------------------------------------------------------

/** It knows its database, one variable, one user variable, transactions, statements, and what to show of them. */
class ModelServer {
  readonly #statements = new Map<number, { sql: string; database: string }>();
  readonly #isTracking: boolean;
  #made = 0;
  #bytes = wire();
  #database = 'shop';
  #zone = 'SYSTEM';
  #mine = '';
  #isInTransaction = false;

  /** Who talks to it directly has not asked for session tracking. */
  constructor(options: { isTracking: boolean; firstId: number }) {
    this.#isTracking = options.isTracking;
    this.#made = options.firstId;
  }

  receive(bytes: Uint8Array): Uint8Array {
    this.#bytes = wire(this.#bytes, bytes);
    let answer = wire();
    for (;;) {
      const end = 4 + (this.#bytes[0] ?? 0) + ((this.#bytes[1] ?? 0) << 8);
      if (this.#bytes.length < 4 || this.#bytes.length < end) return answer;
      const payload = this.#bytes.slice(4, end);
      this.#bytes = this.#bytes.slice(end);
      answer = wire(answer, this.#run(payload[0] ?? 0, payload.slice(1)));
    }
  }

  #run(byte: number, body: Uint8Array): Uint8Array {
    switch (byte) {
      case 0x02:
        this.#database = textOf(body);
        return this.#ok(wire(schema(this.#database), CHANGED));
      case 0x03:
        return this.#query(textOf(body));
      case 0x0e:
        return this.#ok();
      case 0x16:
        return this.#prepare(textOf(body));
      case 0x17:
        return this.#execute(new DataView(body.buffer).getUint32(0, true));
      case 0x19:
        this.#statements.delete(new DataView(body.buffer).getUint32(0, true));
        return wire();
      case 0x1f:
        this.#zone = 'SYSTEM';
        this.#mine = '';
        this.#isInTransaction = false;
        this.#statements.clear();
        return this.#ok();
      default:
        throw new Error(`the model got a command ${byte}`);
    }
  }

  get #status(): number {
    return Status.AUTOCOMMIT | (this.#isInTransaction ? Status.IN_TRANS : 0);
  }

  #ok(state?: Uint8Array): Uint8Array {
    const { status } = { status: this.#status };
    return reply(ok({ status, ...(state && this.#isTracking ? { state } : {}) }));
  }

  #rows(text: string): Uint8Array {
    return reply(...result([text], this.#status));
  }

  #query(sql: string): Uint8Array {
    if (sql === 'begin') this.#isInTransaction = true;
    if (sql === 'commit' || sql === 'rollback' || sql === 'ROLLBACK') this.#isInTransaction = false;
    if (sql === 'deadlock') {
      this.#isInTransaction = false;
      return reply(err(1213, '40001', 'deadlock'));
    }
    if (sql === 'boom') return reply(err(1064, '42000', 'boom'));
    if (sql === 'show') return this.#rows(`${this.#database} ${this.#zone} ${this.#mine}`);
    const [, zone] = /^(?:set time_zone = |SET @@session\.time_zone=)'?([^']*)'?$/.exec(sql) ?? [];
    if (zone !== undefined) {
      this.#zone = zone === '@@global.time_zone' ? 'SYSTEM' : zone;
      return this.#ok(wire(variable('time_zone', this.#zone), CHANGED));
    }
    const [, mine] = /^set @mine = (.*)$/.exec(sql) ?? [];
    if (mine !== undefined) {
      this.#mine = mine;
      return this.#ok(CHANGED);
    }
    const [, database] = /^(?:use |USE `)([^`]*)`?$/.exec(sql) ?? [];
    if (database === undefined) return this.#ok();
    this.#database = database;
    return this.#ok(wire(schema(database), CHANGED));
  }

  #prepare(sql: string): Uint8Array {
    if (sql === 'boom') return reply(err(1064, '42000', 'boom'));
    this.#made += 1;
    this.#statements.set(this.#made, { sql, database: this.#database });
    return reply(preparedHead(this.#made, { columns: 0, parameters: 0 }));
  }

  /** A statement belongs to the database that it was prepared in. */
  #execute(id: number): Uint8Array {
    const statement = this.#statements.get(id);
    if (statement)
      return this.#rows(`${statement.sql} of ${statement.database} in ${this.#zone} ${this.#mine}`);
    const message = `Unknown prepared statement handler (${id}) given to EXECUTE`;
    return reply(err(1243, 'HY000', message));
  }
}

// --- drivers --------------------------------------------------------------------------------------------------

const commands: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc
    .constantFrom(
      'show',
      'show',
      'begin',
      'commit',
      'rollback',
      'boom',
      'deadlock',
      `set time_zone = '+01:00'`,
      `set time_zone = '+02:00'`,
      'set @mine = 1',
      'set @mine = 2',
      'use other',
      'use shop',
    )
    .map(query),
  fc.constantFrom('other', 'shop').map(initDb),
  fc.constantFrom('select a', 'select b', 'boom').map(prepare),
  fc.integer({ min: 1, max: 4 }).map((id) => execute(id)),
  fc.integer({ min: 1, max: 4 }).map(closeStatement),
  fc.constantFrom(PING, RESET_CONNECTION, command(0x1f)),
);

interface Turn {
  who: 0 | 1;
  bytes: Uint8Array;
  /** How the bytes of both sides are cut. */
  pieces: number;
}

const turns: fc.Arbitrary<Turn[]> = fc.array(
  fc.record({
    who: fc.constantFrom<0 | 1>(0, 1),
    bytes: fc.array(commands, { minLength: 1, maxLength: 3 }).map((all) => wire(...all)),
    pieces: fc.integer({ min: 1, max: 40 }),
  }),
  { maxLength: 25 },
);

/** A pool, its two drivers and what they have heard. */
class Pooled {
  readonly heard: [string, string] = ['', ''];
  readonly #conversations: MySqlConversation[];
  readonly #free: MySqlOrigin[];
  readonly #held = new Map<MySqlConversation, MySqlOrigin>();
  readonly #servers = new Map<MySqlOrigin, ModelServer>();

  constructor(options: { connections: number; statementsMax: number }) {
    const registry = new StatementRegistry(3);
    const open = (): MySqlConversation =>
      new MySqlConversation({ opening: openingWith(CAPABILITIES), registry, peers: undefined });
    this.#conversations = [open(), open()];
    const { statementsMax } = options;
    const variables = new Map([['time_zone', 'SYSTEM']]);
    this.#free = Array.from({ length: options.connections }, () => newOrigin({ statementsMax, variables }));
    for (const [at, origin] of this.#free.entries())
      this.#servers.set(origin, new ModelServer({ isTracking: true, firstId: 100 * (at + 1) }));
  }

  /** False: no connection is free for it. */
  take({ who, bytes, pieces }: Turn): boolean {
    const conversation = this.#conversations[who];
    if (!conversation || (!this.#held.has(conversation) && this.#free.length === 0)) return false;
    for (const piece of cut(bytes, pieces)) {
      conversation.fromDriver(piece);
      this.#settle(who, conversation, pieces);
    }
    return true;
  }

  #settle(who: 0 | 1, conversation: MySqlConversation, pieces: number): void {
    for (;;) {
      if (conversation.phase === 'waiting') this.#attach(conversation);
      const origin = this.#held.get(conversation);
      const up = conversation.toOrigin.take();
      this.heard[who] += textOf(conversation.toDriver.take() ?? wire());
      const answer = up && origin && this.#servers.get(origin)?.receive(up);
      if (answer) for (const piece of cut(answer, pieces)) conversation.fromOrigin(piece.slice());
      if (!up && conversation.phase !== 'waiting') break;
    }
    if (conversation.phase === 'done' || conversation.phase === 'lingering') this.#release(conversation);
  }

  #attach(conversation: MySqlConversation): void {
    const origin = this.#free.shift();
    if (!origin) throw new Error('no connection is free');
    this.#held.set(conversation, origin);
    for (let ask = conversation.beforeAttach(origin); ask; ask = conversation.beforeAttach(origin)) {
      const question = new Question(origin, ask);
      const answer = this.#servers.get(origin)?.receive(question.request);
      expect(question.receive(answer ?? wire())?.error).toBeUndefined();
      conversation.prepared(origin);
    }
    conversation.attach(origin);
  }

  #release(conversation: MySqlConversation): void {
    const origin = this.#held.get(conversation);
    if (!origin) return;
    conversation.detach();
    this.#held.delete(conversation);
    this.#free.push(origin);
  }
}

function cut(bytes: Uint8Array, length: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += length) pieces.push(bytes.slice(at, at + length));
  return pieces;
}

test.each([
  { connections: 1, statementsMax: 100 },
  { connections: 2, statementsMax: 100 },
  { connections: 2, statementsMax: 1 },
])('two drivers hear what each would hear alone: %j', (options) => {
  fc.assert(
    fc.property(turns, (all) => {
      const pooled = new Pooled(options);
      const alone = [0, 1].map(() => new ModelServer({ isTracking: false, firstId: 0 }));
      const expected: [string, string] = ['', ''];
      for (const turn of all) {
        if (!pooled.take(turn)) continue;
        expected[turn.who] += textOf(alone[turn.who]?.receive(turn.bytes) ?? wire());
        expect(pooled.heard).toEqual(expected);
      }
    }),
    { seed: SEED, numRuns: 300 },
  );
});
