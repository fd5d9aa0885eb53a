/**
 * KILL, in all its forms: it reaches drivers of the same config by the ids of our greetings, and nothing else. An id
 * of the origin's would be anybody's connection.
 */
import { Buffer } from 'node:buffer';
import { PoolerError } from '../../errors.ts';
import { ErrorNumber } from './errors.ts';
import { int4 } from './packets.ts';
import type { Talk } from './talk.ts';

const KILL = /^\s*kill\s+(?:(?:hard|soft)\s+)?(?:(connection|query)\s+)?(\d{1,10})\s*;?\s*$/i;
const ID_MAX = 0xffff_ffff;

export class Kills {
  readonly #talk: Talk;

  constructor(talk: Talk) {
    this.#talk = talk;
  }

  /** A text that has KILL in it. */
  run(text: string): void {
    const [, what = 'connection', digits] = KILL.exec(text.replace(/\/\*[^!+][\s\S]*?\*\//g, ' ')) ?? [];
    if (digits === undefined) this.#refuse('This form of KILL', ErrorNumber.ER_NOT_SUPPORTED_YET);
    else if (what.toLowerCase() === 'query')
      this.#answer(Number(digits), (key) => this.#talk.peers?.cancel(key));
    else this.end(Number(digits));
  }

  end(id: number): void {
    this.#answer(id, (key) => this.#talk.peers?.end(key));
  }

  refusePrepared(): void {
    this.#refuse('KILL as a prepared statement', ErrorNumber.ER_UNSUPPORTED_PS);
  }

  #answer(id: number, kill: (key: string) => boolean | undefined): void {
    const key = Buffer.from(int4(id)).toString('hex');
    if (id <= ID_MAX && kill(key)) this.#talk.answerOk();
    else {
      const options = { fault: 'driver', sqlState: 'HY000', errno: ErrorNumber.ER_NO_SUCH_THREAD } as const;
      this.#talk.answerError(new PoolerError(`Unknown thread id: ${id}`, options));
    }
  }

  #refuse(what: string, errno: number): void {
    const hint = 'KILL alone, with the id of a connection to this config as its driver was told it, works.';
    const options = { fault: 'driver', sqlState: '42000', errno, hint } as const;
    this.#talk.answerError(new PoolerError(`${what} is not supported.`, options));
  }
}
