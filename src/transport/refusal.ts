/** Hyperdrive's words for a connection that could not be made: a reason, a code of its API, and what is behind it. */
import { PoolerError } from '../errors.ts';

export type RefusalReason =
  | 'bad_hostname'
  | 'dns_failure'
  | 'connection_refused'
  | 'connection_lost'
  | 'timeout'
  | 'tls_handshake_failed'
  | 'access_denied'
  | 'tunnel_failed'
  | 'no_such_service';

const API_CODES: Record<RefusalReason, number> = {
  bad_hostname: 2008,
  dns_failure: 2009,
  connection_refused: 2011,
  connection_lost: 2010,
  timeout: 2010,
  tls_handshake_failed: 2015,
  access_denied: 2010,
  tunnel_failed: 2010,
  no_such_service: 2008,
};

export function refusal(reason: RefusalReason, hint: string, cause?: unknown): PoolerError {
  return new PoolerError(`Server connection attempt failed: ${reason}`, {
    fault: 'origin',
    sqlState: '58000',
    apiCode: API_CODES[reason],
    hint,
    cause,
  });
}
