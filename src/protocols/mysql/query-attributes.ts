/**
 * Where the text of a COM_QUERY begins: behind the query attributes, where those were agreed on.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query.html
 */
import { Capability, hasFlag } from './capabilities.ts';
import { PacketReader } from './packet-reader.ts';

/** Bytes of a binary value by its type; others begin with their length. */
const FIXED: ReadonlyMap<number, number> = new Map([
  [0x01, 1],
  [0x02, 2],
  [0x03, 4],
  [0x04, 4],
  [0x05, 8],
  [0x06, 0],
  [0x08, 8],
  [0x09, 4],
  [0x0d, 2],
]);

export function textStartOf(payload: Uint8Array, capabilities: number): number {
  if (!hasFlag(capabilities, Capability.QUERY_ATTRIBUTES)) return 1;
  const reader = new PacketReader(payload, 'driver');
  reader.int1();
  const count = reader.lenencInt();
  reader.lenencInt(); // how many sets of them: one
  if (count > 0) skipAttributes(reader, count);
  return payload.length - reader.remaining;
}

function skipAttributes(reader: PacketReader, count: number): void {
  const nulls = reader.bytes((count + 7) >> 3);
  reader.int1(); // their types follow
  const types = Array.from({ length: Math.min(count, reader.remaining) }, () => {
    const type = reader.int2() & 0xff;
    reader.lenencBytes(); // name
    return type;
  });
  for (const [at, type] of types.entries()) {
    if (((nulls[at >> 3] ?? 0) >> (at & 7)) & 1) continue;
    const bytes = FIXED.get(type);
    if (bytes === undefined) reader.lenencBytes();
    else reader.bytes(bytes);
  }
}
