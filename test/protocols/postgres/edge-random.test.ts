/**
 * Random talk of one driver through an edge that has a cache, to an endpoint that speaks the notes. A tiny PostgreSQL
 * (a model, below) answers at the endpoint; the same model, talked to directly, says what the driver must hear.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CacheableRead, Recording, ReplyFacts } from '../../../src/protocols/caching.ts';
import { PostgresEdgeConversation } from '../../../src/protocols/postgres/edge-conversation.ts';
import type { EdgeNote } from '../../../src/protocols/postgres/link-notes.ts';
import { ending, facts, note, rows } from './edge-script.ts';
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
  NO_DATA,
  NO_PARAMETERS,
  PARSE_COMPLETE,
  parse,
  query,
  ready,
  SYNC,
} from './script.ts';
import { textOf, wire } from './wire.ts';

const SEED = Date.now() % 2 ** 31;

// --- a server -------------------------------------------------------------------------------------------------

/** It knows `select N`, `select boom` (fails when it runs), `bad` (fails to parse), update, begin, commit. */
class ModelServer {
  readonly statements = new Map<string, string>();
  readonly #portals = new Map<string, string>();
  #status: 'I' | 'T' | 'E' = 'I';
  #isSkipping = false;

  get isIdle(): boolean {
    return this.#status === 'I';
  }

  /** The answer to one message. */
  answer(message: Uint8Array): Uint8Array {
    const type = textOf(message.subarray(0, 1));
    const text = textOf(message.subarray(5));
    const [first = '', second = ''] = text.split('\0');
    if (type === 'S') return this.#ready();
    if (this.#isSkipping || type === 'H') return wire();
    switch (type) {
      case 'Q':
        return this.#query(first);
      case 'P':
        return this.#parse(first, second);
      case 'B':
        return this.#bind(first, second);
      case 'D':
        return this.#describe(text.charAt(0), first.slice(1));
      case 'E':
        return this.#execute(first);
      case 'C':
        this.statements.delete(first.slice(1));
        return CLOSE_COMPLETE;
      default:
        throw new Error(`the model got a message ${type}`);
    }
  }

  #ready(): Uint8Array {
    this.#isSkipping = false;
    if (this.#status === 'I') this.#portals.clear();
    return ready(this.#status);
  }

  #query(sql: string): Uint8Array {
    this.statements.delete('');
    const answer = sql === 'bad' ? this.#fail('42601', 'bad') : this.#run(sql);
    const columns = sql.startsWith('select') && answer[0] !== 0x45 ? COLUMNS : wire();
    return wire(columns, answer, this.#ready());
  }

  #parse(name: string, sql: string): Uint8Array {
    if (name === '') this.statements.delete('');
    if (this.statements.has(name)) return this.#fail('42P05', name);
    if (sql === 'bad') return this.#fail('42601', 'bad');
    this.statements.set(name, sql);
    return PARSE_COMPLETE;
  }

  #bind(portal: string, name: string): Uint8Array {
    const sql = this.statements.get(name);
    if (sql === undefined) return this.#fail('26000', name);
    this.#portals.set(portal, sql);
    return BIND_COMPLETE;
  }

  #describe(kind: string, name: string): Uint8Array {
    const sql = (kind === 'S' ? this.statements : this.#portals).get(name);
    if (sql === undefined) return this.#fail('26000', name);
    const columns = sql.startsWith('select') ? COLUMNS : NO_DATA;
    return kind === 'S' ? wire(NO_PARAMETERS, columns) : columns;
  }

  #execute(portal: string): Uint8Array {
    const sql = this.#portals.get(portal);
    return sql === undefined ? this.#fail('34000', portal) : this.#run(sql);
  }

  #run(sql: string): Uint8Array {
    if (this.#status === 'E' && sql !== 'commit') return this.#fail('25P02', 'aborted');
    if (sql === 'select boom') return this.#fail('XX000', 'boom');
    if (sql === 'begin') this.#status = 'T';
    if (sql === 'commit') this.#status = 'I';
    return sql.startsWith('select') ? rows(wire(), sql) : complete(sql);
  }

  #fail(sqlState: string, text: string): Uint8Array {
    this.#isSkipping = true;
    if (this.#status === 'T') this.#status = 'E';
    return error(sqlState, text);
  }
}

