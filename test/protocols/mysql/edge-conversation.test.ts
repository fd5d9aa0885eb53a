import { describe, expect, test } from 'vitest';
import { asBytes, bytesOfLatin1, latin1 } from '../../../src/protocols/bytes/latin1.ts';
import type { ReplyFacts } from '../../../src/protocols/caching.ts';
import { Capability } from '../../../src/protocols/mysql/capabilities.ts';
import { encodeDialect } from '../../../src/protocols/mysql/dialect.ts';
import { MySqlEdgeConversation } from '../../../src/protocols/mysql/edge-conversation.ts';
import {
  decodeEdgeNote,
  type EndpointNote,
  encodeEndpointNote,
  LINK_NOTE,
} from '../../../src/protocols/mysql/link-notes.ts';
import { int1, int4, packet } from '../../../src/protocols/mysql/packets.ts';

const text = (words: string): Uint8Array => bytesOfLatin1(asBytes(words));
const query = (sql: string): Uint8Array => packet(0, int1(0x03), text(sql));
const prepare = (sql: string): Uint8Array => packet(0, int1(0x16), text(sql));
const close = (id: number): Uint8Array => packet(0, int1(0x19), int4(id));
/** Without parameters, or with one LONG. */
const execute = (id: number, value?: number): Uint8Array =>
  packet(
    0,
    int1(0x17),
    int4(id),
    Uint8Array.of(0, 1, 0, 0, 0),
    value === undefined ? new Uint8Array() : Uint8Array.of(0, 1, 3, 0, value, 0, 0, 0),
  );
const OK = packet(1, Uint8Array.of(0, 0, 0, 2, 0, 0, 0));
/** Any packets: the edge does not look into them. */
const rows = (value: string): Uint8Array =>
  join(
    packet(1, int1(1)),
    packet(2, text('column')),
    packet(3, text(value)),
    packet(4, Uint8Array.of(0xfe, 0, 0, 2, 0)),
  );
/** Of a statement with one parameter and no columns. */
const described = (id: number): Uint8Array =>
  join(
    packet(1, int1(0), int4(id), Uint8Array.of(0, 0, 1, 0, 0, 0, 0)),
    packet(2, text('parameter')),
    packet(3, Uint8Array.of(0xfe, 0, 0, 2, 0)),
  );
const note = (said: EndpointNote, previous: number): Uint8Array => encodeEndpointNote(said, previous);
const FACTS: ReplyFacts = { status: 'miss', reads: [], asOf: 5, ageMs: 0, tier: 'origin' };
const ABOUT = { seenUpTo: 7, ageMs: 0, tier: 'memory' } as const;

function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** An edge whose cache holds what was recorded, and what is put there. */
class Stage {
  readonly stored = new Map<string, Uint8Array>();
  readonly refused: string[] = [];
  readonly conversation: MySqlEdgeConversation;
  readonly #isCut: boolean;

  constructor({ isCut, capabilities = 0 }: { isCut: boolean; capabilities?: number }) {
    this.#isCut = isCut;
    this.conversation = new MySqlEdgeConversation({
      settings: {},
      dialect: encodeDialect({ capabilities, extended: 0, collation: 45 }),
      hooks: {
        record: (read) => {
          const pieces: Uint8Array[] = [];
          return {
            add: (bytes) => pieces.push(bytes.slice()),
            complete: () => this.stored.set(read.key, join(...pieces)),
            abandon: () => {},
          };
        },
        refused: (read) => this.refused.push(read.key.slice(0, read.textLength)),
        heard: () => {},
      },
    });
  }

  /** What the driver hears and what the endpoint hears. Reads are answered from what is stored. */
  driver(bytes: Uint8Array): { toDriver: string; toEndpoint: (string | object)[] } {
    this.#feed(bytes, (piece) => this.conversation.fromDriver(piece));
    return this.#heard();
  }

