import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Question } from '../../../src/protocols/postgres/question.ts';
import { complete, error, newOrigin, notice, parameter, ready } from './script.ts';
import { cuttings, framed, wire } from './wire.ts';

const ROWS = wire(
  framed(
    'T', // RowDescription: not looked at
    [0, 0],
  ),
  framed(
    'D', // DataRow
    [0, 3], // columns
    [0, 0, 0, 2], // length
    'é', // two bytes
    [255, 255, 255, 255], // NULL
    [0, 0, 0, 0], // empty
  ),
  complete('SELECT 1'),
);

test('the request is a simple query', () => {
  expect(new Question(newOrigin(), 'x').request).toEqual(
    wire(
      'Q', // type
      [0, 0, 0, 6], // length
      'x\0', // query
    ),
  );
});

test('it ends the unnamed statement of the connection', () => {
  const origin = newOrigin();
  origin.unnamed = {};
  new Question(origin, 'x');
  expect(origin.unnamed).toBeUndefined();
});

test('rows are text, NULL is null; parameters that change meanwhile are noted; at every cut', () => {
  for (const pieces of cuttings(wire(notice('n'), ROWS, parameter('TimeZone', 'UTC'), ready()))) {
    const origin = newOrigin();
    const question = new Question(origin, 'x');
    const answers = pieces.map((piece) => question.receive(piece));
    expect(answers.slice(0, -1).every((answer) => answer === undefined)).toBe(true);
    const rows = [['é', null, '']];
    expect(answers.at(-1)).toEqual({ rows, results: [rows], idle: true });
    expect(origin.parameters).toEqual({ TimeZone: 'UTC' });
  }
});

test('a notification that comes in between is kept for the driver, at every cut', () => {
  const notification = framed(
    'A', // NotificationResponse
    [0, 0, 0, 7], // process id
    'channel\0',
    'payload\0',
  );
  for (const pieces of cuttings(wire(ROWS, notification, ready()))) {
    const question = new Question(newOrigin(), 'x');
    const answers = pieces.map((piece) => question.receive(piece));
    expect(answers.at(-1)?.news).toEqual(notification);
  }
});

test('the first error is the answer’s; a transaction that is left open is told', () => {
  const question = new Question(newOrigin(), 'x');
  const answer = question.receive(wire(error('42601', 'one'), error('42602', 'two'), ready('E')));
  expect(answer?.error).toMatchObject({ message: 'one', sqlState: '42601', fault: 'origin' });
  expect(answer?.idle).toBe(false);
});

test('an answer of more than 48 MiB is not read', () => {
  const question = new Question(newOrigin(), 'x');
  for (let part = 0; part < 3; part += 1)
    expect(question.receive(new Uint8Array(16 * 1024 * 1024).fill(255))).toBeUndefined();
  expect(() => question.receive(new Uint8Array(1))).toThrow('too long');
});

test('each bad byte of a row makes an answer or a RangeError, and no hang', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (body) => {
      try {
        new Question(newOrigin(), 'x').receive(wire(framed('D', body), ready()));
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(RangeError);
      }
    }),
  );
});
