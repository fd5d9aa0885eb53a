/** Messages of PostgreSQL: a type byte, then Int32 length (manual, 54.7). */
import { FrameStream } from '../bytes/frame-stream.ts';

const HEADER_BYTES = 5;

export class MessageStream extends FrameStream {
  /** Of the current message. `length` counts itself but not the type byte, as on the wire. */
  type = 0;
  length = 0;

  /** `forward` gets slices that live no longer than the chunk they came with. */
  constructor(forward: (bytes: Uint8Array) => void) {
    super(forward, HEADER_BYTES);
  }

  protected readHeader(): number {
    const { input, at } = this;
    this.type = input[at] ?? 0;
    this.length =
      (((input[at + 1] ?? 0) << 24) |
        ((input[at + 2] ?? 0) << 16) |
        ((input[at + 3] ?? 0) << 8) |
        (input[at + 4] ?? 0)) >>>
      0;
    return this.length + 1;
  }
}
