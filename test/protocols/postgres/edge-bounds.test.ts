/** What one driver makes the edge keep and say is bounded; what has been forgotten here the endpoint still knows. */
import { expect, test } from 'vitest';
import { columnsOf } from '../../../src/protocols/postgres/edge-columns.ts';
import { PostgresEdgeConversation } from '../../../src/protocols/postgres/edge-conversation.ts';
import { decodeEdgeNote } from '../../../src/protocols/postgres/edge-note.ts';
import { EdgeRequests } from '../../../src/protocols/postgres/edge-requests.ts';
import { EdgeState } from '../../../src/protocols/postgres/edge-state.ts';
import { NOTE_BYTES_MAX } from '../../../src/protocols/sql/link-notes.ts';
import { each, edgeScripted, ending, heardIn, note, rows } from './edge-script.ts';
import {
  BIND_COMPLETE,
  bind,
  COLUMNS,
  complete,
  describe,
  execute,
  NO_PARAMETERS,
  PARSE_COMPLETE,
  parse,
  query,
  ready,
  run,
  SYNC,
} from './script.ts';
import { framed, textOf, wire } from './wire.ts';

const READ = 'select 1';
const BODY = rows(COLUMNS, '1');
const SMALL = { search_path: 'x' };
const LARGE = { search_path: 'x', 'app.big': 'x'.repeat(16 * 1024) };
const RUN = each(bind('', 'a'), execute(''), SYNC);
const hooks = { record: () => undefined, refused: () => {}, heard: () => {} };

/** A driver whose reads are all answered at the edge. */
class Driver {
  readonly conversation = new PostgresEdgeConversation({ dialect: '', settings: {}, hooks });
  readonly defined = new Map<string, string>();
  notesMax = 0;
  passed: string[] = [];

  /** Whether it was looked up. */
  says(...messages: Uint8Array[]): boolean {
    const { conversation } = this;
    conversation.fromDriver(wire(...messages));
    const isRead = conversation.read !== undefined;
    if (isRead) conversation.answer({ body: BODY }, { seenUpTo: 0, ageMs: 0, tier: 'memory' });
    conversation.toDriver.clear();
    this.#hear(conversation.toEndpoint.take() ?? wire());
    return isRead;
  }

  #hear(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(at + 1);
      const whole = bytes.subarray(at, end);
      at = end;
      if (whole[0] !== 1) this.passed.push(textOf(whole));
      else {
        this.notesMax = Math.max(this.notesMax, whole.length - 1);
        const { define = [] } = decodeEdgeNote(whole.subarray(5)) ?? {};
        for (const [name, body] of define) this.defined.set(name, body);
      }
    }
  }
}

test('of large statements the last that were used are known, and the endpoint has heard of all', () => {
  const driver = new Driver();
  const text = (count: number): string => `select ${count}, '${'x'.repeat(30_000)}'`;
  for (let count = 0; count < 40; count += 1) {
    expect(driver.says(parse(`s${count}`, text(count)), run(`s${count}`))).toBe(true);
    expect(driver.says(run('s0'))).toBe(true);
  }
  for (const name of ['s0', 's39', 's34']) expect(driver.says(run(name))).toBe(true);
  expect(driver.says(run('s1'))).toBe(false);
  expect(driver.passed).toEqual(each(bind('', 's1'), execute(''), SYNC));
  expect([...driver.defined.keys()].sort()).toEqual(Array.from({ length: 40 }, (_, at) => `s${at}`).sort());
  for (const [name, body] of driver.defined) expect(body).toBe(`${text(Number(name.slice(1)))}\0\0\0`);
});

test('what the endpoint has not been told is told even if it has been forgotten here', () => {
  const driver = new Driver();
  for (let count = 0; count < 1_500; count += 1) driver.says(parse(`s${count}`, READ), run(`s${count}`));
  expect(driver.defined.size).toBe(0);
  expect(driver.says(run('s0'))).toBe(false);
  expect(driver.defined.size).toBe(1_500);
  expect(driver.defined.get('s0')).toBe(`${READ}\0\0\0`);
});

test('no note is too large, even if all its characters are escaped', () => {
  const driver = new Driver();
  const text = `select ${'\x01'.repeat(65_000)}`;
  for (let count = 0; count < 10; count += 1)
    expect(driver.says(parse(`s${count}`, text), run(`s${count}`))).toBe(true);
  expect(driver.defined.size).toBe(10);
  expect(driver.notesMax).toBeGreaterThan(NOTE_BYTES_MAX / 2);
  expect(driver.notesMax).toBeLessThanOrEqual(NOTE_BYTES_MAX);
});

test('a read whose note would be too large goes without, behind what was not told yet', () => {
  const state = new EdgeState({ settings: {}, hooks });
  const requests = new EdgeRequests(state);
  requests.feed(wire(parse('a', READ), run('a')));
  requests.answered();
  state.settingsKey = 'x'.repeat(NOTE_BYTES_MAX);
  requests.feed(wire(query(READ), query('select 2')));
  requests.forward();
  expect(state.isQuiet).toBe(false);
  expect(state.asked).toBeUndefined();
  requests.resume();
  requests.feed(wire());
  const heard = heardIn(state.toEndpoint.take() ?? wire());
  expect(heard).toEqual([{ define: [['a', `${READ}\0\0\0`]] }, ...each(query(READ), query('select 2'))]);
  expect(state.sent).toBe(2);
});

