/**
 * Cuts a stream of bytes into frames by their headers only. Whatever may pass as it is passes as a slice of what was
 * read, many frames in one; large frames pass in pieces. What is not whole and must be seen whole is kept until it is.
 *
 * It knows nothing of what frames mean; a protocol's own stream says how a header is read.
 */
import { join } from './join.ts';

const EMPTY = new Uint8Array();

export abstract class FrameStream {
  readonly #headerBytes: number;
  readonly #forward: (bytes: Uint8Array) => void;
  /** The bytes at hand, and where the current frame begins in them. */
  input: Uint8Array = EMPTY;
  at = 0;
  /** Of the current frame, its header included. */
  frameLength = 0;

  /** Up to where the input has been passed on, or taken out. */
  #passed = 0;
  /** An unfinished frame: its pieces, and how many bytes must be there before it is looked at again. */
  #pieces: Uint8Array[] = [];
  #piecesLength = 0;
  #needed = 0;
  /** Bytes to come of a frame that passes, or is taken out, in pieces. */
  #remaining = 0;
  #isCutting = false;

  /** `forward` gets slices that live no longer than the chunk they came with. */
  constructor(forward: (bytes: Uint8Array) => void, headerBytes: number) {
    this.#forward = forward;
    this.#headerBytes = headerBytes;
  }

  /** Reads the header that stands at `at`. Returns the length of the frame. */
  protected abstract readHeader(): number;

  /** Position behind the current frame, which need not be there yet. */
  get end(): number {
    return this.at + this.frameLength;
  }

  get isWhole(): boolean {
    return this.end <= this.input.length;
  }

  /** The other side has got the beginning of a frame and waits for the rest. */
  get isMidMessage(): boolean {
    return this.#remaining > 0 && !this.#isCutting;
  }

  /** What is there of a frame that must be seen whole. */
  get kept(): readonly Uint8Array[] {
    return this.#pieces;
  }

  get keptLength(): number {
    return this.#piecesLength;
  }

  /** A frame is passing, or being taken out, in pieces. */
  get isInPieces(): boolean {
    return this.#remaining > 0;
  }

  /** Nothing of a frame is being kept. */
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

  /** Finds the next frame. False: its header is not there yet. */
  next(): boolean {
    if (this.#remaining > 0) this.take(this.#remaining, { isCut: this.#isCutting });
    if (this.input.length - this.at < this.#headerBytes) return this.want(this.#headerBytes);
    this.frameLength = this.readHeader();
    return true;
  }

  /** The current frame must be seen when so many bytes of it are there. Always false, for its callers. */
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
    this.take(this.frameLength, { isCut: false });
  }

  cut(): void {
    this.take(this.frameLength, { isCut: true });
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

  /** The chunk is used up: keeps what of it belongs to a frame that is not whole. */
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
