/**
 * Where in a reply its packets stand, told from headers and first bytes alone. Rows and definitions are never looked
 * at; whoever reads says what the packets in between said that decides how it goes on.
 *
 *   reply      = OK | ERR | file request | result
 *   result     = column count, definitions, [EOF], rows, EOF or OK
 *   prepared   = its head, definitions of parameters, [EOF], definitions of columns, [EOF]
 *
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response.html
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_stmt_prepare.html
 */
import { Capability, ExtendedCapability, hasFlag, ServerStatus } from './capabilities.ts';
import type { Dialect } from './dialect.ts';
import { endsRows } from './ok-packet.ts';
import { PacketReader } from './packet-reader.ts';
import { Reply } from './packets.ts';

/** What a command is answered with. */
export type ReplyKind =
  | 'ok'
  /** Results; or, of COM_QUERY alone, the wish for a file. */
  | 'results'
  | 'prepared'
  /** Rows of a cursor. */
  | 'rows'
  /** COM_FIELD_LIST. */
  | 'fields'
  /** COM_STATISTICS: text. */
  | 'text';

/** What a packet is. A row may be of any length and changes nothing; the others must be there as a whole. */
export type Role = 'definition' | 'row' | 'head' | 'text' | 'ok' | 'eof' | 'err' | 'file';

export class ReplyReader {
  readonly #capabilities: number;
  readonly #saysWhetherDefined: boolean;
  #kind: ReplyKind = 'ok';
  #at: 'head' | 'definitions' | 'end of definitions' | 'rows' | 'end' = 'end';
  /** Definitions to come, in blocks: of parameters, of columns. */
  #blocks: number[] = [];
  #hasRows = false;

  /** `dialect`: as it was agreed with the origin. */
  constructor({ capabilities, extended }: Pick<Dialect, 'capabilities' | 'extended'>) {
    this.#capabilities = capabilities;
    this.#saysWhetherDefined =
      hasFlag(capabilities, Capability.OPTIONAL_RESULTSET_METADATA) ||
      hasFlag(extended, ExtendedCapability.CACHE_METADATA);
  }

  get hasEnded(): boolean {
    return this.#at === 'end';
  }

  begin(kind: ReplyKind): void {
    this.#kind = kind;
    this.#at = kind === 'rows' || kind === 'fields' ? 'rows' : 'head';
  }

  /** Undefined: no such packet can stand here. */
  roleOf({ firstByte, length }: { firstByte: number | undefined; length: number }): Role | undefined {
    if (this.#kind === 'text') return 'text';
    if (firstByte === undefined) return this.#at === 'rows' ? 'row' : undefined;
    if (firstByte === Reply.ERR && this.#at !== 'definitions') return 'err';
    switch (this.#at) {
      case 'head':
        return this.#roleOfHead(firstByte, length);
      case 'definitions':
        return 'definition';
      case 'end of definitions':
        return firstByte === Reply.EOF ? 'eof' : undefined;
      case 'rows':
        if (!endsRows({ firstByte, length }, this.#capabilities)) return 'row';
        return hasFlag(this.#capabilities, Capability.DEPRECATE_EOF) ? 'ok' : 'eof';
      case 'end':
        return undefined;
    }
  }

  #roleOfHead(firstByte: number, length: number): Role | undefined {
    if (firstByte === Reply.OK) return this.#kind === 'prepared' ? 'head' : 'ok';
    if (this.#kind === 'results' && firstByte === Reply.LOCAL_INFILE) return 'file';
    // A number of columns.
    if (this.#kind === 'results') return firstByte < Reply.EOF ? 'head' : undefined;
    // COM_SET_OPTION, COM_DEBUG
    if (this.#kind === 'ok' && firstByte === Reply.EOF) return length > 5 ? 'ok' : 'eof';
    return undefined;
  }

  /** The packet has been seen; `status` is that of an OK or EOF, `payload` that of a head. */
  took(role: Role, { status = 0, payload }: { status?: number; payload?: Uint8Array } = {}): void {
    switch (role) {
      case 'head':
        this.#readHead(new PacketReader(payload ?? new Uint8Array(), 'origin'));
        break;
      case 'definition':
        this.#defined();
        break;
      case 'eof':
        if (this.#at === 'end of definitions' && !this.#isCursor(status)) this.#nextBlock();
        else this.#resultEnded(status);
        break;
      case 'ok':
        this.#resultEnded(status);
        break;
      case 'err':
      case 'text':
        this.#at = 'end';
        break;
      // Behind a file comes OK or ERR.
      case 'file':
      case 'row':
        break;
    }
  }

  #readHead(reader: PacketReader): void {
    if (this.#kind === 'prepared') this.#readPrepared(reader);
    else {
      const columns = reader.lenencInt();
      const isDefined = !this.#saysWhetherDefined || reader.remaining === 0 || reader.int1() !== 0;
      this.#blocks = [isDefined ? columns : 0];
      this.#hasRows = true;
    }
    this.#nextBlock();
  }

  /** Header, statement id, columns, parameters, filler, warnings, [whether they are defined]. */
  #readPrepared(reader: PacketReader): void {
    reader.bytes(5);
    const columns = reader.int2();
    const parameters = reader.int2();
    if (reader.remaining >= 3) reader.bytes(3);
    const isDefined = reader.remaining === 0 || reader.int1() !== 0;
    this.#blocks = [parameters, columns].filter((count) => isDefined && count > 0);
    this.#hasRows = false;
  }

  #nextBlock(): void {
    const [count] = this.#blocks;
    if (count === undefined) this.#at = this.#hasRows ? 'rows' : 'end';
    else if (count > 0) this.#at = 'definitions';
    else this.#blockEnded();
  }

  #defined(): void {
    const [count = 0] = this.#blocks;
    this.#blocks[0] = count - 1;
    if (count === 1) this.#blockEnded();
  }

  #blockEnded(): void {
    this.#blocks.shift();
    if (hasFlag(this.#capabilities, Capability.DEPRECATE_EOF)) this.#nextBlock();
    else this.#at = 'end of definitions';
  }

  /** The rows are fetched later: the end of the definitions is the end of the reply. */
  #isCursor(status: number): boolean {
    return this.#hasRows && hasFlag(status, ServerStatus.CURSOR_EXISTS);
  }

  #resultEnded(status: number): void {
    this.#at = hasFlag(status, ServerStatus.MORE_RESULTS_EXISTS) ? 'head' : 'end';
  }
}
