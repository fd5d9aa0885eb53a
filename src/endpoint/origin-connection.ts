/**
 * One connection to the origin, from its login to its end. It reads always, for whoever holds it at the moment:
 * nothing is read twice, and a connection that dies in the pool is noticed at once.
 */
import { PoolerError } from '../errors.ts';
import type {
  EndpointSide,
  LoginOptions,
  OriginAnswer,
  OriginFacts,
  OriginSession,
} from '../protocols/contract.ts';
import type { ByteStream, Transport } from '../transport/byte-stream.ts';
import { withDeadline } from '../transport/deadline.ts';
import type { Dialed } from './dial.ts';

/** Who holds the connection. */
export interface Holder {
  /** A promise delays the next read: the bytes must stay as they are, and the holder is slow. */
  receive(bytes: Uint8Array): Promise<void> | undefined;
  lost(error?: PoolerError): void;
}

export class OriginConnection {
  readonly session: OriginSession;
  readonly facts: OriginFacts;
  readonly isSecure: boolean;
  /** The way that it came by: a cancel request takes the same. */
  readonly transport: Transport;
  readonly #side: EndpointSide;
  readonly #login: LoginOptions;
  readonly #stream: ByteStream;
  #holder: Holder | undefined;
  #isOpen = true;
  /** Runs when the connection is gone, whoever closed it. */
  onClosed: () => void = () => {};
  /** Milliseconds since the epoch. */
  readonly closeAfter: number;
  idleSince = 0;
  /** A cancel request for it is under way: until it is delivered nobody else may run anything here. */
  #cancelling: Promise<void> | undefined;

  constructor(
    side: EndpointSide,
    dialed: Dialed,
    options: { transport: Transport; closeAfter: number; login: LoginOptions },
  ) {
    this.#login = options.login;
    this.#side = side;
    this.session = dialed.session;
    this.facts = dialed.facts;
    this.isSecure = dialed.isSecure;
    this.transport = options.transport;
    this.#stream = dialed.stream;
    this.#stream.onBroken = (why) => this.close(why);
    this.closeAfter = options.closeAfter;
    void this.#readOn();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get cancelling(): Promise<void> | undefined {
    return this.#cancelling;
  }

  /** Cancels what runs here, once at a time. */
  cancelBy(request: () => Promise<void>): Promise<void> {
    this.#cancelling ??= request().finally(() => {
      this.#cancelling = undefined;
    });
    return this.#cancelling;
  }

  /** For another login like the one that made it, as cancelling may need. Never with less security. */
  sameLogin(): LoginOptions {
    const tls = this.isSecure ? 'require' : 'disable';
    return { ...this.#login, tls, random: crypto.getRandomValues(new Uint8Array(32)) };
  }

  /** From now on the bytes of the origin are this holder's; undefined: nobody's. */
  heldBy(holder: Holder | undefined): void {
    this.#holder = holder;
    if (!this.#isOpen) holder?.lost();
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    return this.#stream.write(bytes);
  }

  /** Asks a question of our own; the holder hears nothing of it. Throws when there is no answer in time. */
  async ask(sql: string, timeoutMs: number): Promise<OriginAnswer> {
    const before = this.#holder;
    const question = this.#side.ask(this.session, sql);
    const { promise, resolve, reject } = Promise.withResolvers<OriginAnswer>();
    const lost = (error?: PoolerError): void => reject(error ?? unanswered());
    this.heldBy({
      receive: (bytes) => {
        const answer = question.receive(bytes);
        if (answer) resolve(answer);
        return undefined;
      },
      lost,
    });
    if (!this.#isOpen) lost();
    else this.write(question.request);
    try {
      const answer = await withDeadline(promise, timeoutMs, unanswered);
      this.#holder = before;
      if (answer.rest) void this.#receive(answer.rest);
      return answer;
    } catch (cause) {
      this.#holder = before;
      this.close();
      throw cause;
    }
  }

  close(error?: PoolerError): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#stream.close();
    this.onClosed();
    this.#holder?.lost(error);
  }

  async #readOn(): Promise<void> {
    try {
      for (;;) {
        const { value, done } = await this.#stream.read();
        if (done || !value) break;
        const slow = this.#receive(value);
        if (slow) await slow;
        this.#stream.recycle(value);
      }
      this.close();
    } catch (cause) {
      // A reset ends the connection as an end of the stream does.
      this.close(cause instanceof PoolerError ? cause : undefined);
    }
  }

  #receive(bytes: Uint8Array): Promise<void> | undefined {
    try {
      return this.#handOver(bytes);
    } catch (cause) {
      // A fault of our own, which must not look like the origin's.
      this.close(PoolerError.from(cause));
      return undefined;
    }
  }

  #handOver(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#holder) return this.#holder.receive(bytes);
    // Nobody is owed anything: whatever is not mere news makes the connection unfit for the next driver.
    if (!this.#side.receiveIdle(this.session, bytes)) this.close();
    return undefined;
  }
}

function unanswered(): PoolerError {
  return new PoolerError('The origin did not answer.', { fault: 'origin', sqlState: '08006', fatal: true });
}
