/** Rules on how an origin is reached and what TLS must prove: what fields may stand together, and what they become. */
import type { Config, Origin } from '../config/config.ts';
import { isPrivate, modeOf, tlsPolicyOf } from '../config/tls-mode.ts';
import type { OriginSettings } from '../endpoint/link.ts';
import { FILE_SOCKET, isFileSocket } from '../transport/host.ts';
import { Code, type Problem } from './envelope.ts';
import type { MtlsBody, OriginBody } from './schemas.ts';

export type Way = Pick<Origin, 'host' | 'port' | 'accessClientId' | 'serviceId'>;
type TlsSettings = Pick<Config, 'sslmode' | 'caCertificateId' | 'mtlsCertificateId'>;

/** An origin is exactly one of: public (host, port), behind Access (host and client), a VPC service. */
export function problemsOfNetwork(origin: OriginBody, kind: 'a whole origin' | 'a patch'): Problem[] {
  const { host, port, service_id: service, access_client_id: id, access_client_secret: secret } = origin;
  const hasAccess = id !== undefined || secret !== undefined;
  if (host !== undefined && isFileSocket(host))
    return [{ code: Code.badHostname, message: `Bad hostname. (origin.host: ${FILE_SOCKET})` }];
  if (service !== undefined) {
    if (host === undefined && port === undefined && !hasAccess) return [];
    return [
      badField('origin.service_id stands alone. Remove origin.host, origin.port and the Access fields.'),
    ];
  }
  if (hasAccess) {
    if (id === undefined) return [badField('origin.access_client_id is missing. Give it with its secret.')];
    if (secret === undefined)
      return [badField('origin.access_client_secret is missing. Give it with its id.')];
    if (host === undefined) return [badField('origin.host is missing. Access needs the public host name.')];
    if (port !== undefined) return [badField('origin.port does not go with Access. Remove it.')];
    return [];
  }
  if (host !== undefined && /(?:^[^:]+|\]):\d+$/.test(host))
    return [
      badField('origin.host must be a host name or an IP address alone. Give its port as origin.port.'),
    ];
  if (kind === 'a patch') {
    if (host === undefined && port !== undefined)
      return [badField('origin.host is missing. Give it with the port.')];
    if (host !== undefined && port === undefined)
      return [badField('origin.port is missing. Give it with the host.')];
    return [];
  }
  return host === undefined
    ? [badField('origin.host is missing. Give the host and port of the database.')]
    : [];
}

/** Where an origin leads that has no problem. Undefined: it says nothing of the way. */
export function wayOf(origin: OriginBody, defaultPort = 0): Way | undefined {
  const { host, port, service_id: serviceId, access_client_id: accessClientId } = origin;
  if (serviceId !== undefined) return { host: '', port: defaultPort, serviceId };
  if (host === undefined) return undefined;
  return accessClientId === undefined
    ? { host, port: port ?? defaultPort }
    : { host, port: 0, accessClientId };
}

/** What is given over what is there; null takes a setting away. */
export function tlsOf(mtls: MtlsBody | undefined, base: TlsSettings): TlsSettings {
  const next = <T>(given: T | null | undefined, kept: T | undefined): T | undefined =>
    given === undefined ? kept : (given ?? undefined);
  return {
    sslmode: next(mtls?.sslmode, base.sslmode),
    caCertificateId: next(mtls?.ca_certificate_id, base.caCertificateId),
    mtlsCertificateId: next(mtls?.mtls_certificate_id, base.mtlsCertificateId),
  };
}

/** Of what a config shall become. */
export function problemsOfTls(settings: Omit<OriginSettings, 'pool'>): Problem[] {
  const { origin, sslmode, caCertificateId, mtlsCertificateId } = settings;
  const { host, accessClientId, serviceId } = origin;
  const hasTls = [sslmode, caCertificateId, mtlsCertificateId].some((setting) => setting !== undefined);
  if (serviceId !== undefined)
    return hasTls
      ? [
          badField(
            'mtls does not go with origin.service_id: TLS is set on the service. Set its fields to null.',
          ),
        ]
      : [];
  const choice = { host, accessClientId, serviceId, sslmode, caCertificateId };
  const mode = modeOf(choice);
  const { vouches } = tlsPolicyOf(choice);
  if (caCertificateId !== undefined && !/^verify/.test(mode))
    return [
      badField(`mtls.ca_certificate_id needs mtls.sslmode to be one of the verify modes, not ${sslmode}.`),
    ];
  if (mode === 'disable' && accessClientId === undefined && !isPrivate(host))
    return [badField('mtls.sslmode may be disabled on this machine and in private networks only.')];
  if (vouches !== 'public') return [];
  if (mtlsCertificateId !== undefined)
    return [
      badField(
        'mtls.mtls_certificate_id needs mtls.ca_certificate_id: public authorities are not known with it.',
      ),
    ];
  if (accessClientId !== undefined)
    return [badField(`mtls.sslmode ${sslmode} needs mtls.ca_certificate_id behind Access.`)];
  return [];
}

function badField(message: string): Problem {
  return { code: Code.badField, message };
}
