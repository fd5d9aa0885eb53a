/** Numbers and vectors as TLS writes them: big-endian, lengths in front (RFC 8446, section 3). */
import { Alert, TlsError } from './alerts.ts';

export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** `bytes` bytes long. */
  number(bytes: 1 | 2 | 3): number {
    return this.take(bytes).reduce((value, byte) => value * 256 + byte, 0);
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw malformed('a message is too short');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** Behind a length of so many bytes. */
  vector(lengthBytes: 1 | 2 | 3): Uint8Array {
    return this.take(this.number(lengthBytes));
  }

  end(): void {
    if (!this.isAtEnd) throw malformed('a message is too long');
  }
}

/** Type to content. Each may stand once. */
export function readExtensions(bytes: Uint8Array): Map<number, Uint8Array> {
  const reader = new Reader(bytes);
  const extensions = new Map<number, Uint8Array>();
  while (!reader.isAtEnd) {
    const type = reader.number(2);
    if (extensions.has(type)) throw new TlsError(Alert.illegalParameter, 'An extension stands twice.');
    extensions.set(type, reader.vector(2));
  }
  return extensions;
}

export function uint(bytes: 1 | 2 | 3, value: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, at) => (value >>> (8 * (bytes - 1 - at))) & 0xff);
}

export function vector(lengthBytes: 1 | 2 | 3, ...parts: Uint8Array[]): Uint8Array {
  const content = join(parts);
  return join([uint(lengthBytes, content.length), content]);
}

export function extension(type: number, ...content: Uint8Array[]): Uint8Array {
  return join([uint(2, type), vector(2, ...content)]);
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function malformed(what: string): TlsError {
  return new TlsError(Alert.decodeError, `The other side does not speak TLS: ${what}.`);
}
