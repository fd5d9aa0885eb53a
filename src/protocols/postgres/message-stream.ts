/**
 * Cuts a stream of bytes into messages by their headers only (type byte, Int32 length; manual, 54.7). Whatever
 * may pass as it is passes as a slice of what was read, many messages in one; large messages pass in pieces. What
 * is not whole and must be seen whole is kept until it is.
 *
 * It knows nothing of what messages mean.
 */
import { join } from '../bytes/join.ts';

const HEADER_BYTES = 5;
const EMPTY = new Uint8Array();

export class MessageStream {
  readonly #forward: (bytes: Uint8Array) => void;
  /** The bytes at hand, and where the current message begins in them. */
  input: Uint8Array = EMPTY;
  at = 0;
  /** Of the current message. `length` counts itself but not the type byte, as on the wire. */
  type = 0;
  length = 0;

  /** Up to where the input has been passed on, or taken out. */
  #passed = 0;
  /** An unfinished message: its pieces, and how many bytes must be there before it is looked at again. */
  #pieces: Uint8Array[] = [];
  #piecesLength = 0;
  #needed = 0;
  /** Bytes to come of a message that passes, or is taken out, in pieces. */
  #remaining = 0;
  #isCutting = false;

  /** `forward` gets slices that live no longer than the chunk they came with. */
  constructor(forward: (bytes: Uint8Array) => void) {
    this.#forward = forward;
  }

  /** Position behind the current message, which need not be there yet. */
  get end(): number {
    return this.at + this.length + 1;
  }

  get isWhole(): boolean {
    return this.end <= this.input.length;
  }

  /** The other side has got the beginning of a message and waits for the rest. */
  get isMidMessage(): boolean {
    return this.#remaining > 0 && !this.#isCutting;
  }

  /** What is there of a message that must be seen whole. */
  get kept(): readonly Uint8Array[] {
    return this.#pieces;
  }

  get keptLength(): number {
    return this.#piecesLength;
  }

  /** A message is passing, or being taken out, in pieces. */
  get isInPieces(): boolean {
    return this.#remaining > 0;
  }

  /** Nothing of a message is being kept. */
  get isAtBoundary(): boolean {
    return this.#pieces.length === 0 && this.#remaining === 0;
  }

  /** Takes a chunk up. False: what was wanted is still not there. */
  open(chunk: Uint8Array): boolean {
    this.at = 0;
    this.#passed = 0;
    this.input = chunk;
    if (this.#pieces.length === 0) return true;
    this.#keep(chunk);
    if (this.#piecesLength < this.#needed) return false;
    this.input = join(this.#pieces);
    this.#pieces = [];
    this.#piecesLength = 0;
    return true;
  }

  /** Finds the next message. False: its header is not there yet. */
  next(): boolean {
    if (this.#remaining > 0) this.take(this.#remaining, { isCut: this.#isCutting });
    const { input, at } = this;
    if (input.length - at < HEADER_BYTES) return this.want(HEADER_BYTES);
    this.type = input[at] ?? 0;
    this.length =
      (((input[at + 1] ?? 0) << 24) |
        ((input[at + 2] ?? 0) << 16) |
        ((input[at + 3] ?? 0) << 8) |
        (input[at + 4] ?? 0)) >>>
      0;
    return true;
  }

  /** The current message must be seen when so many bytes of it are there. Always false, for its callers. */
  want(bytes: number): false {
    this.#needed = bytes;
    return false;
  }

  /** Moves over so many bytes: they pass, or are cut out. What of them is not there yet follows later. */
  take(bytes: number, { isCut }: { isCut: boolean }): void {
    if (isCut) this.flush();
    const end = Math.min(this.at + bytes, this.input.length);
    this.#remaining = this.at + bytes - end;
    this.#isCutting = isCut;
    this.at = end;
    if (isCut) this.#passed = end;
  }

  pass(): void {
    this.take(this.length + 1, { isCut: false });
  }

  cut(): void {
    this.take(this.length + 1, { isCut: true });
  }

  /** Puts bytes in at the current position. */
  insert(bytes: Uint8Array): void {
    this.flush();
    this.#forward(bytes);
  }

  /** Passes on what has been taken so far. */
  flush(): void {
    if (this.at > this.#passed) this.#forward(this.input.subarray(this.#passed, this.at));
    this.#passed = this.at;
  }

  /** The chunk is used up: keeps what of it belongs to a message that is not whole. */
  close(): void {
    this.flush();
    if (this.at < this.input.length) this.#keep(this.input.subarray(this.at));
    this.input = EMPTY;
    this.at = 0;
    this.#passed = 0;
  }

  /** Forgets whatever was under way. */
  reset(): void {
    this.#pieces = [];
    this.#piecesLength = 0;
    this.#remaining = 0;
  }

  #keep(bytes: Uint8Array): void {
    this.#pieces.push(bytes.slice());
    this.#piecesLength += bytes.length;
  }
}
