/** Whether a catalog is still the same: equal answers have equal fingerprints. */
import type { Answer } from './answers.ts';

/** Two FNV-1a hashes of 32 bits: against chance, not against somebody who wants them equal. */
export function fingerprintOf(answers: Iterable<Answer>): string {
  let [one, two] = [0x811c9dc5, 0x01234567];
  const add = (code: number): void => {
    one = Math.imul(one ^ code, 0x01000193);
    two = Math.imul(two ^ code, 0x01000193) ^ (two >>> 15);
  };
  for (const rows of answers) {
    for (const row of rows) {
      for (const cell of row) {
        for (let at = 0; at < (cell?.length ?? 0); at += 1) add(cell?.charCodeAt(at) ?? 0);
        add(cell === null ? 0x10001 : 0x10002);
      }
      add(0x10003);
    }
    add(0x10004);
  }
  return [one, two].map((hash) => (hash >>> 0).toString(16).padStart(8, '0')).join('');
}