/** Whole messages out of pieces. */
class Messages {
  #bytes = wire();

  push(bytes: Uint8Array): void {
    this.#bytes = wire(this.#bytes, bytes);
  }

  get isEmpty(): boolean {
    return this.#bytes.length === 0;
  }

  take(bytes = this.#wholeLength): Uint8Array | undefined {
    if (bytes === undefined || this.#bytes.length < bytes) return undefined;
    const taken = this.#bytes.slice(0, bytes);
    this.#bytes = this.#bytes.slice(bytes);
    return taken;
  }

  get #wholeLength(): number | undefined {
    return this.#bytes.length < 5 ? undefined : 1 + new DataView(this.#bytes.buffer).getUint32(1);
  }
}

// --- an endpoint ----------------------------------------------------------------------------------------------

type Decision = 'run' | 'answer' | 'refuse';

/** It answers all that has come at once, so what is owed is what has not come whole. */
class ModelEndpoint {
  readonly #server = new ModelServer();
  readonly #messages = new Messages();
  readonly #decide: () => Decision;
  #taken = 0;
  #flag: EdgeNote['read'];

  constructor(decide: () => Decision) {
    this.#decide = decide;
  }

  receive(bytes: Uint8Array): Uint8Array {
    this.#messages.push(bytes);
    let answers = wire();
    for (;;) {
      const said = this.#flag ? this.#messages.take(this.#flag.bytes) : this.#messages.take();
      if (!said) return answers;
      if (this.#flag) answers = wire(answers, this.#readFlagged(this.#flag, said));
      else if (said[0] === 1) this.#heed(JSON.parse(new TextDecoder().decode(said.subarray(5))));
      else answers = wire(answers, this.#answer(said));
    }
  }

  #heed({ drop = [], define = [], read }: EdgeNote): void {
    const { statements } = this.#server;
    for (const name of drop) statements.delete(name);
    for (const [name, body] of define) statements.set(name, body.split('\0')[0] ?? '');
    this.#flag = read;
  }

  #readFlagged(flag: NonNullable<EdgeNote['read']>, said: Uint8Array): Uint8Array {
    this.#flag = undefined;
    const decision = this.#decide();
    const text = flag.read.key.slice(0, flag.read.textLength);
    const isSelect = text.startsWith('select') && text !== 'select boom';
    if (decision === 'answer' && isSelect) return this.#answerFlagged(flag, said, text);
    return wire(facts(decision === 'refuse' ? { status: 'volatile' } : {}), this.#runAll(said));
  }

  #answerFlagged(
    { read, answers }: NonNullable<EdgeNote['read']>,
    said: Uint8Array,
    text: string,
  ): Uint8Array {
    // Its Parse, if it has one, makes the statement exist; a simple query ends the unnamed one.
    if (said[0] === 0x50 || said[0] === 0x51) this.#server.answer(whole(said));
    this.#taken += 1;
    return wire(
      facts({ status: 'hit', tier: 'endpoint' }),
      answers.includes('1') ? PARSE_COMPLETE : wire(),
      answers.includes('2') ? BIND_COMPLETE : wire(),
      read.wants === 'rows' ? rows(COLUMNS, text) : wire(NO_PARAMETERS, COLUMNS),
      this.#ending(),
      ready(),
    );
  }

  #runAll(said: Uint8Array): Uint8Array {
    const messages = new Messages();
    messages.push(said);
    let answers = wire();
    for (let next = messages.take(); next; next = messages.take())
      answers = wire(answers, this.#answer(next));
    return answers;
  }

