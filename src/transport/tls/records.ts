/**
 * The record layer (RFC 8446, section 5; RFC 5246, section 6 and RFC 5288 for 1.2): cuts what arrives into records, and
 * protects and opens them with AES-GCM.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { Alert, TlsError } from './alerts.ts';
import { TLS_1_2 } from './messages.ts';
import type { Suite } from './suites.ts';
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
  suite: Suite;
  key: Uint8Array;
  /** 12 bytes in 1.3, 4 in 1.2. */
  iv: Uint8Array;
}

/** One direction of a connection. Each record has a number of its own, and no two share a nonce. */
export abstract class RecordCipher {
  readonly suite: Suite;
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  #count = 0;

  constructor({ suite, key, iv }: Protection) {
    this.suite = suite;
    this.key = key;
    this.iv = iv;
  }

  /** Records so far. */
  get count(): number {
    return this.#count;
  }

  abstract seal(record: PlainRecord): Uint8Array;
  abstract open(record: ProtectedRecord): PlainRecord;

  protected nextNumber(): Uint8Array {
    const number = new Uint8Array(8);
    new DataView(number.buffer).setBigUint64(0, BigInt(this.#count));
    this.#count += 1;
    return number;
  }

  protected encrypt(text: { nonce: Uint8Array; aad: Uint8Array; parts: Uint8Array[] }): Uint8Array[] {
    const cipher = createCipheriv(this.suite.cipher, this.key, text.nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(text.aad);
    const sealed = text.parts.map((part): Uint8Array => cipher.update(part));
    sealed.push(cipher.final(), cipher.getAuthTag());
    return sealed;
  }

  protected decrypt(text: { nonce: Uint8Array; aad: Uint8Array; sealed: Uint8Array }): Uint8Array {
    const { nonce, aad, sealed } = text;
    if (sealed.length < TAG_BYTES) throw badRecord();
    const end = sealed.length - TAG_BYTES;
    const decipher = createDecipheriv(this.suite.cipher, this.key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(aad);
    decipher.setAuthTag(sealed.subarray(end));
    const content = decipher.update(sealed.subarray(0, end));
    try {
      decipher.final();
    } catch {
      throw badRecord();
    }
    return content;
  }
}

export class Cipher13 extends RecordCipher {
  seal({ type, content }: PlainRecord): Uint8Array {
    const header = headerOf(Content.applicationData, content.length + 1 + TAG_BYTES);
    const inner = [content, Uint8Array.of(type)];
    return join([header, ...this.encrypt({ nonce: this.#nextNonce(), aad: header, parts: inner })]);
  }

  /** The type stands behind the content and before padding with zeros. */
  open({ header, payload }: ProtectedRecord): PlainRecord {
    const inner = this.decrypt({ nonce: this.#nextNonce(), aad: header, sealed: payload });
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
  seal({ type, content }: PlainRecord): Uint8Array {
    const number = this.nextNumber();
    const aad = join([number, headerOf(type, content.length)]);
    const header = headerOf(type, EXPLICIT_NONCE_BYTES + content.length + TAG_BYTES);
    const sealed = this.encrypt({ nonce: join([this.iv, number]), aad, parts: [content] });
    return join([header, number, ...sealed]);
  }

  open({ type, payload }: ProtectedRecord): PlainRecord {
    const length = payload.length - EXPLICIT_NONCE_BYTES - TAG_BYTES;
    if (length < 0) throw badRecord();
    const nonce = join([this.iv, payload.subarray(0, EXPLICIT_NONCE_BYTES)]);
    const aad = join([this.nextNumber(), headerOf(type, length)]);
    const content = this.decrypt({ nonce, aad, sealed: payload.subarray(EXPLICIT_NONCE_BYTES) });
    return { type, content: checkedLength(content) };
  }
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
