/**
 * The record layer (RFC 8446, section 5; RFC 5246, section 6 and RFC 5288 for 1.2): cuts what arrives into records, and
 * protects and opens them with AES-GCM, by WebCrypto. What one read brings leaves as one piece: that is where the speed
 * is (three times that of a piece for each record, on workerd 1.20261102.1).
 */
import { Alert, TlsError } from './alerts.ts';
import { TLS_1_2 } from './messages.ts';
import { join, malformed } from './wire.ts';

export const Content = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;

export const PLAINTEXT_BYTES_MAX = 16_384;
const HEADER_BYTES = 5;
const TAG_BYTES = 16;
const EXPLICIT_NONCE_BYTES = 8;
/** A protected record may be longer than its content by so much. */
const RECORD_BYTES_MAX = PLAINTEXT_BYTES_MAX + 256;

export interface ProtectedRecord {
  type: number;
  header: Uint8Array;
  payload: Uint8Array;
}

export interface PlainRecord {
  type: number;
  content: Uint8Array;
}

/** What came so far and is no whole record yet. */
export class RecordCutter {
  #rest: Uint8Array = new Uint8Array();

  /** Slices of the bytes, where they hold whole records. */
  *cut(bytes: Uint8Array): Generator<ProtectedRecord> {
    const whole = this.#rest.length === 0 ? bytes : join([this.#rest, bytes]);
    let at = 0;
    while (whole.length - at >= HEADER_BYTES) {
      const header = whole.subarray(at, at + HEADER_BYTES);
      const [type = 0, major, , high = 0, low = 0] = header;
      const length = high * 256 + low;
      if (major !== 3 || type < Content.changeCipherSpec || type > Content.applicationData)
        throw malformed('what it sent is no record');
      if (length > RECORD_BYTES_MAX) throw new TlsError(Alert.recordOverflow, 'A record is too long.');
      const end = at + HEADER_BYTES + length;
      if (end > whole.length) break;
      at += HEADER_BYTES;
      yield { type, header, payload: whole.subarray(at, end) };
      at = end;
    }
    this.#rest = whole.slice(at);
  }
}

/** In clear, as everything is before keys are agreed. */
export function plainRecord({ type, content }: PlainRecord): Uint8Array {
  return join([headerOf(type, content.length), content]);
}

export interface Protection {
  key: Uint8Array;
  /** 12 bytes in 1.3, 4 in 1.2. */
  iv: Uint8Array;
}

interface Sealing {
  nonce: Uint8Array;
  aad: Uint8Array;
}

/** One direction of a connection. Each record has a number of its own, and no two share a nonce. */
export abstract class RecordCipher {
  protected readonly iv: Uint8Array;
  readonly #key: Promise<CryptoKey>;
  #count = 0;

  constructor({ key, iv }: Protection) {
    this.#key = crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']);
    this.iv = iv;
  }

  /** Records so far. */
  get count(): number {
    return this.#count;
  }

  /** Its number is the next one at the moment of the call. */
  abstract seal(record: PlainRecord): Promise<Uint8Array>;
  abstract open(record: ProtectedRecord): Promise<PlainRecord>;

  protected nextNumber(): Uint8Array {
    const number = new Uint8Array(8);
    new DataView(number.buffer).setBigUint64(0, BigInt(this.#count));
    this.#count += 1;
    return number;
  }

  /** The tag stands behind it. */
  protected async encrypt({ nonce, aad, content }: Sealing & { content: Uint8Array }): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.encrypt(algorithm(nonce, aad), await this.#key, content));
  }

  protected async decrypt({ nonce, aad, sealed }: Sealing & { sealed: Uint8Array }): Promise<Uint8Array> {
    const key = await this.#key;
    try {
      return new Uint8Array(await crypto.subtle.decrypt(algorithm(nonce, aad), key, sealed));
    } catch {
      throw badRecord();
    }
  }
}

export class Cipher13 extends RecordCipher {
  async seal({ type, content }: PlainRecord): Promise<Uint8Array> {
    const header = headerOf(Content.applicationData, content.length + 1 + TAG_BYTES);
    const inner = join([content, Uint8Array.of(type)]);
    return join([header, await this.encrypt({ nonce: this.#nextNonce(), aad: header, content: inner })]);
  }

  /** The type stands behind the content and before padding with zeros. */
  async open({ header, payload }: ProtectedRecord): Promise<PlainRecord> {
    const inner = await this.decrypt({ nonce: this.#nextNonce(), aad: header, sealed: payload });
    let end = inner.length - 1;
    while (end >= 0 && inner[end] === 0) end -= 1;
    if (end < 0) throw new TlsError(Alert.unexpectedMessage, 'A record has no content.');
    return { type: inner[end] ?? 0, content: checkedLength(inner.subarray(0, end)) };
  }

  #nextNonce(): Uint8Array {
    const nonce = this.iv.slice();
    this.nextNumber().forEach((byte, at) => {
      nonce[at + 4] = (nonce[at + 4] ?? 0) ^ byte;
    });
    return nonce;
  }
}

export class Cipher12 extends RecordCipher {
  async seal({ type, content }: PlainRecord): Promise<Uint8Array> {
    const number = this.nextNumber();
    const aad = join([number, headerOf(type, content.length)]);
    const header = headerOf(type, EXPLICIT_NONCE_BYTES + content.length + TAG_BYTES);
    const sealed = await this.encrypt({ nonce: join([this.iv, number]), aad, content });
    return join([header, number, sealed]);
  }

  async open({ type, payload }: ProtectedRecord): Promise<PlainRecord> {
    const length = payload.length - EXPLICIT_NONCE_BYTES - TAG_BYTES;
    if (length < 0) throw badRecord();
    const nonce = join([this.iv, payload.subarray(0, EXPLICIT_NONCE_BYTES)]);
    const aad = join([this.nextNumber(), headerOf(type, length)]);
    const content = await this.decrypt({ nonce, aad, sealed: payload.subarray(EXPLICIT_NONCE_BYTES) });
    return { type, content: checkedLength(content) };
  }
}

function algorithm(iv: Uint8Array, additionalData: Uint8Array): SubtleCryptoEncryptAlgorithm {
  return { name: 'AES-GCM', iv, additionalData, tagLength: 8 * TAG_BYTES };
}

function headerOf(type: number, length: number): Uint8Array {
  return Uint8Array.of(type, TLS_1_2 >> 8, TLS_1_2 & 0xff, length >> 8, length & 0xff);
}

export function checkedLength(content: Uint8Array): Uint8Array {
  if (content.length > PLAINTEXT_BYTES_MAX) throw new TlsError(Alert.recordOverflow, 'A record is too long.');
  return content;
}

function badRecord(): TlsError {
  return new TlsError(Alert.badRecordMac, 'A record was changed on its way.');
}
