import { expect, test } from 'vitest';
import { CLEAN } from '../../../src/protocols/postgres/facts.ts';
import { PreparedStatements, StatementRegistry } from '../../../src/protocols/postgres/prepared.ts';
import { textOf, wire } from './wire.ts';

const made = (text: string) => ({ parseBody: wire(text), facts: CLEAN });

test('equal keys are one statement; names are never used twice, whatever is forgotten', () => {
  const registry = new StatementRegistry(10);
  const first = registry.intern('a', made('a'));
  expect(registry.intern('a', made('a'))).toBe(first);
  expect(textOf(first.originName)).toBe('wp_1\0');
  expect(textOf(registry.intern('b', made('b')).originName)).toBe('wp_2\0');
  registry.forgetAll();
  const again = registry.intern('a', made('a'));
  expect(again).not.toBe(first);
  expect(textOf(again.originName)).toBe('wp_3\0');
});

test('the text is kept as a copy: its buffer belongs to the read that brought it', () => {
  const body = wire('select 1');
  const statement = new StatementRegistry(10).intern('a', { parseBody: body, facts: CLEAN });
  body.fill(0);
  expect(textOf(statement.parseBody)).toBe('select 1');
});

test('the registry has a bound: the oldest goes', () => {
  const registry = new StatementRegistry(2);
  const [a, b] = ['a', 'b'].map((key) => registry.intern(key, made(key)));
  registry.intern('c', made('c'));
  expect(registry.intern('b', made('b'))).toBe(b);
  expect(registry.intern('a', made('a'))).not.toBe(a);
});

test('a connection gives up the statement that was used least recently, and only when it is full', () => {
  const registry = new StatementRegistry(10);
  const a = registry.intern('a', made('a'));
  const b = registry.intern('b', made('b'));
  const prepared = new PreparedStatements(2);
  prepared.use(a);
  expect(prepared.surplus).toBeUndefined();
  prepared.use(b);
  expect(prepared.surplus).toBe(a);
  prepared.use(a);
  expect(prepared.surplus).toBe(b);
  prepared.delete(b);
  expect(prepared.surplus).toBeUndefined();
  expect(prepared.has(b)).toBe(false);
  prepared.clear();
  expect(prepared.has(a)).toBe(false);
});