// --- settings -------------------------------------------------------------------------------------------------

test('a statement that was parsed under large settings is not looked up later', () => {
  const conversation = new PostgresEdgeConversation({ dialect: '', settings: SMALL, hooks });
  const settle = (taken: number, settings: object): void =>
    conversation.fromEndpoint(wire(note({ settings }), ending(taken), ready()));
  conversation.fromDriver(query('set x'));
  settle(1, LARGE);
  expect(conversation.isQuiet).toBe(true);
  expect(conversation.settings).toBeUndefined();
  conversation.fromDriver(query(READ));
  expect(conversation.read).toBeUndefined();
  settle(2, LARGE);
  conversation.fromDriver(wire(parse('a', READ), SYNC));
  settle(3, LARGE);
  conversation.fromDriver(query('reset x'));
  settle(4, SMALL);
  conversation.toEndpoint.clear();
  conversation.fromDriver(run('a'));
  expect(conversation.read).toBeUndefined();
  expect(heardIn(conversation.toEndpoint.take() ?? wire())).toEqual(RUN);
  settle(5, SMALL);
  conversation.fromDriver(query(READ));
  expect(conversation.read?.key.startsWith(READ)).toBe(true);
});

test('settings that begin large are not looked up under; the bookmark counts', () => {
  const settings = { ...LARGE, 'warmpool.bookmark': '7' };
  const conversation = new PostgresEdgeConversation({ dialect: '', settings, hooks });
  conversation.fromDriver(query(READ));
  expect(conversation.read).toBeUndefined();
  expect(conversation.floor).toBe(7);
});

// --- while something is under way -----------------------------------------------------------------------------

test('of what is parsed while something is under way so much is known afterwards', () => {
  const driver = new Driver();
  const text = `select '${'x'.repeat(60_000)}'`;
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  driver.says(query('update t'));
  driver.says(...names.map((name) => parse(name, text)), SYNC);
  const completes = names.map(() => PARSE_COMPLETE);
  driver.conversation.fromEndpoint(wire(ready(), ...completes, ending(2), ready()));
  expect(driver.conversation.isQuiet).toBe(true);
  expect(['a', 'b', 'c', 'd'].map((name) => driver.says(run(name)))).toEqual([true, true, true, true]);
  expect(driver.says(run('e'))).toBe(false);
});

test.each([
  [900, true],
  [1_100, false],
])('%i descriptions that are awaited at once: are all known?', (count, isKnown) => {
  const driver = new Driver();
  const asked = Array.from({ length: count }, () => describe('S', 'a'));
  driver.says(query('update t'), parse('a', READ), ...asked, SYNC);
  const answer = wire(NO_PARAMETERS, COLUMNS);
  const { conversation } = driver;
  conversation.fromEndpoint(wire(complete('UPDATE 1'), ready(), PARSE_COMPLETE));
  for (let at = 0; at < count; at += 1) conversation.fromEndpoint(answer);
  conversation.fromEndpoint(wire(ending(2), ready()));
  expect(conversation.isQuiet).toBe(true);
  expect(driver.says(run('a'))).toBe(isKnown);
});

test('many columns leave a short mark, of each of their names and types', () => {
  const columns = (last: string): Uint8Array => {
    const names = [...Array.from({ length: 500 }, (_, at) => `column_${at}`), last];
    const field = [0, 0, 0, 9, 0, 1, 0, 0, 0, 23, 0, 4, 255, 255, 255, 255, 0, 0];
    return framed('T', [1, 245], ...names.flatMap((name) => [`${name}\0`, field]));
  };
  expect(columnsOf(columns('a')).length).toBeLessThanOrEqual(256);
  expect(columnsOf(columns('a'))).toBe(columnsOf(columns('a')));
  expect(columnsOf(columns('a'))).not.toBe(columnsOf(columns('b')));
});

edgeScripted('after an error nobody knows of which columns a statement was told', {
  stored: { [READ]: BODY },
  steps: [
    {
      driver: wire(parse('a', READ), run('a')),
      looksUp: [READ],
      toDriver: wire(PARSE_COMPLETE, BIND_COMPLETE, BODY.subarray(COLUMNS.length), ready()),
    },
    {
      driver: wire(query('update t'), describe('S', 'a'), SYNC),
      toEndpoint: [
        { define: [['a', `${READ}\0\0\0`, columnsOf(COLUMNS)]] },
        ...each(query('update t'), describe('S', 'a'), SYNC),
      ],
      isQuiet: false,
    },
    {
      endpoint: wire(framed('E', 'SERROR\0C42501\0\0'), ready(), NO_PARAMETERS, COLUMNS, ending(2), ready()),
      toDriver: wire(framed('E', 'SERROR\0C42501\0\0'), ready(), NO_PARAMETERS, COLUMNS, ready()),
      isQuiet: true,
    },
    { driver: run('a'), toEndpoint: RUN, isQuiet: false },
  ],
});
