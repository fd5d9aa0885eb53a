/** Routes on certificates, as `wrangler cert` and Cloudflare's SDK call them. A private key never comes back. */
import { Hono } from 'hono';
import type { Certificate, CertificateStore } from '../config/certificate-store.ts';
import type { ConfigSecrets } from '../config/secrets.ts';
import { type Checked, check, readBody, refused } from './body.ts';
import { type CertificateFacts, checkPrivateKey, readCertificates } from './certificate-text.ts';
import { Code, type Failure, fail, failed, type Problem, succeed } from './envelope.ts';
import { presentCertificate } from './present.ts';
import { type CertificateBody, certificateQuerySchema, certificateSchema, type MtlsBody } from './schemas.ts';

export interface CertificateRoutesOptions {
  certificates: CertificateStore;
  secrets: ConfigSecrets;
}

const NO_CERTIFICATE = failed(404, Code.noCertificate, 'There is no certificate with this id.');

const IN_USE = failed(
  409,
  Code.certificateInUse,
  'A config uses this certificate. Give that config another one first.',
);

const REFUSALS: Record<'name taken' | 'too many', Failure> = {
  'name taken': failed(409, Code.nameTaken, 'name belongs to another certificate. Choose another one.'),
  'too many': failed(
    409,
    Code.tooManyCertificates,
    'There are as many certificates as there may be. Delete one first.',
  ),
};

/** Mounted at `/accounts/:account/mtls_certificates`. */
export function certificateRoutes({ certificates: store, secrets }: CertificateRoutesOptions): Hono {
  const routes = new Hono();

  routes.get('/', async (c) => {
    const query = check(certificateQuerySchema, c.req.query());
    if (!query.ok) return fail(c, query.failure);
    const { name, ca } = query.value;
    const isCa = ca === undefined ? undefined : ca === 'true';
    return succeed(c, (await store.list({ name, isCa })).map(presentCertificate));
  });

  routes.post('/', async (c) => {
    const body = await readBody(c, certificateSchema);
    const facts = body.ok ? factsOf(body.value) : body;
    if (!body.ok || !facts.ok) return fail(c, facts.ok ? NO_CERTIFICATE : facts.failure);
    const { name, ca, private_key: key } = body.value;
    const { pem, ...rest } = facts.value;
    const id = crypto.randomUUID();
    const certificate: Certificate = {
      ...rest,
      id,
      name,
      isCa: ca,
      certificates: pem,
      uploadedOn: new Date().toISOString(),
    };
    const privateKeySealed =
      key === undefined ? undefined : await secrets.seal({ certificateId: id, field: 'private_key' }, key);
    const outcome = await store.insert({ ...certificate, privateKeySealed });
    return outcome === 'inserted' ? succeed(c, presentCertificate(certificate)) : fail(c, REFUSALS[outcome]);
  });

  routes.get('/:certificateId', async (c) => {
    const certificate = await store.get(c.req.param('certificateId'));
    return certificate === undefined ? fail(c, NO_CERTIFICATE) : succeed(c, presentCertificate(certificate));
  });

  routes.delete('/:certificateId', async (c) => {
    const id = c.req.param('certificateId');
    const certificate = await store.get(id);
    const outcome = await store.remove(id);
    if (outcome === 'in use') return fail(c, IN_USE);
    if (outcome === 'not found' || certificate === undefined) return fail(c, NO_CERTIFICATE);
    return succeed(c, presentCertificate(certificate));
  });

  return routes;
}

const OTHER_KIND = {
  ca_certificate_id: 'a client certificate and no authority',
  mtls_certificate_id: 'an authority and no client certificate',
};

/** A config must not name a certificate that is not there, or of the other kind. */
export async function problemsOfUnknown(
  store: CertificateStore,
  mtls: MtlsBody | undefined,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const field of ['ca_certificate_id', 'mtls_certificate_id'] as const) {
    const id = mtls?.[field];
    const certificate = typeof id === 'string' ? await store.get(id) : undefined;
    if (typeof id !== 'string' || certificate?.isCa === (field === 'ca_certificate_id')) continue;
    const isOther = certificate === undefined ? 'names no certificate' : `names ${OTHER_KIND[field]}`;
    const message = `mtls.${field} ${isOther}. Upload it with \`wrangler cert upload\` first.`;
    problems.push({ code: Code.badField, message });
  }
  return problems;
}

function factsOf({ certificates, private_key: key, ca: isCa }: CertificateBody): Checked<CertificateFacts> {
  if (isCa && key !== undefined) {
    return badField('private_key does not go with ca: true. An authority is only checked against.');
  }
  if (!isCa && key === undefined) {
    return badField('private_key is missing. A client certificate needs its key, or set ca to true.');
  }
  const facts = readCertificates(certificates, Date.now());
  if (!facts.ok) return badField(facts.problem);
  const checked = key === undefined ? undefined : checkPrivateKey(key, facts.value.pem);
  return checked?.ok === false ? badField(checked.problem) : facts;
}

function badField(message: string): { ok: false; failure: Failure } {
  return refused(failed(400, Code.badField, message));
}
