/** The way to an origin, from what its config says of it. */
import { CertificateStore } from '../config/certificate-store.ts';
import { ConfigSecrets } from '../config/secrets.ts';
import { tlsPolicyOf } from '../config/tls-mode.ts';
import type { Env } from '../env.ts';
import type { Transport } from '../transport/byte-stream.ts';
import { bareHost } from '../transport/host.ts';
import { type OwnTlsOptions, withOwnTls } from '../transport/own-tls.ts';
import { refusal } from '../transport/refusal.ts';
import { service } from '../transport/service.ts';
import { tcp } from '../transport/tcp.ts';
import { tunnel } from '../transport/tunnel.ts';
import type { OriginCandidate } from './link.ts';

/**
 * The runtime's TLS is the quicker one and knows the public authorities, so it is used where these vouch. For all else
 * there is our own. Throws where a certificate cannot be loaded.
 */
export async function transportTo(origin: OriginCandidate, env: Env): Promise<Transport> {
  const { vouches, isHostChecked } = tlsPolicyOf(origin);
  const way = wayTo(origin, env);
  // A way that has no TLS of the runtime's is refused in the API (origin-rules.ts).
  if (vouches === 'public') return way;
  return withOwnTls(way, {
    host: serverNameOf(origin),
    authorities: vouches === 'uploaded' ? await loadAuthorities(origin, env) : undefined,
    isHostChecked,
    client: await loadClientCertificate(origin, env),
  });
}

function wayTo(origin: OriginCandidate, env: Env): Transport {
  const { host, port, serviceId, accessClientId, accessClientSecret = '' } = origin;
  if (serviceId !== undefined) return service({ serviceId, port, bindings: env });
  if (accessClientId !== undefined) return tunnel({ host, accessClientId, accessClientSecret });
  return tcp({ host, port });
}

/** Shakes hands as `transportTo` does, but trusts nobody: what it throws says what the certificate is like. */
export function diagnosing(origin: OriginCandidate): Transport {
  return withOwnTls(tcp(origin), { host: bareHost(origin.host), authorities: '', isHostChecked: true });
}

/** Without its port: a tunnel's host may have one. */
function serverNameOf({ host, accessClientId }: OriginCandidate): string {
  return bareHost(accessClientId === undefined ? host : host.replace(/:\d+$/, ''));
}

async function loadAuthorities({ caCertificateId: id = '' }: OriginCandidate, env: Env): Promise<string> {
  const certificate = await new CertificateStore(env.DB).get(id);
  if (certificate === undefined) throw missing('mtls.ca_certificate_id');
  return certificate.certificates;
}

async function loadClientCertificate(
  { mtlsCertificateId: id }: OriginCandidate,
  env: Env,
): Promise<OwnTlsOptions['client']> {
  if (id === undefined) return undefined;
  const sealed = await new CertificateStore(env.DB).getWithKey(id);
  if (sealed === undefined) throw missing('mtls.mtls_certificate_id');
  const place = { certificateId: id, field: 'private_key' } as const;
  const key = await new ConfigSecrets(env.CONFIG_KEY).open(place, sealed.privateKeySealed);
  return { certificates: sealed.certificates, key };
}

function missing(field: string): Error {
  return refusal('tls_handshake_failed', `the certificate that ${field} names is gone`);
}