  #answer(said: Uint8Array): Uint8Array {
    const answer = this.#server.answer(said);
    if (said[0] !== 0x51 && said[0] !== 0x53) return answer;
    this.#taken += 1;
    return wire(answer.subarray(0, -6), this.#ending(), answer.subarray(-6));
  }

  #ending(): Uint8Array {
    const isAtRest = this.#server.isIdle && this.#messages.isEmpty;
    return isAtRest ? ending(this.#taken) : note({});
  }
}

/** The first message. */
function whole(said: Uint8Array): Uint8Array {
  const messages = new Messages();
  messages.push(said);
  return messages.take() ?? wire();
}

// --- the edge -------------------------------------------------------------------------------------------------

class ModelEdge {
  readonly #conversation: PostgresEdgeConversation;
  readonly #endpoint: ModelEndpoint;
  readonly #isKept: () => boolean;
  #toEndpoint: Uint8Array[] = [];
  #toEdge: Uint8Array[] = [];
  heard = wire();
  hits = 0;
  recorded = 0;

  constructor(options: { decide: () => Decision; isKept: () => boolean }) {
    this.#endpoint = new ModelEndpoint(options.decide);
    this.#isKept = options.isKept;
    const hooks = {
      record: (read: CacheableRead, _facts: ReplyFacts) => this.#record(read),
      refused: () => {},
      heard: () => {},
    };
    this.#conversation = new PostgresEdgeConversation({ dialect: '', settings: {}, hooks });
  }

  #record(read: CacheableRead): Recording {
    let body = wire();
    return {
      add: (bytes) => {
        body = wire(body, bytes);
      },
      complete: () => {
        this.recorded += 1;
        expect(textOf(body)).toBe(textOf(bodyOf(read) ?? body));
      },
      abandon: () => {},
    };
  }

  say(bytes: Uint8Array): void {
    const chunk = bytes.slice();
    this.#conversation.fromDriver(chunk);
    while (this.#conversation.read) this.#lookUp(this.#conversation.read);
    this.#collect();
    chunk.fill(0xff);
  }

  #lookUp(read: CacheableRead): void {
    const body = bodyOf(read);
    const isHit = body !== undefined && this.#isKept();
    if (isHit) {
      this.hits += 1;
      this.#conversation.answer({ body }, { seenUpTo: 0, ageMs: 0, tier: 'memory' });
    } else this.#conversation.forward();
  }

  /** The link moves some bytes on, in both directions. */
  move(bytesMax: number): void {
    const up = this.#next(this.#toEndpoint, bytesMax);
    if (up) this.#toEdge.push(this.#endpoint.receive(up));
    const down = this.#next(this.#toEdge, bytesMax);
    if (!down) return;
    this.#conversation.fromEndpoint(down);
    expect(this.#conversation.read).toBeUndefined();
    this.#collect();
    down.fill(0xff);
  }

  /** Until nothing moves any more. */
  drain(): void {
    do this.move(FAR);
    while (this.#toEndpoint.length + this.#toEdge.length > 0);
  }

  #next(queue: Uint8Array[], bytesMax: number): Uint8Array | undefined {
    const all = wire(...queue.splice(0));
    if (all.length === 0) return undefined;
    if (all.length > bytesMax) queue.push(all.slice(bytesMax));
    return all.slice(0, bytesMax);
  }

  #collect(): void {
    const said = this.#conversation.toEndpoint.take();
    if (said) this.#toEndpoint.push(said.slice());
    this.heard = wire(this.heard, this.#conversation.toDriver.take() ?? []);
  }
}

/** What a cache would hold of it. */
function bodyOf({ key, textLength, wants }: CacheableRead): Uint8Array | undefined {
  const text = key.slice(0, textLength);
  if (text !== 'select 1' && text !== 'select 2') return undefined;
  return wants === 'rows' ? rows(COLUMNS, text) : wire(NO_PARAMETERS, COLUMNS);
}

// --- what a driver says ---------------------------------------------------------------------------------------

