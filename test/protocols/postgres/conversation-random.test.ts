/**
 * Random conversations of two drivers over one or two shared connections. A tiny PostgreSQL (a model, below) sits at
 * the end of each connection; the same model, talked to directly, says what each driver must hear.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Conversation } from '../../../src/protocols/contract.ts';
import { PostgresEndpointSide } from '../../../src/protocols/postgres/endpoint-side.ts';
import { type EndpointNote, LINK_NOTE } from '../../../src/protocols/postgres/link-notes.ts';
import type { PostgresOrigin } from '../../../src/protocols/postgres/origin-session.ts';
import { FakeHooks, flagged, MISS } from './fake-hooks.ts';
import {
  BIND_COMPLETE,
  bind,
  CLOSE_COMPLETE,
  COLUMNS,
  close,
  complete,
  describe,
  error,
  execute,
  FLUSH,
  NO_PARAMETERS,
  newOrigin,
  OPENING,
  PARSE_COMPLETE,
  parse,
  query,
  ready,
  row,
  SYNC,
} from './script.ts';
import { textOf, wire } from './wire.ts';

const SEED = Date.now() % 2 ** 31;

// --- a server -------------------------------------------------------------------------------------------------

/** It knows the texts `ok N`, `boom` (fails when it runs), `bad` (fails to parse), begin, commit, rollback. */
class ModelServer {
  readonly #statements = new Map<string, string>();
  readonly #portals = new Map<string, string>();
  #status: 'I' | 'T' | 'E' = 'I';
  #isSkipping = false;
  #bytes = wire();

  /** What it answers to all that is whole. */
  receive(bytes: Uint8Array): Uint8Array {
    this.#bytes = wire(this.#bytes, bytes);
    let answer = wire();
    for (;;) {
      const end = this.#bytes.length < 5 ? 5 : 1 + new DataView(this.#bytes.buffer).getUint32(1);
      if (this.#bytes.length < end) return answer;
      answer = wire(answer, this.#take(textOf(this.#bytes.slice(0, 1)), this.#bytes.slice(5, end)));
      this.#bytes = this.#bytes.slice(end);
    }
  }

  #take(type: string, body: Uint8Array): Uint8Array {
    if (type === 'S') return this.#sync();
    if (this.#isSkipping) return wire();
    const text = textOf(body);
    const [first = '', second = ''] = text.split('\0');
    switch (type) {
      case 'Q':
        return this.#query(first);
      case 'P':
        return this.#parse(first, second);
      case 'B':
        return this.#bind(first, second);
      case 'D':
        return this.#describe(text.charAt(0), first.slice(1));
      case 'C':
        (text.startsWith('S') ? this.#statements : this.#portals).delete(first.slice(1));
        return CLOSE_COMPLETE;
      case 'E':
        return this.#execute(first);
      case 'H':
        return wire();
      default:
        throw new Error(`the model got a message ${type}`);
    }
  }

  #sync(): Uint8Array {
    this.#isSkipping = false;
    if (this.#status === 'I') this.#portals.clear();
    return ready(this.#status);
  }

  #query(sql: string): Uint8Array {
    this.#statements.delete('');
    this.#portals.delete('');
    const answer = this.#isRefused(sql)
      ? this.#aborted()
      : sql === 'bad'
        ? this.#fail('42601', 'bad')
        : this.#run(sql);
    this.#isSkipping = false;
    const columns = sql.startsWith('ok') && answer[0] === 0x44 ? COLUMNS : [];
    if (this.#status === 'I') this.#portals.clear();
    return wire(columns, answer, ready(this.#status));
  }

  /** Simpler than PostgreSQL: it looks for the name first, and parses in a failed transaction too. */
  #parse(name: string, sql: string): Uint8Array {
    if (name === '') this.#statements.delete('');
    if (this.#statements.has(name)) return this.#fail('42P05', `prepared statement "${name}" already exists`);
    if (sql === 'bad') return this.#fail('42601', 'bad');
    this.#statements.set(name, sql);
    return PARSE_COMPLETE;
  }

  #bind(portal: string, name: string): Uint8Array {
    const sql = this.#statements.get(name);
    if (sql === undefined) return this.#noStatement(name);
    if (this.#isRefused(sql)) return this.#aborted();
    if (portal !== '' && this.#portals.has(portal))
      return this.#fail('42P03', `cursor "${portal}" already exists`);
    this.#portals.set(portal, sql);
    return BIND_COMPLETE;
  }

  #describe(kind: string, name: string): Uint8Array {
    if (kind === 'P')
      return this.#portals.has(name) ? COLUMNS : this.#fail('34000', `portal "${name}" does not exist`);
    if (!this.#statements.has(name)) return this.#noStatement(name);
    return wire(NO_PARAMETERS, COLUMNS);
  }

  #execute(portal: string): Uint8Array {
    const sql = this.#portals.get(portal);
    if (sql === undefined) return this.#fail('34000', `portal "${portal}" does not exist`);
    return this.#isRefused(sql) ? this.#aborted() : this.#run(sql);
  }

  #run(sql: string): Uint8Array {
    if (sql === 'boom') return this.#fail('22012', 'boom');
    if (sql.startsWith('ok')) return wire(row(sql), complete('SELECT 1'));
    if (sql === 'begin') this.#status = 'T';
    else {
      this.#status = 'I';
      this.#portals.clear();
    }
    return complete(sql.toUpperCase());
  }

  #isRefused(sql: string): boolean {
    return this.#status === 'E' && sql !== 'commit' && sql !== 'rollback';
  }

  #aborted(): Uint8Array {
    return this.#fail('25P02', 'current transaction is aborted');
  }

  #noStatement(name: string): Uint8Array {
    const what = name === '' ? 'unnamed prepared statement' : `prepared statement "${name}"`;
    return this.#fail('26000', `${what} does not exist`);
  }

  #fail(sqlState: string, message: string): Uint8Array {
    this.#isSkipping = true;
    if (this.#status === 'T') this.#status = 'E';
    this.#portals.clear();
    return error(sqlState, message);
  }
}

// --- drivers --------------------------------------------------------------------------------------------------

/**
 * `k`: the place in its pipeline. Names and texts of a pipeline's exchanges differ: what a later one says of a name
 * that an earlier one fails to make is decided before anybody knows of the failure.
 */
const sqlAt = (k: number): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(`ok ${k}`, `ok ${k} again`, `ok ${k} more`) },
    { weight: 1, arbitrary: fc.constantFrom('boom', 'bad') },
    { weight: 1, arbitrary: fc.constantFrom('begin', 'commit', 'rollback') },
  );
