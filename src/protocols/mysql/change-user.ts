/**
 * COM_CHANGE_USER. A driver has proved at its login that it may use this config, as this user; as the same user it may
 * log in again, which makes its session new. Another user would be another login: the edge decides on those.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_change_user.html
 */
import { PoolerError } from '../../errors.ts';
import { ErrorNumber } from './errors.ts';
import { PacketReader } from './packet-reader.ts';
import type { PacketStream } from './packet-stream.ts';
import { Reply } from './packets.ts';
import { CACHING_SHA2 } from './passwords.ts';
import type { Resetting } from './resetting.ts';
import type { Talk } from './talk.ts';

const FAST_AUTH_SUCCESS = 0x03;

export function changeUser(parts: { talk: Talk; stream: PacketStream; resetting: Resetting }): boolean {
  const { talk, stream, resetting } = parts;
  const { user, plugin, hasPassword } = decodeChangeUser(stream.payload);
  if (user !== talk.user) {
    const options = {
      fault: 'driver',
      sqlState: '28000',
      errno: ErrorNumber.ER_ACCESS_DENIED_ERROR,
    } as const;
    const hint = 'A connection stays with the user that it logged in as: open another.';
    talk.end(new PoolerError(`Access denied for user '${user}'`, { ...options, hint, fatal: true }));
    return false;
  }
  // A plugin that sent a hash waits for this in front of the OK.
  if (plugin === CACHING_SHA2 && hasPassword)
    talk.answer(Uint8Array.of(Reply.AUTH_MORE_DATA, FAST_AUTH_SUCCESS));
  return resetting.login();
}

function decodeChangeUser(payload: Uint8Array): { user: string; plugin: string; hasPassword: boolean } {
  const reader = new PacketReader(payload, 'driver');
  reader.int1();
  const user = reader.nulText();
  const hasPassword = reader.bytes(reader.int1()).length > 0;
  reader.nulBytes(); // database: the config decides
  if (reader.remaining < 2) return { user, plugin: '', hasPassword };
  reader.int2(); // collation
  return { user, plugin: reader.remaining > 0 ? reader.nulText() : '', hasPassword };
}
