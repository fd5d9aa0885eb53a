import { expect, test } from 'vitest';
import type { DriverSession } from '../../src/endpoint/session.ts';
import { Sessions } from '../../src/endpoint/sessions.ts';

class Driver {
  readonly heard: string[] = [];
  isAtRest = true;
  cancel(): Promise<void> {
    this.heard.push('cancel');
    return Promise.resolve();
  }
  end(): void {
    this.heard.push('end');
  }
}

function drivers(keys: string[]): { sessions: Sessions; all: Driver[]; leave: (at: number) => void } {
  const sessions = new Sessions();
  const all = keys.map(() => new Driver());
  const sessionAt = (at: number): DriverSession => all[at] as unknown as DriverSession;
  for (const [at, key] of keys.entries()) sessions.add(key, sessionAt(at));
  return { sessions, all, leave: (at) => sessions.delete(keys[at] ?? '', sessionAt(at)) };
}

test('a key reaches its driver', () => {
  const { sessions, all } = drivers(['a', 'b']);
  expect([sessions.cancel('b'), sessions.end('b'), sessions.cancel('c')]).toEqual([true, true, false]);
  expect(all.map(({ heard }) => heard)).toEqual([[], ['cancel', 'end']]);
});

test('where two drivers drew the same key it reaches neither, until one has left', async () => {
  const { sessions, all, leave } = drivers(['a', 'a']);
  expect([sessions.cancel('a'), sessions.end('a'), sessions.size]).toEqual([false, false, 2]);
  await sessions.cancelled('a');
  expect(all.map(({ heard }) => heard)).toEqual([[], []]);
  leave(1);
  expect([sessions.cancel('a'), sessions.size]).toEqual([true, 1]);
  expect(all.map(({ heard }) => heard)).toEqual([['cancel'], []]);
  leave(0);
  expect([sessions.cancel('a'), sessions.size]).toEqual([false, 0]);
});

test('both are ended when they are at rest, where all have to go', async () => {
  const { sessions, all } = drivers(['a', 'a']);
  await sessions.endAtRest('a');
  expect(all.map(({ heard }) => heard)).toEqual([['end'], ['end']]);
});
