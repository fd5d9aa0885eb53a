/** ASN.1 in DER, as far as certificates need it. */
export interface Element {
  tag: number;
  content: Uint8Array;
}

export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  sequence: 0x30,
} as const;

/** Elements that stand one behind the other. Throws where they are damaged. */
export function elementsOf(bytes: Uint8Array): Element[] {
  const elements: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0;
    const { length, headerBytes } = lengthAt(bytes, at + 1);
    const start = at + 1 + headerBytes;
    if ((tag & 0x1f) === 0x1f || start + length > bytes.length) throw damaged();
    elements.push({ tag, content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return elements;
}

export function oidOf(content: Uint8Array): string {
  const numbers: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      numbers.push(value);
      value = 0;
    }
  }
  const [first = 0, ...rest] = numbers;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...rest].join('.');
}

/** Milliseconds since the epoch, of a UTCTime or GeneralizedTime as RFC 5280 allows them. */
export function timeOf({ tag, content }: Element): number {
  const text = new TextDecoder().decode(content);
  const century = Number(text.slice(0, 2)) >= 50 ? '19' : '20';
  const digits = tag === Tag.utcTime ? century + text : text;
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits);
  if (match === null) throw damaged();
  const [year = 0, month = 0, ...rest] = match.slice(1).map(Number);
  return Date.UTC(year, month - 1, ...rest);
}

/** Are the named bits set? Bit 0 is the first one. */
export function bitsOf(content: Uint8Array): (bit: number) => boolean {
  return (bit) => (((content[1 + (bit >> 3)] ?? 0) >> (7 - (bit & 7))) & 1) === 1;
}

export function damaged(): Error {
  return new Error('damaged DER');
}

function lengthAt(bytes: Uint8Array, at: number): { length: number; headerBytes: number } {
  const first = bytes[at];
  if (first === undefined) throw damaged();
  if (first < 0x80) return { length: first, headerBytes: 1 };
  const count = first & 0x7f;
  if (count === 0 || count > 3) throw damaged();
  const length = bytes.subarray(at + 1, at + 1 + count).reduce((value, byte) => value * 256 + byte, 0);
  // DER has one form of each length, the shortest: with more, two readers could read one certificate differently.
  if (length < 0x80 || length < 256 ** (count - 1)) throw damaged();
  return { length, headerBytes: 1 + count };
}
