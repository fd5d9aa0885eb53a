/** How strict we are with TLS towards an origin, from its `sslmode` and its host. */
import type { LoginOptions } from '../protocols/contract.ts';

const LOCAL =
  /^(localhost|(127\.\d+|10\.\d+|192\.168|172\.(1[6-9]|2\d|3[01]))\.\d+\.\d+|\[?::1\]?|\[?f[cd][0-9a-f]{2}:[0-9a-f:]+\]?)$/i;

/**
 * Required unless said otherwise, as in Hyperdrive; a host on this machine or a private network is asked for TLS
 * and taken without. The verify modes are no less strict than `require`: the runtime's own TLS always checks the
 * certificate against public roots, and the host name.
 */
export function tlsModeOf(origin: { host: string; sslmode: string | undefined }): LoginOptions['tls'] {
  const { host, sslmode } = origin;
  if (/^disable/i.test(sslmode ?? '')) return 'disable';
  if (/^prefer/i.test(sslmode ?? '')) return 'prefer';
  return sslmode === undefined && LOCAL.test(host) ? 'prefer' : 'require';
}
