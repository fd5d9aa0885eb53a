/** Text with one character per byte: positions are offsets, nothing is lost, and it costs least. */
import { Buffer } from 'node:buffer';

export function latin1(bytes: Uint8Array): string {
  if (bytes.length === 0) return '';
  return Buffer.prototype.latin1Slice.call(bytes, 0, bytes.byteLength);
}

export function bytesOfLatin1(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

/** The same text as a person reads it. */
export function utf8OfLatin1(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}

/** The other way round: as a driver sends it in UTF-8. */
export function asBytes(text: string): string {
  return latin1(new TextEncoder().encode(text));
}
