/**
 * The key of a read: everything that can change its reply. Equal keys have byte-equal replies while no relation
 * that is read changes; a test proves it on a real server.
 *
 *   text, without comments \0 | parameter types | formats and values | result formats | session settings
 *
 * Each part says where it ends, so no two reads can meet in one key. One character a byte.
 */
import { latin1 } from '../bytes/latin1.ts';
import { isMovingText } from './moving-literal.ts';

/** What a Bind says behind its names: Int16 counts with what they count. */
interface Bound {
  parameterFormats: number[];
  values: (Uint8Array | null)[];
  resultFormats: number[];
}

/** A format. */
const TEXT = 0;
const NO_TYPES = '\0\0';
const NO_PARAMETERS = '|0||';

/** `types`: of a Parse, all behind the text. */
export function keyOfRows(
  text: string,
  options: { types?: string; bound?: Uint8Array; settings: string },
): string | undefined {
  const parameters = options.bound ? keyOfBound(options.bound) : NO_PARAMETERS;
  if (parameters === undefined) return undefined;
  return `${text}\0R${options.types ?? NO_TYPES}${parameters}${options.settings}`;
}

export function keyOfDescription(text: string, options: { types: string; settings: string }): string {
  return `${text}\0D${options.types}${options.settings}`;
}

/** Undefined: it makes no sense, or its meaning moves with time. */
function keyOfBound(bytes: Uint8Array): string | undefined {
  const bound = readBound(bytes);
  if (!bound) return undefined;
  const { parameterFormats, values, resultFormats } = bound;
  // One format is for all; more must be as many as the values.
  if (parameterFormats.length > 1 && parameterFormats.length !== values.length) return undefined;
  const [first = TEXT] = parameterFormats;
  const isUniform = parameterFormats.every((format) => format === first);
  const formats = isUniform ? formatForAll(first) : parameterFormats.join();
  let key = `${formats}|${values.length}|`;
  for (const [index, value] of values.entries()) {
    const text = value === null ? '' : latin1(value);
    const isText = (isUniform ? first : parameterFormats[index]) === TEXT;
    // Types that take such a value read it as a moment of their own, anew each time.
    if (isText && isMovingText(text)) return undefined;
    key += value === null ? '-|' : `${text.length}|${text}`;
  }
  // How many columns there are is not known: two formats for one column are an error.
  const [forAll = TEXT, ...others] = resultFormats;
  return `${key}${others.length === 0 ? formatForAll(forAll) : resultFormats.join()}|`;
}

/** None at all means text. */
function formatForAll(format: number): string {
  return format === TEXT ? '' : String(format);
}

/** Undefined: it makes no sense. https://www.postgresql.org/docs/18/protocol-message-formats.html, Bind. */
export function readBound(bytes: Uint8Array): Bound | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const has = (length: number): boolean => at + length <= bytes.length;
  const readFormats = (): number[] | undefined => {
    if (!has(2)) return undefined;
    const count = view.getUint16(at);
    at += 2;
    if (!has(2 * count)) return undefined;
    const formats: number[] = [];
    for (const end = at + 2 * count; at < end; at += 2) formats.push(view.getUint16(at));
    return formats;
  };
  const readValue = (): Uint8Array | null | undefined => {
    if (!has(4)) return undefined;
    const length = view.getInt32(at);
    at += 4;
    if (length === -1) return null;
    if (length < 0 || !has(length)) return undefined;
    at += length;
    return bytes.subarray(at - length, at);
  };
  const parameterFormats = readFormats();
  if (!parameterFormats || !has(2)) return undefined;
  const count = view.getUint16(at);
  at += 2;
  const values: (Uint8Array | null)[] = [];
  for (let index = 0; index < count; index += 1) {
    const value = readValue();
    if (value === undefined) return undefined;
    values.push(value);
  }
  const resultFormats = readFormats();
  return resultFormats && at === bytes.length ? { parameterFormats, values, resultFormats } : undefined;
}
