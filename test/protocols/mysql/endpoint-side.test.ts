import { expect, test } from 'vitest';
import { MySqlEndpointSide } from '../../../src/protocols/mysql/endpoint-side.ts';
import { RESET } from '../../../src/protocols/mysql/question.ts';
import { textOf, wire } from '../postgres/wire.ts';
import { CHANGED, err, newOrigin, ok, query, RESET_CONNECTION, reply, result, variable } from './script.ts';

const side = new MySqlEndpointSide({ statementsMax: 1 });

test('a question is answered with rows, however its reply is cut', () => {
  const bytes = wire(reply(...result(['7'])), 'rest');
  for (const at of bytes.keys()) {
    const question = side.ask(newOrigin(), 'select 7');
    expect(textOf(question.request)).toBe(textOf(query('select 7')));
    const answer = question.receive(bytes.subarray(0, at)) ?? question.receive(bytes.subarray(at));
    expect(answer).toMatchObject({ rows: [['7']], results: [[['7']]], idle: true });
  }
});

test('an error is an answer too', () => {
  const question = side.ask(newOrigin(), 'boom');
  expect(question.receive(reply(err(1064, '42000', 'no')))).toMatchObject({
    error: { errno: 1064, message: 'no' },
  });
});

test('a reset is followed by what the session must be told again', () => {
  const variables = new Map([
    ['character_set_client', 'utf8mb4'],
    ['sql_mode', 'IGNORE_SPACE'],
    ['time_zone', 'SYSTEM'],
  ]);
  const origin = newOrigin({ variables });
  const question = side.ask(origin, RESET);
  const setUp =
    `SET @@session.session_track_system_variables='*',@@session.session_track_schema='ON',` +
    `@@session.session_track_state_change='ON',@@session.character_set_client='utf8mb4',` +
    `@@session.sql_mode='IGNORE_SPACE'`;
  expect(textOf(question.request)).toBe(textOf(wire(RESET_CONNECTION, query(setUp))));
  expect(question.receive(reply(ok()))).toBeUndefined();
  const state = wire(variable('session_track_schema', 'ON'), CHANGED);
  expect(question.receive(reply(ok({ state })))).toMatchObject({ rows: [], idle: true });
});

test('what a server says on an idle connection is its farewell', () => {
  expect(side.receiveIdle()).toBe(false);
});
