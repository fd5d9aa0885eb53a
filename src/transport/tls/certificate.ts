/** What a certificate says (RFC 5280), as far as it is checked. */
import { createHash, X509Certificate } from 'node:crypto';
import { bitsOf, damaged, type Element, elementsOf, oidOf, Tag, timeOf } from './der.ts';

export interface Certificate {
  der: Uint8Array;
  x509: X509Certificate;
  /** For a person: `CN=Test CA, O=Example`. */
  subject: string;
  issuer: string;
  subjectDer: Uint8Array;
  issuerDer: Uint8Array;
  notBefore: number;
  notAfter: number;
  signatureAlgorithm: string;
  isAuthority: boolean;
  /** How many authorities may stand between it and the server's certificate. */
  pathMax: number;
  maySign: boolean;
  maySignCertificates: boolean;
  /** Undefined: for any purpose. */
  purposes: string[] | undefined;
  /** Undefined: it bears no alternative names, and its common name counts. */
  alternatives: GeneralName[] | undefined;
  constraints: NameConstraints | undefined;
  /** Of extensions that must be understood and are not. */
  unknownCritical: string[];
}

/** `bytes`: of an address, 4 or 16; in a constraint its mask stands behind it. */
export type GeneralName =
  | { kind: 'dns'; name: string }
  | { kind: 'ip'; bytes: Uint8Array }
  | { kind: 'other' };

export interface NameConstraints {
  permitted: GeneralName[];
  excluded: GeneralName[];
}

const Oid = {
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** They add information or limits of certificate policies, which nobody here asks for. */
const OVERLOOKED = new Set(['2.5.29.14', '2.5.29.35', '2.5.29.31', '2.5.29.32', '1.3.6.1.5.5.7.1.1']);

/** Characters of a name that a person is told. */
const NAME_MAX = 200;

const KEY_USAGE_SIGNATURE = 0;
const KEY_USAGE_CERTIFICATES = 5;

/** Throws where it is damaged. */
export function parseCertificate(der: Uint8Array): Certificate {
  const x509 = new X509Certificate(der);
  const [whole, ...behind] = elementsOf(der);
  if (behind.length > 0) throw damaged();
  const [tbs, algorithm] = elementsOf(need(whole).content);
  const fields = elementsOf(need(tbs).content).filter(({ tag }) => tag !== 0xa0);
  const [, , issuer, validity, subject] = fields;
  const [from, until] = elementsOf(need(validity).content);
  const extensions = readExtensions(fields.find(({ tag }) => tag === 0xa3));
  const read = (oid: string): Uint8Array | undefined => extensions.get(oid)?.value;
  const basic = elementsOf(sequenceOf(read(Oid.basicConstraints)));
  const usage = read(Oid.keyUsage);
  const uses = usage === undefined ? (): boolean => true : bitsOf(need(elementsOf(usage)[0]).content);
  const isAuthority = basic.some(({ tag, content }) => tag === Tag.boolean && content[0] !== 0);
  const pathLength = basic.find(({ tag }) => tag === Tag.integer)?.content;
  const purposes = read(Oid.extendedKeyUsage);
  const alternatives = read(Oid.subjectAlternativeName);
  const constraints = read(Oid.nameConstraints);
  return {
    der,
    x509,
    subject: oneLine(x509.subject),
    issuer: oneLine(x509.issuer),
    subjectDer: need(subject).content,
    issuerDer: need(issuer).content,
    notBefore: timeOf(need(from)),
    notAfter: timeOf(need(until)),
    signatureAlgorithm: oidOf(need(elementsOf(need(algorithm).content)[0]).content),
    isAuthority,
    pathMax: pathLength === undefined ? Infinity : pathLength.reduce((sum, byte) => sum * 256 + byte, 0),
    maySign: uses(KEY_USAGE_SIGNATURE),
    maySignCertificates: uses(KEY_USAGE_CERTIFICATES),
    purposes: purposes && elementsOf(sequenceOf(purposes)).map(({ content }) => oidOf(content)),
    alternatives: alternatives && elementsOf(sequenceOf(alternatives)).map(nameOf),
    constraints: constraints && constraintsOf(constraints),
    unknownCritical: [...extensions]
      .filter(([oid, { isCritical }]) => isCritical && !isUnderstood(oid))
      .map(([oid]) => oid),
  };
}

/** Of a certificate's subject or issuer. */
export function commonNameOf({ x509 }: Certificate): string | undefined {
  return /^CN=(.+)$/m.exec(x509.subject)?.[1];
}

/**
 * `tls-server-end-point` (RFC 5929, section 4.1): a hash of the certificate by the hash of its signature, and never a
 * weaker one than SHA-256. Undefined: its signature has none (Ed25519). Where nobody vouches for it, there
 * is a hash for such a signature too, or whoever is in between would show one that no login is bound to.
 */
export function endPointOf(
  der: Uint8Array,
  { isVouchedFor }: { isVouchedFor: boolean },
): Uint8Array | undefined {
  const known = END_POINT_HASHES.get(parseCertificate(der).signatureAlgorithm);
  const hash = known ?? (isVouchedFor ? undefined : 'sha256');
  return hash === undefined ? undefined : createHash(hash).update(der).digest();
}

/** With SHA-1 and MD5: a server that we do not verify may have one. PSS names its hash elsewhere, and is left out. */
const END_POINT_HASHES: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.4', 'sha256'],
  ['1.2.840.113549.1.1.5', 'sha256'],
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.2.840.10045.4.1', 'sha256'],
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
]);