const portal = fc.constantFrom('', 'p');

/** In a pipeline the unnamed statement is used only where it was parsed. */
const extendedAt = (k: number, depth: number): fc.Arbitrary<Uint8Array> => {
  const names = depth === 1 ? ['', 'a0', 'b0'] : [`a${k}`, `b${k}`];
  const name = fc.constantFrom(...names);
  // Texts that fail or change the transaction are the same in all exchanges: they stay unnamed.
  const named = fc.constantFrom(`ok ${k}`, `ok ${k} again`, `ok ${k} more`);
  return fc.oneof(
    fc.tuple(fc.constantFrom(`a${k}`, `b${k}`), named).map(([to, sql]) => parse(to, sql)),
    sqlAt(k).map((sql) =>
      depth === 1 ? parse('', sql) : wire(parse('', sql), bind('', ''), describe('S', ''), execute('')),
    ),
    fc.tuple(portal, name).map(([to, from]) => bind(to, from)),
    name.map((of) => describe('S', of)),
    portal.map((of) => describe('P', of)),
    portal.map((of) => execute(of)),
    name.map((of) => close('S', of)),
    portal.map((of) => close('P', of)),
    fc.tuple(name, portal).map(([from, to]) => wire(bind(to, from), execute(to))),
    fc.constant(FLUSH),
  );
};

const exchangeAt = (k: number, depth: number): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    { weight: 1, arbitrary: sqlAt(k).map(query) },
    {
      weight: 4,
      arbitrary: fc.array(extendedAt(k, depth), { maxLength: 7 }).map((messages) => wire(...messages, SYNC)),
    },
    // Extended messages that a simple query ends, or fails to.
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.array(extendedAt(k, depth), { maxLength: 3 }), sqlAt(k))
        .map(([messages, sql]) => wire(...messages, query(sql), SYNC)),
    },
  );

