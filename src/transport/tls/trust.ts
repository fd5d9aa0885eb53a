/**
 * Is a server who it says it is? From its certificate a chain of signatures must lead to an authority that the owner
 * of the config uploaded (RFC 5280, section 6). Lists of revoked certificates are not asked for.
 */
import { Alert, CertificateError } from './alerts.ts';
import { type Certificate, parseCertificate } from './certificate.ts';
import { forbiddenName, isFor, namesOf, textOf } from './host-name.ts';

export interface Trust {
  /** DER: an authority, or the server's own certificate. */
  authorities: readonly Uint8Array[];
  /** Undefined: any name will do. */
  host: string | undefined;
  nowMs: number;
}

/** So many authorities between the server's certificate and the uploaded one. */
const PATH_MAX = 8;
/** So many certificates may a server show. */
const SHOWN_MAX = 16;

/** A server could show certificates that lead round and round: so many signatures are looked at. */
const CHECKS_MAX = 100;

/** So many of the names in a certificate a person is told. */
const NAMES_TOLD_MAX = 8;

/** As OpenSSL has it by default. (Of curves the runtime knows none that is weak.) */
const RSA_BITS_MIN = 2048;

const SERVER_AUTHENTICATION = '1.3.6.1.5.5.7.3.1';
const ANY_PURPOSE = '2.5.29.37.0';

/** RSA and RSA-PSS, ECDSA with SHA-2, Ed25519. Nothing with SHA-1 or MD5. */
const SIGNATURES = new Set([
  '1.2.840.113549.1.1.10',
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.3.101.112',
]);

/** `shown`: what the server sent, DER, its own first. Throws a CertificateError whose message says what is wrong. */
export function checkTrust(shown: readonly Uint8Array[], { authorities, host, nowMs }: Trust): void {
  if (shown.length > SHOWN_MAX) throw refused(`it shows more than ${SHOWN_MAX} certificates`);
  const [server, ...others] = shown.map(parse);
  if (server === undefined) throw refused('it shows no certificate');
  checkDates(server, nowMs);
  const anchors = authorities.map(parse);
  const best = bestOf(chainsTo(anchors, { server, others }), nowMs);
  if (best === undefined && isIssuedBy(server, server)) throw untrusted(server, others, anchors);
  // Before the chain: who cannot tell which authorities are public can still tell this.
  if (host !== undefined && !isFor(server, host)) throw wrongHost(server, host);
  if (best === undefined) throw untrusted(server, others, anchors);
  checkServer(server);
  if (best !== 'good') throw best;
}

/** Why the first chain is not good, if none is. Undefined: there is none. */
function bestOf(chains: Iterable<Certificate[]>, nowMs: number): 'good' | CertificateError | undefined {
  let first: CertificateError | undefined;
  for (const chain of chains) {
    const problem = problemOf(chain, nowMs);
    if (problem === undefined) return 'good';
    first ??= problem;
  }
  return first;
}

/**
 * The server's certificate, the authorities behind it, and the uploaded one last. There may be several: an authority
 * that was renewed with the key it had, or has certificates of two others.
 */
function* chainsTo(
  anchors: readonly Certificate[],
  { server, others }: { server: Certificate; others: readonly Certificate[] },
): Generator<Certificate[]> {
  let checks = 0;
  const isNext = (last: Certificate, authority: Certificate): boolean => {
    if (!isIssuedBy(last, authority) || checks >= CHECKS_MAX) return false;
    checks += 1;
    return isSignatureOf(last, authority);
  };
  function* extend(chain: Certificate[], last: Certificate): Generator<Certificate[]> {
    if (anchors.some((anchor) => isSame(anchor, last))) yield chain;
    for (const anchor of anchors) if (isNext(last, anchor)) yield [...chain, anchor];
    if (chain.length > PATH_MAX) return;
    for (const other of others)
      if (!chain.includes(other) && isNext(last, other)) yield* extend([...chain, other], other);
  }
  yield* extend([server], server);
}

function isSignedBy(certificate: Certificate, authority: Certificate): boolean {
  return isIssuedBy(certificate, authority) && isSignatureOf(certificate, authority);
}

/** By name alone. */
function isIssuedBy(certificate: Certificate, authority: Certificate): boolean {
  return Buffer.compare(certificate.issuerDer, authority.subjectDer) === 0;
}

/** A key of another kind than the signature makes the library throw: then it is not signed by it. */
function isSignatureOf({ x509, signatureAlgorithm }: Certificate, authority: Certificate): boolean {
  try {
    return SIGNATURES.has(signatureAlgorithm) && x509.verify(authority.x509.publicKey);
  } catch {
    return false;
  }
}

function checkDates({ subject, notBefore, notAfter }: Certificate, nowMs: number): void {
  if (nowMs > notAfter)
    throw new CertificateError(
      Alert.certificateExpired,
      `the certificate ${subject} expired on ${day(notAfter)}`,
    );
  if (nowMs < notBefore)
    throw new CertificateError(
      Alert.certificateExpired,
      `the certificate ${subject} is not valid before ${day(notBefore)}`,
    );
}