  endpoint(...parts: Uint8Array[]): { toDriver: string; toEndpoint: (string | object)[] } {
    this.#feed(join(...parts), (piece) => {
      this.conversation.fromEndpoint(piece);
      // Nobody would decide on it.
      expect(this.conversation.read).toBeUndefined();
    });
    return this.#heard();
  }

  #toDriver: Uint8Array[] = [];
  #toEndpoint: Uint8Array[] = [];

  #feed(bytes: Uint8Array, take: (piece: Uint8Array) => void): void {
    const pieces = this.#isCut ? [...bytes].map((byte) => Uint8Array.of(byte)) : [bytes];
    for (const piece of pieces) {
      take(piece);
      for (let { read } = this.conversation; read; { read } = this.conversation) {
        const body = this.stored.get(read.key);
        if (body) this.conversation.answer({ body }, ABOUT);
        else this.conversation.forward();
      }
      this.#toDriver.push(this.conversation.toDriver.take()?.slice() ?? new Uint8Array());
      this.#toEndpoint.push(this.conversation.toEndpoint.take()?.slice() ?? new Uint8Array());
    }
  }

  #heard(): { toDriver: string; toEndpoint: (string | object)[] } {
    const toDriver = latin1(join(...this.#toDriver.splice(0)));
    return { toDriver, toEndpoint: packetsIn(join(...this.#toEndpoint.splice(0))) };
  }
}

function packetsIn(bytes: Uint8Array): (string | object)[] {
  const found: (string | object)[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    const payload = bytes.subarray(at + 4, at + 4 + length);
    found.push(payload[0] === LINK_NOTE ? (decodeEdgeNote(payload) ?? {}) : latin1(payload));
    at += 4 + length;
  }
  return found;
}

const flag = (sql: string, command: Uint8Array, wants = 'rows', floor = 0): object => ({
  read: {
    floor,
    bytes: command.length,
    read: expect.objectContaining({
      wants,
      textLength: sql.length,
      key: expect.stringContaining(`${sql}\0`),
    }),
  },
});
const payload = (command: Uint8Array): string => latin1(command.subarray(4));

describe.each([{ isCut: false }, { isCut: true }])('$isCut: byte by byte', ({ isCut }) => {
  test('a miss is flagged, recorded and answered here the next time', () => {
    const stage = new Stage({ isCut });
    const read = query('select 1');
    expect(stage.driver(read)).toEqual({ toDriver: '', toEndpoint: [flag('select 1', read), payload(read)] });
    const reply = rows('a');
    expect(
      stage.endpoint(note({ reply: FACTS }, 0), reply, note({ taken: 1, at: 9, keeps: true }, 4)),
    ).toEqual({
      toDriver: latin1(reply),
      toEndpoint: [],
    });
    expect(stage.conversation.isQuiet).toBe(true);
    expect(stage.conversation.floor).toBe(9);
    expect(stage.driver(read)).toEqual({ toDriver: latin1(reply), toEndpoint: [] });
    const commented = query('/* a */ select 1 -- b');
    expect(stage.driver(commented)).toEqual({ toDriver: latin1(reply), toEndpoint: [] });
  });

  test('what the endpoint does not keep is not kept', () => {
    const stage = new Stage({ isCut });
    const read = query('select 1');
    stage.driver(read);
    stage.endpoint(note({ reply: FACTS }, 0), rows('a'), note({ taken: 1, at: 9 }, 4));
    expect(stage.stored.size).toBe(0);
    stage.driver(read);
    stage.endpoint(
      note({ reply: { ...FACTS, status: 'volatile' } }, 4),
      rows('a'),
      note({ taken: 2, at: 9 }, 4),
    );
    expect(stage.refused).toEqual(['select 1']);
  });

  test('rows that begin with the byte of a note are rows', () => {
    const stage = new Stage({ isCut });
    stage.driver(query('select 1'));
    const reply = join(
      packet(1, int1(1)),
      packet(2, text('column')),
      packet(3, int1(LINK_NOTE), text('x'.repeat(LINK_NOTE))),
      packet(4, Uint8Array.of(0xfe, 0, 0, 2, 0)),
    );
    const heard = stage.endpoint(note({ reply: FACTS }, 0), reply, note({ taken: 1, at: 9, keeps: true }, 4));
    expect(heard.toDriver).toBe(latin1(reply));
    expect([...stage.stored.values()].map(latin1)).toEqual([latin1(reply)]);
  });

  test('while something is under way all goes to the endpoint, in order', () => {
    const stage = new Stage({ isCut });
    const write = query('insert into t values (1)');
    expect(stage.driver(write).toEndpoint).toEqual([payload(write)]);
    const read = query('select 1');
    expect(stage.driver(read).toEndpoint).toEqual([payload(read)]);
    stage.endpoint(OK, note({ taken: 1, at: 3 }, 1));
    expect(stage.conversation.isQuiet).toBe(false);
    stage.endpoint(rows('a'), note({ taken: 2, at: 4 }, 4));
    expect(stage.conversation.isQuiet).toBe(true);
    // A transaction is open.
    stage.driver(query('begin'));
    stage.endpoint(OK, note({ taken: 3 }, 1));
    expect(stage.driver(read).toEndpoint).toEqual([payload(read)]);
  });

  test('settings are part of the key, and where they are not known nothing is looked up', () => {
    const stage = new Stage({ isCut });
    const read = query('select 1');
    stage.driver(read);
    stage.endpoint(note({ reply: FACTS }, 0), rows('a'), note({ taken: 1, at: 9, keeps: true }, 4));
    stage.driver(query("set time_zone = '+01:00'"));
    stage.endpoint(OK, note({ taken: 2, at: 9, settings: { time_zone: '+01:00' } }, 1));
    expect(stage.driver(read).toEndpoint).toEqual([flag('select 1', read, 'rows', 9), payload(read)]);
    stage.endpoint(note({ reply: FACTS }, 1), rows('b'), note({ taken: 3, at: 9, settings: null }, 4));
    expect(stage.driver(read).toEndpoint).toEqual([payload(read)]);
  });

  test('a statement that was described before is prepared here, and the endpoint hears of it when it must', () => {
    const stage = new Stage({ isCut });
    const sql = 'select ? as n';
    stage.driver(prepare(sql));
    stage.endpoint(
      note({ reply: FACTS }, 0),
      described(1),
      note({ taken: 1, at: 9, keeps: true, prepared: [1, sql, 1, ''] }, 3),
    );
    const again = new Stage({ isCut });
    for (const [key, body] of stage.stored) again.stored.set(key, body);
    const id = 0x4000_0000;
    expect(again.driver(prepare(sql))).toEqual({ toDriver: latin1(described(id)), toEndpoint: [] });
    const run = execute(id, 5);
    expect(again.driver(run).toEndpoint).toEqual([
      { ...flag(sql, run, 'rows', 7), define: [[id, sql, 1]] },
      payload(run),
    ]);
    again.endpoint(note({ reply: FACTS }, 0), rows('5'), note({ taken: 1, at: 9, keeps: true }, 4));
    expect(again.driver(run)).toEqual({ toDriver: latin1(rows('5')), toEndpoint: [] });
    // Another value is another read.
    expect(again.driver(execute(id, 6)).toEndpoint).toHaveLength(2);
    again.endpoint(note({ reply: FACTS }, 4), rows('6'), note({ taken: 2, at: 9 }, 4));
    expect(again.driver(close(id)).toEndpoint).toEqual([payload(close(id))]);
  });

  test('a statement that only the edge knows is closed here', () => {
    const stage = new Stage({ isCut });
    stage.driver(prepare('select ? as n'));
    stage.endpoint(note({ reply: FACTS }, 0), described(1), note({ taken: 1, at: 9, keeps: true }, 3));
    const again = new Stage({ isCut });
    for (const [key, body] of stage.stored) again.stored.set(key, body);
    again.driver(prepare('select ? as n'));
    expect(again.driver(close(0x4000_0000)).toEndpoint).toEqual([]);
    const quit = packet(0, int1(0x01));
    expect(again.driver(quit).toEndpoint).toEqual([]);
    expect(again.conversation.isOver).toBe(true);
  });

  test('a parameter that is a TIME, a cursor, or types that were sent before: not looked up', () => {
    const stage = new Stage({ isCut });
    stage.driver(prepare('select ?'));
    stage.endpoint(
      note({ reply: FACTS }, 0),
      described(1),
      note({ taken: 1, at: 9, prepared: [1, 'select ?', 1, ''] }, 3),
    );
    const head = [int1(0x17), int4(1)] as const;
    const time = packet(0, ...head, Uint8Array.of(0, 1, 0, 0, 0, 0, 1, 0x0b, 0, 0));
    const cursor = packet(0, ...head, Uint8Array.of(1, 1, 0, 0, 0, 0, 1, 3, 0, 5, 0, 0, 0));
    const untyped = packet(0, ...head, Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 5, 0, 0, 0));
    for (const [at, command] of [time, cursor, untyped].entries()) {
      expect(stage.driver(command).toEndpoint).toEqual([payload(command)]);
      stage.endpoint(rows('a'), note({ taken: 2 + at, at: 9 }, 4));
    }
  });

  test('a note of a driver is no note', () => {
    const stage = new Stage({ isCut });
    const heard = stage.driver(packet(0, int1(LINK_NOTE), text('{}')));
    expect(heard.toEndpoint).toEqual([]);
    expect(heard.toDriver).toContain('malformed communication packet');
    expect(stage.conversation.isOver).toBe(true);
  });

  test('where a file may be asked for, what is said ahead waits', () => {
    const stage = new Stage({ isCut, capabilities: Capability.LOCAL_FILES });
    const load = query("load data local infile 'x' into table t");
    const forged = packet(2, int1(LINK_NOTE), text('{}'));
    const end = packet(3);
    expect(stage.driver(join(load, forged, end, query('select 1'))).toEndpoint).toEqual([payload(load)]);
    expect(stage.endpoint(note({ file: true }, 0), packet(1, int1(0xfb), text('x'))).toEndpoint).toEqual([
      {},
      '',
    ]);
    const ok = packet(4, Uint8Array.of(0, 0, 0, 2, 0, 0, 0));
    const heard = stage.endpoint(ok, note({ taken: 1, at: 9 }, 4));
    expect(heard.toEndpoint).toEqual([payload(query('select 1'))]);
  });

  test('what was said ahead goes on one by one, and no read of it waits for a cache', () => {
    const stage = new Stage({ isCut, capabilities: Capability.LOCAL_FILES });
    const ahead = ['set @a = 1', 'select 1', 'select 2'].map((sql) => query(sql));
    const [set, first, second] = ahead.map(payload);
    expect(stage.driver(join(...ahead)).toEndpoint).toEqual([set]);
    expect(stage.endpoint(rows('a'), note({ taken: 1, at: 5 }, 4)).toEndpoint).toEqual([first]);
    expect(stage.endpoint(rows('a'), note({ taken: 2, at: 6 }, 4)).toEndpoint).toEqual([second]);
    expect(stage.endpoint(rows('a'), note({ taken: 3, at: 7 }, 4)).toEndpoint).toEqual([]);
    const read = query('select 3');
    expect(stage.driver(read).toEndpoint).toEqual([flag('select 3', read, 'rows', 7), payload(read)]);
  });
});