interface Batch {
  who: 0 | 1;
  /** Which free connection it gets, if it needs one. */
  prefers: 0 | 1;
  exchanges: Uint8Array[];
  /** Sizes of the pieces that the bytes are cut into, over and over. */
  cuts: number[];
  /** The origin answers each piece at once, or all at the end. */
  isPatient: boolean;
}

const batch = (depth: number): fc.Arbitrary<Batch> =>
  fc.record({
    who: fc.constantFrom(0, 1),
    prefers: fc.constantFrom(0, 1),
    exchanges: fc
      .tuple(
        fc.integer({ min: 1, max: depth }),
        exchangeAt(0, depth),
        exchangeAt(1, depth),
        exchangeAt(2, depth),
      )
      .map(([count, ...exchanges]) => exchanges.slice(0, count)),
    cuts: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 }),
    isPatient: fc.boolean(),
  });

/** Two drivers, each with a server of its own for comparison, over shared connections. */
class World {
  readonly #drivers: { conversation: Conversation; direct: ModelServer; holds: Connection | undefined }[];
  readonly #free: Connection[];
  readonly #isCaching: boolean;
  /** Queries and Syncs of each driver. */
  readonly #sent: [number, number] = [0, 0];
  readonly #hooks = [new FakeHooks(), new FakeHooks()];

  constructor(options: { connections: number; statementsMax: number; isCaching: boolean }) {
    this.#isCaching = options.isCaching;
    const side = new PostgresEndpointSide(options);
    this.#drivers = [0, 1].map((who) => ({
      conversation: side.openConversation(OPENING, {
        caching: options.isCaching ? this.#hooks[who] : undefined,
      }),
      direct: new ModelServer(),
      holds: undefined,
    }));
    this.#free = Array.from({ length: options.connections }, () => ({
      origin: newOrigin(options),
      server: new ModelServer(),
    }));
  }

  play({ who, prefers, exchanges, cuts, isPatient }: Batch): void {
    const driver = this.#drivers[who];
    if (!driver || (!driver.holds && this.#free.length === 0)) return;
    const bytes = wire(...exchanges);
    const { conversation } = driver;
    let heard = wire();
    const pump = (): void => {
      for (;;) {
        heard = wire(heard, conversation.toDriver.take() ?? []);
        const sent = conversation.toOrigin.take();
        if (!sent || !driver.holds) return;
        for (const piece of piecesOf(driver.holds.server.receive(sent), cuts)) {
          conversation.fromOrigin(piece);
          heard = wire(heard, conversation.toDriver.take() ?? []);
        }
      }
    };
    for (const piece of piecesOf(bytes, cuts)) {
      conversation.fromDriver(piece);
      if (conversation.phase === 'waiting') {
        const [connection] = this.#free.splice(prefers % this.#free.length, 1);
        if (!connection) throw new Error('it holds a connection already, and waits');
        driver.holds = connection;
        conversation.attach(connection.origin);
      }
      if (isPatient && !conversation.isHeld) continue;
      pump();
      this.#giveBack(driver);
    }
    pump();
    this.#giveBack(driver);
    expect(['idle', 'in transaction']).toContain(conversation.phase);
    const { messages, notes } = withoutNotes(heard);
    expect(textOf(messages)).toBe(textOf(driver.direct.receive(bytes)));
    this.#checkNotes({ who, notes, exchanges, isAtRest: conversation.phase === 'idle' });
  }

  /** At rest all has been taken, every ticket has ended, and each exchange was counted once. */
  #checkNotes(heard: {
    who: 0 | 1;
    notes: EndpointNote[];
    exchanges: Uint8Array[];
    isAtRest: boolean;
  }): void {
    const hooks = this.#hooks[heard.who];
    if (!this.#isCaching || !hooks) return;
    this.#sent[heard.who] += heard.exchanges.map(endsIn).reduce((sum, ends) => sum + ends, 0);
    if (!heard.isAtRest) return;
    expect(hooks.openTickets).toBe(0);
    expect(heard.notes.at(-1)?.taken).toBe(this.#sent[heard.who]);
    const counted = hooks.heard.filter((word) => /^[a-z]+$/.test(word));
    expect(counted.length).toBe(this.#sent[heard.who]);
  }

  #giveBack(driver: { conversation: Conversation; holds: Connection | undefined }): void {
    if (driver.conversation.phase !== 'done' || !driver.holds) return;
    driver.conversation.detach();
    this.#free.push(driver.holds);
    driver.holds = undefined;
  }
}

/** What the driver hears, and what only its edge does. */
function withoutNotes(bytes: Uint8Array): { messages: Uint8Array; notes: EndpointNote[] } {
  let messages = wire();
  const notes: EndpointNote[] = [];
  for (const message of messagesOf(bytes))
    if (message[0] === LINK_NOTE) notes.push(JSON.parse(textOf(message.subarray(5))));
    else messages = wire(messages, message);
  return { messages, notes };
}

function endsIn(exchange: Uint8Array): number {
  return messagesOf(exchange).filter(([type]) => type === 0x51 || type === 0x53).length;
}

function messagesOf(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + view.getUint32(at + 1);
    messages.push(bytes.subarray(at, end));
    at = end;
  }
  return messages;
}

