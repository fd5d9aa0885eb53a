/** Certificates as tests need them, good and bad, made by OpenSSL. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';

const run = promisify(execFile);

export type KeyKind = 'rsa' | 'rsa1024' | 'p256' | 'p384' | 'p521' | 'ed25519';

const KEY_ARGS: Record<KeyKind, string[]> = {
  rsa: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  rsa1024: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'],
  p256: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  p384: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  p521: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  ed25519: ['-algorithm', 'ED25519'],
};

export interface Certified {
  /** PEM. */
  certificate: string;
  key: string;
  /** PEM: the authorities above it, but not the root, which is known to whoever trusts it. */
  above: string;
}

export interface Wishes {
  name: string;
  key?: KeyKind;
  /** Its key, instead of a new one. */
  keyOf?: Certified;
  /** As OpenSSL writes them: `DNS:localhost,IP:127.0.0.1`. */
  alternatives?: string;
  /** Lines of an extension section, such as `extendedKeyUsage=clientAuth`. */
  extensions?: string[];
  isAuthority?: boolean;
  /** From now on; negative: it has expired. */
  days?: number;
  hash?: string;
  /** Default: itself. */
  issuer?: Certified;
}

export class CertificateMaker {
  readonly #folder: TemporaryFolder;
  #count = 0;

  private constructor(folder: TemporaryFolder) {
    this.#folder = folder;
  }

  static async open(): Promise<CertificateMaker> {
    return new CertificateMaker(await makeTemporaryFolder('warmpool-certificates'));
  }

  async make(wishes: Wishes): Promise<Certified> {
    this.#count += 1;
    const { name, issuer, days = 30, hash = 'sha256' } = wishes;
    const path = (suffix: string): string => join(this.#folder.path, `${this.#count}.${suffix}`);
    await writeFile(path('cnf'), `[req]\ndistinguished_name=dn\n[dn]\n[ext]\n${extensionsOf(wishes)}\n`);
    if (wishes.keyOf) await writeFile(path('key'), wishes.keyOf.key);
    else await run('openssl', ['genpkey', ...KEY_ARGS[wishes.key ?? 'p256'], '-out', path('key')]);
    if (issuer) await writeFile(path('issuer'), issuer.certificate + issuer.key);
    await run('openssl', [
      ...['req', '-new', '-key', path('key'), '-subj', `/CN=${name}`],
      ...['-config', path('cnf'), '-out', path('csr')],
    ]);
    await run('openssl', [
      ...['x509', '-req', '-in', path('csr'), '-out', path('pem')],
      ...['-extfile', path('cnf'), '-extensions', 'ext', `-${hash}`],
      ...(issuer ? ['-CA', path('issuer'), '-CAkey', path('issuer')] : ['-signkey', path('key')]),
      ...['-set_serial', String(this.#count), '-days', String(days)],
    ]);
    return {
      certificate: await readFile(path('pem'), 'utf8'),
      key: await readFile(path('key'), 'utf8'),
      above: issuer === undefined || isRoot(issuer) ? '' : issuer.certificate + issuer.above,
    };
  }

  async stop(): Promise<void> {
    await this.#folder.remove();
  }
}

const roots = new WeakSet<Certified>();

export async function makeRoot(
  maker: CertificateMaker,
  name: string,
  extensions: string[] = [],
): Promise<Certified> {
  const root = await maker.make({ name, isAuthority: true, extensions });
  roots.add(root);
  return root;
}

function isRoot(certified: Certified): boolean {
  return roots.has(certified);
}

function extensionsOf({ extensions = [], alternatives, isAuthority = false }: Wishes): string {
  const basic = isAuthority && !extensions.some((line) => line.startsWith('basicConstraints'));
  return [
    ...(basic ? ['basicConstraints=critical,CA:true'] : []),
    ...extensions,
    ...(alternatives === undefined ? [] : [`subjectAltName=${alternatives}`]),
  ].join('\n');
}
