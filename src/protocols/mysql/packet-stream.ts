/**
 * Packets in a stream of bytes. A payload of 16 MiB or more goes on in the next packet: what is passed, or cut out,
 * takes all its packets along.
 */
import { FrameStream } from '../bytes/frame-stream.ts';
import { HEADER_BYTES, PAYLOAD_BYTES_MAX, payloadLengthAt, sequenceAt } from './packets.ts';

export class PacketStream extends FrameStream {
  /** Of the current packet: how long its payload is, and its sequence number. */
  length = 0;
  sequence = 0;
  /** The sequence number that the next packet must have. */
  nextSequence = 0;
  /** What has become of the payload that goes on in the next packet. */
  #goesOn: 'passed' | 'cut' | undefined;

  /** `forward` gets slices that live no longer than the chunk they came with. */
  constructor(forward: (bytes: Uint8Array) => void) {
    super(forward, HEADER_BYTES);
  }

  get isInOrder(): boolean {
    return this.sequence === this.nextSequence;
  }

  /** Undefined: the payload is empty, or not there yet. */
  get firstByte(): number | undefined {
    return this.length > 0 ? this.input[this.at + HEADER_BYTES] : undefined;
  }

  /** As much as is there. */
  get payload(): Uint8Array {
    return this.input.subarray(this.at + HEADER_BYTES, this.end);
  }

  /** The last payload goes on in the current packet: it is only shown because it is out of order. */
  get isContinued(): boolean {
    return this.#goesOn !== undefined;
  }

  /** Whatever began has ended. */
  get isBetweenCommands(): boolean {
    return !this.isInPieces && this.#goesOn === undefined;
  }

  override get isMidMessage(): boolean {
    return super.isMidMessage || this.#goesOn === 'passed';
  }

  /** Only the first packet of a payload is shown, or one that is out of order. */
  override next(): boolean {
    while (super.next()) {
      if (this.#goesOn === undefined || !this.isInOrder) return true;
      if (this.#goesOn === 'passed') this.pass();
      else this.cut();
    }
    return false;
  }

  override pass(): void {
    this.#begin('passed');
    super.pass();
  }

  override cut(): void {
    this.#begin('cut');
    super.cut();
  }

  /** Passes the packet with `head` in place of its first bytes, header included. */
  passBehind(head: Uint8Array, cutBytes: number): void {
    this.#begin('passed');
    const { frameLength } = this;
    this.take(cutBytes, { isCut: true });
    this.insert(head);
    this.take(frameLength - cutBytes, { isCut: false });
  }

  override reset(): void {
    super.reset();
    this.#goesOn = undefined;
  }

  protected readHeader(): number {
    this.length = payloadLengthAt(this.input, this.at);
    this.sequence = sequenceAt(this.input, this.at);
    return HEADER_BYTES + this.length;
  }

  #begin(what: 'passed' | 'cut'): void {
    this.nextSequence = (this.sequence + 1) & 0xff;
    this.#goesOn = this.length === PAYLOAD_BYTES_MAX ? what : undefined;
  }
}
