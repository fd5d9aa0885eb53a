/**
 * Replies as caches hold them: whole packets. The reply to COM_STMT_PREPARE begins with the id of the statement, which each driver is told another of: in a
 * cache it is zero.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_stmt_prepare.html
 */
import type { Recording } from '../caching.ts';
import { HEADER_BYTES, payloadLengthAt, sequenceAt } from './packets.ts';

const ID_AT = HEADER_BYTES + 1;
const ID_END = ID_AT + 4;
const PARAMETERS_AT = ID_END + 2;

export class WithoutId implements Recording {
  readonly #recording: Recording;
  #position = 0;

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  add(bytes: Uint8Array): void {
    const from = Math.max(ID_AT - this.#position, 0);
    const to = Math.min(ID_END - this.#position, bytes.length);
    this.#position += bytes.length;
    if (from < to) this.#recording.add(bytes.slice().fill(0, from, to));
    else this.#recording.add(bytes);
  }

  complete(seenUpTo: number): void {
    this.#recording.complete(seenUpTo);
  }

  abandon(): void {
    this.#recording.abandon();
  }
}

/** A stored reply as this driver hears it. */
export function withId(body: Uint8Array, id: number): Uint8Array {
  const reply = body.slice();
  new DataView(reply.buffer).setUint32(ID_AT, id, true);
  return reply;
}

export function parameterCountIn(body: Uint8Array): number {
  return (body[PARAMETERS_AT] ?? 0) | ((body[PARAMETERS_AT + 1] ?? 0) << 8);
}

/** Sequence number of its last packet. */
export function lastSequenceIn(body: Uint8Array): number {
  let last = 0;
  for (let at = 0; at + HEADER_BYTES <= body.length; at += HEADER_BYTES + payloadLengthAt(body, at))
    last = sequenceAt(body, at);
  return last;
}
