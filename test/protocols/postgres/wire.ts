/** How the tests of this folder write bytes by hand, and the ways in which they feed them. */

/** Text stands for its bytes in UTF-8, numbers for themselves. */
export function wire(...parts: (string | readonly number[] | Uint8Array)[]): Uint8Array {
  const bytes = parts.flatMap((part) => [
    ...(typeof part === 'string' ? new TextEncoder().encode(part) : part),
  ]);
  return Uint8Array.from(bytes);
}

/** The same bytes whole, byte by byte, and cut in two at each offset. */
export function cuttings(bytes: Uint8Array): Uint8Array[][] {
  const cutInTwo = [...bytes.keys()].slice(1).map((at) => [bytes.subarray(0, at), bytes.subarray(at)]);
  return [[bytes], [...bytes].map((byte) => Uint8Array.of(byte)), ...cutInTwo];
}

/** Readable, and each byte still tells itself from any other. */
export function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** Count of bytes in big-endian, for lengths that a test computes. */
export function lengthOf(length: number): number[] {
  return [(length >>> 24) & 255, (length >>> 16) & 255, (length >>> 8) & 255, length & 255];
}

/** A message with a type byte. For tests that are not about framing. */
export function framed(type: string, ...body: (string | readonly number[] | Uint8Array)[]): Uint8Array {
  const bytes = wire(...body);
  return wire(type, lengthOf(bytes.length + 4), bytes);
}

/** 0, 1, 2, ...: stands for random bytes. */
export const COUNTING = Uint8Array.from({ length: 64 }, (_, at) => at);
