/** A driver on the bare wire: says bytes, and hears what PostgreSQL's own replies would be. */
import { logIn } from './login.ts';
import { message, messagesOf, type Wire } from './wire.ts';

const WAIT_MS = 20_000;

/** What is said at once, and what ends the reply to it. */
export interface Saying {
  bytes: Buffer;
  /** `Z`: ReadyForQuery. `T`: what a Describe before a Flush is answered with. `G`: COPY begins. */
  endsWith: 'Z' | 'T' | 'G';
  /** How many times; default 1. */
  times?: number;
}

export class WireDriver {
  readonly #wire: Wire;
  #heardUpTo: number;
  /** What became of its queries, as `warmpool.debug` says: `hit`, `miss`. */
  readonly statuses: string[] = [];

  private constructor(wire: Wire) {
    this.#wire = wire;
    this.#heardUpTo = wire.heard.length;
  }

  static async connect(url: string): Promise<WireDriver> {
    return new WireDriver(await logIn({ url, pairs: { options: '-c warmpool.debug=on' } }));
  }

  /** The messages of the reply, but for parameters and notices, which come when they come. */
  async say({ bytes, endsWith, times = 1 }: Saying): Promise<string[]> {
    this.#wire.send(bytes);
    await this.#hear(endsWith, times);
    if (endsWith === 'T' && messagesOf(this.#new).some(({ type }) => type === 'E')) {
      this.#wire.send(message('S'));
      await this.#hear('Z', 1);
    }
    const heard = messagesOf(this.#new);
    this.#heardUpTo = this.#wire.heard.length;
    for (const { type, body } of heard) if (type === 'N') this.#note(body.toString());
    const reply = heard.filter(({ type }) => type !== 'S' && type !== 'N');
    return reply.map(({ type, body }) => `${type} ${textOf(type, body)}`);
  }

  end(): void {
    this.#wire.socket.destroy();
  }

  get #new(): Buffer {
    return this.#wire.heard.subarray(this.#heardUpTo);
  }

  #hear(endsWith: Saying['endsWith'], times: number): Promise<void> {
    const ends = { Z: 'Z', T: 'TnE', G: 'GE' }[endsWith];
    const count = (): number => messagesOf(this.#new).filter(({ type }) => ends.includes(type)).length;
    return this.#wire.hear(() => count() >= times, WAIT_MS);
  }

  #note(notice: string): void {
    const status = /warmpool: (\w+)/.exec(notice)?.[1];
    if (status !== undefined) this.statuses.push(status);
  }
}

/** Of an error without the place in the server's source code. */
function textOf(type: string, body: Buffer): string {
  const text = body.toString('latin1');
  if (type !== 'E') return text;
  return text
    .split('\0')
    .filter((field) => !/^[FLR]/.test(field))
    .join('|');
}