function readExtensions(field: Element | undefined): Map<string, { isCritical: boolean; value: Uint8Array }> {
  const list = field === undefined ? [] : elementsOf(sequenceOf(field.content));
  const extensions = new Map(
    list.map(({ content }) => {
      const parts = elementsOf(content);
      const isCritical = parts.some(({ tag, content: flag }) => tag === Tag.boolean && flag[0] !== 0);
      const value = need(parts.find(({ tag }) => tag === Tag.octetString)).content;
      return [oidOf(need(parts[0]).content), { isCritical, value }];
    }),
  );
  if (extensions.size < list.length) throw damaged(); // One stands twice (RFC 5280, section 4.2).
  return extensions;
}

function isUnderstood(oid: string): boolean {
  return OVERLOOKED.has(oid) || Object.values<string>(Oid).includes(oid);
}

function constraintsOf(value: Uint8Array): NameConstraints {
  const lists = elementsOf(sequenceOf(value));
  const read = (tag: number): GeneralName[] =>
    elementsOf(lists.find((list) => list.tag === tag)?.content ?? new Uint8Array()).map(({ content }) =>
      nameOf(need(elementsOf(content)[0])),
    );
  const constraints = { permitted: read(0xa0), excluded: read(0xa1) };
  for (const tree of [...constraints.permitted, ...constraints.excluded])
    if (tree.kind === 'ip' && tree.bytes.length !== 8 && tree.bytes.length !== 32) throw damaged();
  return constraints;
}

function nameOf({ tag, content }: Element): GeneralName {
  if (tag === 0x82) return { kind: 'dns', name: new TextDecoder('latin1').decode(content).toLowerCase() };
  return tag === 0x87 ? { kind: 'ip', bytes: content } : { kind: 'other' };
}

function sequenceOf(value: Uint8Array | undefined): Uint8Array {
  if (value === undefined) return new Uint8Array();
  const [element] = elementsOf(value);
  if (element?.tag !== Tag.sequence) throw damaged();
  return element.content;
}

function need<T>(value: T | undefined): T {
  if (value === undefined) throw damaged();
  return value;
}

/** Whoever made the certificate chose its length too. */
function oneLine(name: string): string {
  const line = name.replaceAll('\n', ', ');
  return line.length > NAME_MAX ? `${line.slice(0, NAME_MAX)}...` : line;
}
