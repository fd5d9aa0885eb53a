/**
 * What reaches the driver of the origin's bytes, and the notes between them. In front of the reply to a flagged read
 * the edge hears what it is, and what passes of it is recorded.
 */
import type { WriteNews } from '../caching.ts';
import { MessageStream } from './message-stream.ts';
import { Backend } from './messages.ts';
import type { Talk } from './talk.ts';

export class Telling {
  readonly #talk: Talk;
  readonly stream: MessageStream;
  /** The driver has seen something of this exchange. */
  hasAnswered = false;

  constructor(talk: Talk) {
    this.#talk = talk;
    this.stream = new MessageStream((bytes) => this.#forward(bytes));
  }

  #forward(bytes: Uint8Array): void {
    const { caching, toDriver, isDriverGone } = this.#talk;
    if (caching?.running?.isOn) caching.running.add(bytes);
    if (!isDriverGone) toDriver.push(bytes);
  }

  /** The current message passes, or is cut out. Always true, for its callers. */
  pass({ isHidden }: { isHidden: boolean }): true {
    if (isHidden) this.stream.cut();
    else {
      this.announce(this.stream.type);
      this.stream.pass();
      this.hasAnswered = true;
    }
    return true;
  }

  insert(reply: Uint8Array): void {
    this.announce(reply[0] ?? 0);
    this.stream.insert(reply);
    this.hasAnswered = true;
  }

  /** A message of this type comes next. */
  announce(type: number): void {
    const { running } = this.#talk.caching ?? {};
    if (!running) return;
    this.#record({ isOn: running.takes(type) });
    // What another session says is no part of the reply.
    const announcement = type === Backend.NotificationResponse ? undefined : running.announcement();
    if (announcement) this.#note(announcement);
  }

  #record({ isOn }: { isOn: boolean }): void {
    const { running } = this.#talk.caching ?? {};
    if (!running || running.isOn === isOn) return;
    // What has passed so far is a part of it, or is not.
    this.stream.flush();
    running.isOn = isOn;
  }

  /** Puts in what is only for the edge. */
  #note(note: Uint8Array): void {
    const { running } = this.#talk.caching ?? {};
    const wasOn = running?.isOn === true;
    this.#record({ isOn: false });
    this.stream.insert(note);
    this.#record({ isOn: wasOn });
  }

  tell(news: WriteNews): void {
    if (this.#talk.isDriverGone || this.#talk.isOver) return;
    this.#talk.caching?.notes.add(news);
    this.tellNews();
  }

  /** News stand between two messages. */
  tellNews(): void {
    const { caching } = this.#talk;
    if (!caching?.notes.hasNews || this.stream.isMidMessage) return;
    for (const note of caching.notes.takeNews()) this.#note(note);
  }

  /** The ReadyForQuery of an exchange comes next. Whoever hears it must not be ahead of what others hear of writes. */
  exchangeEnds(options: { wasIdle: boolean; isIdle: boolean }): void {
    const talk = this.#talk;
    this.announce(Backend.ReadyForQuery);
    const note = talk.caching?.ended({ ...options, rest: talk.isAtRest ? talk.rest : undefined });
    if (note) this.stream.insert(note);
  }
}