interface Connection {
  origin: PostgresOrigin;
  server: ModelServer;
}

function piecesOf(bytes: Uint8Array, cuts: number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = cuts[turn % cuts.length] ?? 1;
    pieces.push(bytes.slice(at, at + size));
    at += size;
  }
  return pieces;
}

for (const { depth, connections, statementsMax, isCaching } of [
  { depth: 1, connections: 1, statementsMax: 1, isCaching: false },
  { depth: 1, connections: 2, statementsMax: 2, isCaching: true },
  { depth: 3, connections: 1, statementsMax: 100, isCaching: true },
  { depth: 3, connections: 2, statementsMax: 100, isCaching: false },
])
  test(`two drivers on ${connections} shared hear what they would alone; pipelines of ${depth}, room for ${statementsMax}${isCaching ? ', with a cache' : ''} (seed ${SEED})`, () => {
    fc.assert(
      fc.property(fc.array(batch(depth), { minLength: 1, maxLength: 12 }), (batches) => {
        const world = new World({ connections, statementsMax, isCaching });
        for (const one of batches) world.play(one);
      }),
      { seed: SEED, numRuns: 400 },
    );
  });

test(`whatever bytes come from either side, nothing is thrown (seed ${SEED})`, () => {
  const messages = fc.oneof(
    exchangeAt(0, 1),
    exchangeAt(0, 1).map((exchange) => flagged(exchange)),
    fc.uint8Array({ maxLength: 30 }),
  );
  const replies = fc.oneof(
    fc.uint8Array({ maxLength: 30 }),
    fc.constantFrom(
      PARSE_COMPLETE,
      BIND_COMPLETE,
      COLUMNS,
      ready(),
      ready('T'),
      complete('X'),
      error('X', 'x'),
    ),
    fc
      .tuple(fc.constantFrom(...'RSKENTDIZCGHdcst123AVnvW'), fc.uint8Array({ maxLength: 12 }))
      .map(([type, body]) => wire(type, [0, 0, 0, body.length + 4], body)),
  );
  const step = fc.oneof(
    messages.map((driver) => ({ driver })),
    replies.map((origin) => ({ origin })),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.boolean(), (steps, isCaching) => {
      const side = new PostgresEndpointSide({ statementsMax: 1 });
      const hooks = new FakeHooks();
      const conversation = side.openConversation(OPENING, { caching: isCaching ? hooks : undefined });
      for (const one of steps) {
        if ('driver' in one && !conversation.isHeld) conversation.fromDriver(one.driver);
        else if ('origin' in one && conversation.phase !== 'idle') conversation.fromOrigin(one.origin);
        if (conversation.pendingRead) conversation.runRead(MISS, hooks.recording());
        if (conversation.phase === 'waiting') conversation.attach(newOrigin());
        if (conversation.phase === 'unsettled') conversation.settled({ rows: [], results: [], idle: true });
        if (conversation.phase === 'done') conversation.detach();
      }
      conversation.driverLeft();
      if (conversation.phase === 'busy') conversation.fromOrigin(wire(error('X', 'x'), ready()));
      if (conversation.phase === 'done') expect(hooks.openTickets).toBe(0);
      conversation.cleanup();
      conversation.originLost();
      expect(hooks.openTickets).toBe(0);
      expect(hooks.openRecordings).toBe(0);
    }),
    { seed: SEED, numRuns: 3000 },
  );
});
