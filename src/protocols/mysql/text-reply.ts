/**
 * The reply to a command of our own in text: any number of results, or an error. For questions, which are small; what
 * flows to drivers does not pass through here.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response.html
 */
import { decodeText } from '../bytes/reader.ts';
import { Capability, ExtendedCapability, hasFlag, ServerStatus } from './capabilities.ts';
import { decodeErr, type ErrPacket } from './errors.ts';
import { decodeEof, decodeOk, endsRows, type OkPacket } from './ok-packet.ts';
import { PacketReader } from './packet-reader.ts';
import { Reply } from './packets.ts';

export interface Agreed {
  capabilities: number;
  extended: number;
}

type State = { at: 'result' } | { at: 'columns'; left: number } | { at: 'rows' } | { at: 'end' };

export class TextReply {
  readonly #agreed: Agreed;
  #state: State = { at: 'result' };
  /** Of each statement that gives rows: null for NULL. */
  readonly results: (string | null)[][][] = [];
  /** Of all that ended well, in order. */
  readonly oks: OkPacket[] = [];
  error: ErrPacket | undefined;
  status = 0;

  constructor(agreed: Agreed) {
    this.#agreed = agreed;
  }

  get isComplete(): boolean {
    return this.#state.at === 'end';
  }

  /** Takes the payload of the next packet. */
  receive(payload: Uint8Array): void {
    const [first = Reply.OK] = payload;
    if (first === Reply.ERR) {
      this.error = decodeErr(payload);
      this.#state = { at: 'end' };
      return;
    }
    switch (this.#state.at) {
      case 'result':
        if (first === Reply.OK) this.#endResult(payload);
        else this.#beginRows(payload);
        break;
      case 'columns':
        this.#passColumn(this.#state.left);
        break;
      case 'rows':
        if (endsRows({ firstByte: first, length: payload.length }, this.#agreed.capabilities))
          this.#endResult(payload);
        else this.#addRow(payload);
        break;
      case 'end':
        break;
    }
  }

  #beginRows(payload: Uint8Array): void {
    const { capabilities, extended } = this.#agreed;
    const reader = new PacketReader(payload, 'origin');
    const columns = reader.lenencInt();
    // MySQL's manual has the flag in front of the number; MySQL 9.7 sends it behind, as MariaDB does.
    const isMetadataOptional =
      hasFlag(capabilities, Capability.OPTIONAL_RESULTSET_METADATA) ||
      hasFlag(extended, ExtendedCapability.CACHE_METADATA);
    const hasMetadata = !isMetadataOptional || reader.int1() !== 0;
    this.results.push([]);
    const hasEof = !hasFlag(capabilities, Capability.DEPRECATE_EOF);
    const left = (hasMetadata ? columns : 0) + (hasEof ? 1 : 0);
    this.#state = left === 0 ? { at: 'rows' } : { at: 'columns', left };
  }

  #passColumn(left: number): void {
    this.#state = left === 1 ? { at: 'rows' } : { at: 'columns', left: left - 1 };
  }

  #addRow(payload: Uint8Array): void {
    const reader = new PacketReader(payload, 'origin');
    const row: (string | null)[] = [];
    while (reader.remaining > 0) {
      const value = reader.lenencBytesOrNull();
      row.push(value && decodeText(value));
    }
    this.results.at(-1)?.push(row);
  }

  #endResult(payload: Uint8Array): void {
    const isEof = payload[0] === Reply.EOF && !hasFlag(this.#agreed.capabilities, Capability.DEPRECATE_EOF);
    if (isEof) this.status = decodeEof(payload).status;
    else this.#noteOk(decodeOk(payload, this.#agreed.capabilities));
    const goesOn = hasFlag(this.status, ServerStatus.MORE_RESULTS_EXISTS);
    this.#state = { at: goesOn ? 'result' : 'end' };
  }

  #noteOk(ok: OkPacket): void {
    this.oks.push(ok);
    this.status = ok.status;
  }
}
