/**
 * A COM_QUERY of our own.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query.html
 */
import { encodeText } from '../bytes/join.ts';
import { Capability, hasFlag } from './capabilities.ts';
import { Command, int1, packet } from './packets.ts';

/** No parameters, in one set of them: stands in front of the text where QUERY_ATTRIBUTES was agreed. */
const NO_ATTRIBUTES = Uint8Array.of(0, 1);

export function queryPacket(sql: string, { capabilities }: { capabilities: number }): Uint8Array {
  const hasAttributes = hasFlag(capabilities, Capability.QUERY_ATTRIBUTES);
  const text = encodeText(sql);
  return packet(0, int1(Command.QUERY), ...(hasAttributes ? [NO_ATTRIBUTES] : []), text);
}