function checkServer(server: Certificate): void {
  if (!server.maySign) throw refused('its key usage does not allow signatures');
  if (!isForServers(server)) throw refused('it is not for servers (extended key usage)');
}

function isForServers({ purposes }: Certificate): boolean {
  if (purposes === undefined) return true;
  return purposes.some((purpose) => purpose === SERVER_AUTHENTICATION || purpose === ANY_PURPOSE);
}

function problemOf(chain: readonly Certificate[], nowMs: number): CertificateError | undefined {
  try {
    for (const certificate of chain) checkDates(certificate, nowMs);
    checkChain(chain);
    return undefined;
  } catch (cause) {
    if (cause instanceof CertificateError) return cause;
    throw cause;
  }
}

function checkChain(chain: readonly Certificate[]): void {
  const names = chain.slice(0, 1).flatMap(namesOf);
  for (const [at, certificate] of chain.entries()) {
    const { subject, constraints, unknownCritical } = certificate;
    const [unknown] = unknownCritical;
    if (unknown !== undefined)
      throw refused(`${subject} has a critical extension that is unknown (${unknown})`);
    if (hasWeakKey(certificate)) throw refused(`the key of ${subject} is too weak`);
    if (at === 0) continue;
    if (!certificate.isAuthority || !certificate.maySignCertificates)
      throw refused(`${subject}, which signed in its chain, is no authority`);
    // Not in RFC 5280, but in OpenSSL and every browser: what an authority is for limits what it vouches for.
    if (!isForServers(certificate))
      throw refused(`${subject} is no authority for servers (extended key usage)`);
    if (at - 1 > certificate.pathMax) throw refused(`${subject} does not allow so many authorities below it`);
    if (constraints === undefined) continue;
    if ([...constraints.permitted, ...constraints.excluded].some(({ kind }) => kind === 'other'))
      throw refused(`${subject} constrains names of a kind that is not supported`);
    const forbidden = forbiddenName(constraints, names);
    if (forbidden !== undefined)
      throw refused(`${subject} may not vouch for ${textOf(forbidden)} (name constraints)`);
  }
}

/** A key of a kind that the runtime does not know is none to rely on. */
function hasWeakKey({ x509 }: Certificate): boolean {
  try {
    return (x509.publicKey.asymmetricKeyDetails?.modulusLength ?? Infinity) < RSA_BITS_MIN;
  } catch {
    return true;
  }
}

/** Says which authority is missing. */
function untrusted(
  server: Certificate,
  others: readonly Certificate[],
  anchors: readonly Certificate[],
): CertificateError {
  const known = anchors.map(({ subject }) => subject).join('; ');
  const last = lastOf(server, others);
  const weak = [server, ...others].find(({ signatureAlgorithm }) => !SIGNATURES.has(signatureAlgorithm));
  if (weak !== undefined) return refused(`${weak.subject} is signed by an algorithm that is not safe`);
  if (isIssuedBy(last, last)) {
    const what = last === server ? `it is self-signed (${server.subject})` : `it leads to ${last.subject}`;
    return unknownAuthority(
      `${what}, which is ${known === '' ? 'no public authority' : `not among: ${known}`}`,
    );
  }
  if (anchors.some((anchor) => isIssuedBy(last, anchor)))
    return unknownAuthority(`it is signed by another key than that of the uploaded ${last.issuer}`);
  const isNot = known === '' ? 'which is no public authority' : `which is not among: ${known}`;
  return unknownAuthority(`it was issued by ${last.issuer}, ${isNot}`);
}

/** As far as what the server shows leads. */
function lastOf(server: Certificate, others: readonly Certificate[]): Certificate {
  let last = server;
  for (let steps = 0; steps < others.length; steps += 1) {
    const next = others.find((other) => other !== last && isSignedBy(last, other));
    if (next === undefined || isIssuedBy(last, last)) break;
    last = next;
  }
  return last;
}

function wrongHost(server: Certificate, host: string): CertificateError {
  const names = namesOf(server).map(textOf);
  const more = names.length > NAMES_TOLD_MAX ? ` and ${names.length - NAMES_TOLD_MAX} more` : '';
  const told = names.length === 0 ? 'no host' : names.slice(0, NAMES_TOLD_MAX).join(', ') + more;
  return refused(`it is for ${told}, not for ${host}`);
}

function parse(der: Uint8Array): Certificate {
  try {
    return parseCertificate(der);
  } catch {
    throw refused('it is damaged');
  }
}

function isSame(a: Certificate, b: Certificate): boolean {
  return Buffer.compare(a.der, b.der) === 0;
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function refused(what: string): CertificateError {
  return new CertificateError(Alert.badCertificate, what);
}

function unknownAuthority(what: string): CertificateError {
  return new CertificateError(Alert.unknownCa, what);
}
