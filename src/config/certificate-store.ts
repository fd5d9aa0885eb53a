/** All SQL on uploaded certificates. Private keys pass through here sealed. */
export interface Certificate {
  id: string;
  name: string | undefined;
  isCa: boolean;
  /** PEM. */
  certificates: string;
  issuer: string;
  serialNumber: string;
  expiresOn: string;
  uploadedOn: string;
}

export const CERTIFICATES_MAX = 100;

const COLUMNS = 'id, name, is_ca, certificates, issuer, serial_number, expires_on, uploaded_on';

export class CertificateStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async insert(
    certificate: Certificate & { privateKeySealed: string | undefined },
  ): Promise<'inserted' | 'name taken' | 'too many'> {
    const { meta } = await this.#db
      .prepare(
        `INSERT INTO certificates (id, name, is_ca, certificates, private_key_sealed, issuer, serial_number,
           expires_on, uploaded_on)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE (SELECT count(*) FROM certificates) < ?10
         ON CONFLICT (name) DO NOTHING`,
      )
      .bind(
        certificate.id,
        certificate.name ?? null,
        certificate.isCa ? 1 : 0,
        certificate.certificates,
        certificate.privateKeySealed ?? null,
        certificate.issuer,
        certificate.serialNumber,
        certificate.expiresOn,
        certificate.uploadedOn,
        CERTIFICATES_MAX,
      )
      .run();
    if (meta.changes > 0) return 'inserted';
    const { name } = certificate;
    const isTaken = name !== undefined && (await this.list({ name })).length > 0;
    return isTaken ? 'name taken' : 'too many';
  }

  async get(id: string): Promise<Certificate | undefined> {
    const row = await this.#db
      .prepare(`SELECT ${COLUMNS} FROM certificates WHERE id = ?1`)
      .bind(id)
      .first<CertificateRow>();
    return row === null ? undefined : certificateOf(row);
  }

  /** Of a client certificate. */
  async getWithKey(id: string): Promise<(Certificate & { privateKeySealed: string }) | undefined> {
    const row = await this.#db
      .prepare(`SELECT ${COLUMNS}, private_key_sealed FROM certificates WHERE id = ?1`)
      .bind(id)
      .first<CertificateRow & { private_key_sealed: string | null }>();
    if (row === null || row.private_key_sealed === null) return undefined;
    return { ...certificateOf(row), privateKeySealed: row.private_key_sealed };
  }

  /** Only those with that name, or of that kind, where one is given. */
  async list(only: { name?: string | undefined; isCa?: boolean | undefined }): Promise<Certificate[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT ${COLUMNS} FROM certificates
         WHERE (?1 IS NULL OR name = ?1) AND (?2 IS NULL OR is_ca = ?2) ORDER BY uploaded_on, id`,
      )
      .bind(only.name ?? null, only.isCa === undefined ? null : Number(only.isCa))
      .all<CertificateRow>();
    return results.map(certificateOf);
  }

  /** Not while a config names it. */
  async remove(id: string): Promise<'removed' | 'in use' | 'not found'> {
    const { meta } = await this.#db
      .prepare(
        `DELETE FROM certificates WHERE id = ?1
         AND NOT EXISTS (SELECT id FROM configs WHERE ca_certificate_id = ?1 OR mtls_certificate_id = ?1)`,
      )
      .bind(id)
      .run();
    if (meta.changes > 0) return 'removed';
    return (await this.get(id)) === undefined ? 'not found' : 'in use';
  }
}

interface CertificateRow {
  id: string;
  name: string | null;
  is_ca: number;
  certificates: string;
  issuer: string;
  serial_number: string;
  expires_on: string;
  uploaded_on: string;
}

function certificateOf(row: CertificateRow): Certificate {
  return {
    id: row.id,
    name: row.name ?? undefined,
    isCa: row.is_ca !== 0,
    certificates: row.certificates,
    issuer: row.issuer,
    serialNumber: row.serial_number,
    expiresOn: row.expires_on,
    uploadedOn: row.uploaded_on,
  };
}
