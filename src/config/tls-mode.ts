/** What TLS must prove of an origin, from the config's `mtls` and the way to the origin. */
import type { LoginOptions } from '../protocols/contract.ts';
import type { Config, Origin } from './config.ts';

const LOCAL =
  /^(localhost|(127\.\d+|10\.\d+|192\.168|172\.(1[6-9]|2\d|3[01]))\.\d+\.\d+|\[?::1\]?|\[?f[cd][0-9a-f]{2}:[0-9a-f:]+\]?)$/i;

/** Besides, names that no public server has: those without a dot, and those that are kept for private networks. */
const PRIVATE_NAME = /^[^.:]+$|\.(internal|local|localhost|lan|home\.arpa)\.?$/i;

export type TlsChoice = Pick<Origin, 'host' | 'accessClientId' | 'serviceId'> &
  Pick<Config, 'sslmode' | 'caCertificateId'>;

/** One word for what each protocol calls it in its own. */
type Mode = 'disable' | 'prefer' | 'no-verify' | 'require' | 'verify-ca' | 'verify-full';

export interface TlsPolicy {
  /** Whether the login goes on without TLS. */
  login: LoginOptions['tls'];
  /** What vouches for the origin's certificate: public authorities (and its host name), one uploaded, or nobody. */
  vouches: 'public' | 'uploaded' | 'nobody';
  /** The certificate must be for the host. */
  isHostChecked: boolean;
}

/**
 * TLS is required and checked unless said otherwise. What is on this machine or a private network, and what a tunnel or
 * a service leads to, is asked for TLS and taken without; then nothing would be gained by a check. `require` without
 * an uploaded authority is as strict as the runtime's TLS: public authorities, and the host name.
 */
export function tlsPolicyOf(choice: TlsChoice): TlsPolicy {
  const mode = modeOf(choice);
  if (mode === 'disable' || mode === 'prefer')
    return { login: mode, vouches: 'nobody', isHostChecked: false };
  if (mode === 'no-verify') return { login: 'require', vouches: 'nobody', isHostChecked: false };
  if (choice.caCertificateId === undefined)
    return { login: 'require', vouches: 'public', isHostChecked: true };
  return { login: 'require', vouches: 'uploaded', isHostChecked: mode !== 'verify-ca' };
}

export function modeOf({ host, accessClientId, serviceId, sslmode, caCertificateId }: TlsChoice): Mode {
  if (sslmode !== undefined) return modeOfWord(sslmode);
  if (caCertificateId !== undefined) return 'verify-full';
  const isNear = LOCAL.test(host) || accessClientId !== undefined || serviceId !== undefined;
  return isNear ? 'prefer' : 'require';
}

/** Whether `host` can be on this machine or a private network. */
export function isPrivate(host: string): boolean {
  return LOCAL.test(host) || PRIVATE_NAME.test(host);
}

function modeOfWord(word: string): Mode {
  switch (word.toLowerCase().replace('_', '-')) {
    case 'disable':
    case 'disabled':
      return 'disable';
    case 'prefer':
    case 'preferred':
      return 'prefer';
    case 'no-verify':
      return 'no-verify';
    case 'verify-ca':
      return 'verify-ca';
    case 'verify-full':
    case 'verify-identity':
      return 'verify-full';
    default:
      return 'require';
  }
}
