/** A new connection to an origin, ready for its first query: what pool, validation and placement have in common. */
import { tlsPolicyOf } from '../config/tls-mode.ts';
import type { EndpointSide, LoginOptions } from '../protocols/contract.ts';
import type { Transport } from '../transport/byte-stream.ts';
import { dial } from './dial.ts';
import type { OriginCandidate } from './link.ts';
import { OriginConnection } from './origin-connection.ts';

/** Prepared statements that one origin connection holds. */
export const STATEMENTS_MAX = 200;

/** Throws a PoolerError. `closeAfter` is in milliseconds since the epoch. */
export async function openConnection(options: {
  side: EndpointSide;
  origin: OriginCandidate;
  transport: Transport;
  /** Empty: the plainest. */
  dialect?: string;
  closeAfter: number;
}): Promise<OriginConnection> {
  const { side, origin, transport, dialect = '', closeAfter } = options;
  const { user, password, database } = origin;
  const random = crypto.getRandomValues(new Uint8Array(32));
  const tls = tlsPolicyOf(origin).login;
  const login: LoginOptions = { user, password, database, tls, random, dialect };
  const { connectTimeoutMs: timeoutMs } = origin;
  const dialed = await dial({ transport, login: side.loginToOrigin(login), timeoutMs });
  return new OriginConnection(side, dialed, { transport, closeAfter, login });
}