const names = fc.constantFrom('', 'a', 'b');
const texts = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('select 1', 'select 2') },
  { weight: 2, arbitrary: fc.constantFrom('select boom', 'update', 'bad') },
  { weight: 1, arbitrary: fc.constantFrom('begin', 'commit') },
);
const ends = fc.constantFrom([SYNC], [FLUSH, SYNC]);

const exchange = fc.oneof(
  { weight: 3, arbitrary: texts.map((text) => [query(text)]) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(names, texts, fc.boolean(), fc.boolean(), fc.constantFrom('', 'p'))
      .map(([name, text, parses, describes, portal]) => [
        ...(parses ? [parse(name, text)] : []),
        bind(portal, name),
        ...(describes ? [describe('P', portal)] : []),
        execute(portal),
        SYNC,
      ]),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(names, texts, fc.boolean(), ends)
      .map(([name, text, parses, end]) => [
        ...(parses ? [parse(name, text)] : []),
        describe('S', name),
        ...end,
      ]),
  },
  {
    // As postgres.js: the read comes behind the description.
    weight: 2,
    arbitrary: fc
      .tuple(names, texts)
      .map(([name, text]) => [
        parse(name, text),
        describe('S', name),
        FLUSH,
        bind('', name),
        execute(''),
        SYNC,
      ]),
  },
  { weight: 2, arbitrary: names.map((name) => [close('S', name), SYNC]) },
  { weight: 1, arbitrary: fc.constant([SYNC]) },
  { weight: 1, arbitrary: fc.tuple(names, texts).map(([name, text]) => [parse(name, text), SYNC]) },
);

const FAR = 1_000_000;

/** How far the driver speaks before the link moves, and how far that moves. */
const pace = fc.record({
  says: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant('one exchange' as const), fc.constant(FAR)),
  waits: fc.boolean(),
  moves: fc.array(fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constant(FAR)), { maxLength: 4 }),
});

function cycle<T>(values: readonly T[]): () => T {
  let at = -1;
  return () => {
    at = (at + 1) % values.length;
    const value = values[at];
    if (value === undefined) throw new Error('nothing to choose from');
    return value;
  };
}

function directly(said: Uint8Array): Uint8Array {
  const server = new ModelServer();
  const messages = new Messages();
  messages.push(said);
  let heard = wire();
  for (let next = messages.take(); next; next = messages.take()) heard = wire(heard, server.answer(next));
  return heard;
}

test(`the driver hears what a server would say, seed ${SEED}`, () => {
  let hits = 0;
  let recorded = 0;
  fc.assert(
    fc.property(
      fc.array(exchange, { minLength: 1, maxLength: 14 }),
      fc.array(pace, { minLength: 1, maxLength: 8 }),
      fc.array(fc.constantFrom<Decision>('run', 'run', 'answer', 'refuse'), { minLength: 1, maxLength: 5 }),
      fc.array(fc.constantFrom(true, true, false), { minLength: 1, maxLength: 5 }),
      (exchanges, paces, decisions, kept) => {
        const said = wire(...exchanges.flat());
        const edge = new ModelEdge({ decide: cycle(decisions), isKept: cycle(kept) });
        const nextPace = cycle(paces);
        const ends = exchanges.map((_, index) => wire(...exchanges.slice(0, index + 1).flat()).length);
        for (let at = 0; at < said.length; ) {
          const { says, moves, waits } = nextPace();
          const end = says === 'one exchange' ? (ends.find((found) => found > at) ?? FAR) : at + says;
          edge.say(said.subarray(at, end));
          at = end;
          for (const bytes of moves) edge.move(bytes);
          if (waits) edge.drain();
        }
        edge.drain();
        hits += edge.hits;
        recorded += edge.recorded;
        expect(textOf(edge.heard)).toBe(textOf(directly(said)));
      },
    ),
    { numRuns: 3_000, seed: SEED },
  );
  expect(hits).toBeGreaterThan(1_000);
  expect(recorded).toBeGreaterThan(300);
}, 60_000);
