/** Is a certificate for this host (RFC 6125), and may it be (name constraints, RFC 5280, section 4.2.1.10)? */
import { isIP } from 'node:net';
import { type Certificate, commonNameOf, type GeneralName, type NameConstraints } from './certificate.ts';

/** No host name is longer. */
const NAME_MAX = 253;

/** The names and addresses that it is for. As libpq does, the common name counts where there are no others. */
export function namesOf(certificate: Certificate): GeneralName[] {
  const { alternatives } = certificate;
  if (alternatives !== undefined) return alternatives.filter(({ kind }) => kind !== 'other');
  const name = commonNameOf(certificate)?.toLowerCase();
  return name === undefined ? [] : [{ kind: 'dns', name }];
}

export function isFor(certificate: Certificate, host: string): boolean {
  const names = namesOf(certificate);
  const address = addressBytes(host);
  if (address !== undefined) return names.some((name) => name.kind === 'ip' && isSame(name.bytes, address));
  const wanted = host.toLowerCase().replace(/\.$/, '');
  return names.some((name) => name.kind === 'dns' && matches(name.name, wanted));
}

/** Undefined: they allow all of these names. */
export function forbiddenName(
  constraints: NameConstraints,
  names: readonly GeneralName[],
): GeneralName | undefined {
  const { permitted, excluded } = constraints;
  return names.find((name) => {
    const ofItsKind = permitted.filter(({ kind }) => kind === name.kind);
    const isPermitted = ofItsKind.length === 0 || ofItsKind.some((tree) => isWithin(name, tree));
    return !isPermitted || excluded.some((tree) => isWithin(name, tree) || reachesInto(name, tree));
  });
}

/** For a person, and harmless in a terminal or a protocol: nobody vouches for what stands in it. */
export function textOf(name: GeneralName): string {
  if (name.kind === 'dns') return name.name.slice(0, NAME_MAX).replace(/[^\x21-\x7e]/g, '?');
  if (name.kind === 'other') return 'another kind of name';
  if (name.bytes.length === 4) return name.bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, at) =>
    (((name.bytes[2 * at] ?? 0) << 8) | (name.bytes[2 * at + 1] ?? 0)).toString(16),
  );
  return groups.join(':');
}

/** A star stands for one whole label, the first, and never for a whole domain. */
function matches(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === host;
  const [, rest = ''] = /^[^.]+\.(.+)$/.exec(host) ?? [];
  return rest.includes('.') && rest === pattern.slice(2);
}

/** A dot in front: what is below it, and not itself (as OpenSSL reads it; RFC 5280 says nothing of it). */
function isWithin(name: GeneralName, tree: GeneralName): boolean {
  if (name.kind === 'dns' && tree.kind === 'dns') {
    const base = tree.name.replace(/^\./, '');
    return base === '' || name.name === tree.name || name.name.endsWith(`.${base}`);
  }
  if (name.kind !== 'ip' || tree.kind !== 'ip') return false;
  const { length } = name.bytes;
  if (tree.bytes.length !== 2 * length) return false;
  return name.bytes.every((byte, at) => {
    const mask = tree.bytes[length + at] ?? 0;
    return (byte & mask) === ((tree.bytes[at] ?? 0) & mask);
  });
}

/** A star may stand for what is excluded: `*.example.com` where `secret.example.com` is. */
function reachesInto(name: GeneralName, tree: GeneralName): boolean {
  if (name.kind !== 'dns' || tree.kind !== 'dns' || !name.name.startsWith('*.')) return false;
  return tree.name.endsWith(name.name.slice(1));
}

function addressBytes(host: string): Uint8Array | undefined {
  switch (isIP(host)) {
    case 4:
      return Uint8Array.from(host.split('.'), Number);
    case 6:
      return addressBytes6(host);
    default:
      return undefined;
  }
}

/** The host part of a URL is the runtime's own canonical form, without an IPv4 tail. */
function addressBytes6(host: string): Uint8Array {
  const text = new URL(`http://[${host.replace(/%.*$/, '')}]/`).hostname.slice(1, -1);
  const [head = '', tail] = text.split('::');
  const groups = (part: string): string[] => part.split(':').filter((group) => group !== '');
  const before = groups(head);
  const after = groups(tail ?? '');
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  const numbers = [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
  return Uint8Array.from(numbers.flatMap((number) => [number >> 8, number & 0xff]));
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
