import { expect, test } from 'vitest';
import { ReplyRecording } from '../../src/cache/recording.ts';
import { bytesOf, textOf } from './reads.ts';

/** Writes down what a recording does. `sinkTakes`: so many writes; undefined: there is no sink. */
function recorded(sinkTakes?: number): { recording: ReplyRecording; log: string[] } {
  const log: string[] = [];
  let left = sinkTakes ?? 0;
  const sink = {
    write: (bytes: Uint8Array): boolean => {
      log.push(`write ${textOf(bytes)}`);
      left -= 1;
      return left >= 0;
    },
    close: (seenUpTo: number): number => log.push(`close ${seenUpTo}`),
    abort: (): number => log.push('abort'),
  };
  const recording = new ReplyRecording({
    bytesMax: 4,
    totalBytesMax: 8,
    openSink: () => (sinkTakes === undefined ? undefined : sink),
    onComplete: (body, seenUpTo) => log.push(`complete ${textOf(body)} ${seenUpTo}`),
    onGivenUp: (why) => log.push(why),
  });
  return { recording, log };
}

test('what fits is handed over whole, in a copy that nobody else writes into', () => {
  const { recording, log } = recorded();
  const reused = Buffer.from('ab');
  recording.add(reused);
  reused.set(bytesOf('cd'));
  recording.add(reused);
  reused.set(bytesOf('xx'));
  recording.complete(7);
  expect(log).toEqual(['complete abcd 7']);
});

test('an empty reply is a reply', () => {
  const { recording, log } = recorded();
  recording.complete(7);
  expect(log).toEqual(['complete  7']);
});

test('the first end counts', () => {
  const { recording, log } = recorded();
  recording.add(bytesOf('ab'));
  recording.abandon();
  recording.add(bytesOf('cd'));
  recording.complete(7);
  recording.abandon();
  expect(log).toEqual(['abandoned']);
});

test('one byte too many without a sink is oversize, said at once', () => {
  const { recording, log } = recorded();
  recording.add(bytesOf('abcd'));
  recording.add(bytesOf('e'));
  expect(log).toEqual(['oversize']);
  recording.complete(7);
  expect(log).toEqual(['oversize']);
});

test('what outgrows memory goes on into the sink, in order, up to the last bound', () => {
  const { recording, log } = recorded(9);
  recording.add(bytesOf('abc'));
  recording.add(bytesOf('de'));
  recording.add(bytesOf('fgh'));
  recording.complete(7);
  expect(log).toEqual(['write abc', 'write de', 'write fgh', 'close 7']);
});

test('one byte beyond the last bound, and the sink is told to forget', () => {
  const { recording, log } = recorded(9);
  for (const part of ['abcde', 'fgh', 'i', 'j']) recording.add(bytesOf(part));
  recording.complete(7);
  expect(log).toEqual(['write abcde', 'write fgh', 'abort', 'oversize']);
});

test('a single piece beyond the last bound opens no sink', () => {
  const { recording, log } = recorded(9);
  recording.add(bytesOf('abcdefghi'));
  expect(log).toEqual(['oversize']);
});

test.each([0, 1, 2])('a sink that gives up at write %i hears nothing more', (takes) => {
  const { recording, log } = recorded(takes);
  for (const part of ['ab', 'cd', 'ef', 'gh']) recording.add(bytesOf(part));
  recording.complete(7);
  expect(log.length).toBe(takes + 1);
  expect(log.at(-1)).toMatch(/^write/);
});

test('abandoned in the sink is aborted', () => {
  const { recording, log } = recorded(9);
  recording.add(bytesOf('abcde'));
  recording.abandon();
  expect(log).toEqual(['write abcde', 'abort']);
});
