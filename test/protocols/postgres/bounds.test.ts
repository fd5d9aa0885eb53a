/** What a driver may make us hold, and how long its texts may keep us busy. */
import { expect, test } from 'vitest';
import { PostgresEndpointSide } from '../../../src/protocols/postgres/endpoint-side.ts';
import { ExpectedReplies } from '../../../src/protocols/postgres/expected.ts';
import { factsOf } from '../../../src/protocols/postgres/facts.ts';
import { close, newOrigin, OPENING, parse, SYNC } from './script.ts';
import { textOf, wire } from './wire.ts';

test('messages that are answered by us, and never asked for, end at a bound', () => {
  const conversation = new PostgresEndpointSide({ statementsMax: 10 }).openConversation(OPENING);
  conversation.fromDriver(wire(parse('a', 'select 1'), SYNC));
  conversation.attach(newOrigin());
  const pairs = wire(...Array.from({ length: 1000 }, () => [...close('S', 'a'), ...parse('a', 'select 1')]));
  let told = '';
  for (let batch = 0; batch < 60 && conversation.phase !== 'closed'; batch += 1) {
    conversation.fromDriver(pairs);
    told += textOf(conversation.toDriver.take() ?? wire());
    conversation.toOrigin.clear();
  }
  expect(conversation.phase).toBe('closed');
  expect(told).toContain('C54000');
});

test('a driver may have 10,000 prepared statements', () => {
  const conversation = new PostgresEndpointSide({ statementsMax: 10 }).openConversation(OPENING);
  conversation.fromDriver(SYNC);
  for (let name = 0; name < 10_001; name += 1) {
    conversation.fromDriver(parse(`s${name}`, `select ${name}`));
    if (conversation.phase === 'waiting') conversation.attach(newOrigin());
  }
  expect(conversation.phase).toBe('closed');
  expect(textOf(conversation.toDriver.take() ?? wire())).toContain('C54000');
});

test('whether an end is owed is known without looking at all that is', () => {
  const expected = new ExpectedReplies();
  for (let owed = 0; owed < 3; owed += 1) expected.push({ reply: 'bind' });
  expect(expected.hasEnd).toBe(false);
  expected.push({ reply: 'ready' });
  expect(expected.hasEnd).toBe(true);
  expect(expected.isLastExchange).toBe(true);
  expected.skipToSync();
  expected.shift();
  expect(expected.hasEnd).toBe(false);
});

test('names of JavaScript are names like others', () => {
  expect(factsOf('reset constructor').settings).toEqual(['constructor']);
  expect(factsOf('reset __proto__').settings).toEqual(['__proto__']);
});

test('what runs a text, or hides a name, is not taken for clean', () => {
  for (const sql of [
    "select query_to_xml('select 1', true, true, '')",
    "select U&\"set\\005fconfig\"('a', 'b', false)",
    "select set_config(E'work\\x5fmem', '1MB', false)",
  ])
    expect(factsOf(sql), sql).toMatchObject({ hidesSettings: true });
});

test('blank lines cost no more than other text', () => {
  // A quadratic search takes minutes for so many.
  const blank = '\n'.repeat(1_000_000);
  expect(factsOf(`select 1${blank}`).isSuspect).toBe(false);
  expect(factsOf(`select 1;${blank}set a = 1`).settings).toEqual(['a']);
});
