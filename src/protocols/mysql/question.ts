/** Questions of our own on an idle connection: SQL, read as text, or the wish that it be as after its login. */
import { join } from '../bytes/join.ts';
import type { OriginAnswer, OriginQuestion } from '../contract.ts';
import { originError } from './errors.ts';
import type { MySqlOrigin } from './origin-session.ts';
import { PacketStream } from './packet-stream.ts';
import { Command, int1, packet } from './packets.ts';
import { queryPacket } from './query-packet.ts';
import { TextReply } from './text-reply.ts';

/** COM_RESET_CONNECTION, and what belongs behind it. */
export const RESET = 'RESET CONNECTION';

/** What an answer may have in all. Most have some kilobytes; a large catalog has its own bounds, and stays below. */
const ANSWER_BYTES_MAX = 48 * 1024 * 1024;

export class Question implements OriginQuestion {
  readonly request: Uint8Array;
  readonly #origin: MySqlOrigin;
  readonly #stream = new PacketStream(() => {});
  /** One of each command, in order. */
  readonly #replies: TextReply[];
  #total = 0;

  constructor(origin: MySqlOrigin, words: string) {
    this.#origin = origin;
    const commands = words === RESET ? resetOf(origin) : [queryPacket(words, origin)];
    this.request = join(commands);
    this.#replies = commands.map(() => new TextReply(origin));
    // What is said of the statement before is not the driver's any more.
    origin.lastUser = undefined;
  }

  receive(bytes: Uint8Array): OriginAnswer | undefined {
    this.#total += bytes.length;
    if (this.#total > ANSWER_BYTES_MAX) throw new Error('the answer to a question of ours is too long');
    const stream = this.#stream;
    if (!stream.open(bytes)) return undefined;
    while (stream.next() && (stream.isWhole || stream.want(stream.frameLength))) {
      const reply = this.#replies.find(({ isComplete }) => !isComplete);
      reply?.receive(stream.payload.slice());
      stream.cut();
      if (this.#replies.at(-1)?.isComplete) return this.#answer(stream.input.slice(stream.at));
    }
    stream.close();
    return undefined;
  }

  #answer(rest: Uint8Array): OriginAnswer {
    const last = this.#replies.at(-1);
    if (last && !last.error) this.#origin.status = last.status;
    const results = this.#replies.flatMap((reply) => reply.results);
    const error = this.#replies.find((reply) => reply.error)?.error;
    return {
      rows: results.flat(),
      results,
      idle: !this.#origin.isInTransaction,
      ...(error ? { error: originError(error) } : {}),
      ...(rest.length > 0 ? { rest } : {}),
    };
  }
}

function resetOf(origin: MySqlOrigin): Uint8Array[] {
  const { setUp } = origin;
  const reset = packet(0, int1(Command.RESET_CONNECTION));
  return setUp === undefined ? [reset] : [reset, queryPacket(setUp, origin)];
}
