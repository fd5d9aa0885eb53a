/** Certificates as files have them (RFC 7468). */
import { X509Certificate } from 'node:crypto';

/** DER, in the order of the text. Throws where one is damaged. */
export function certificatesOf(pem: string): Uint8Array[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block).raw);
}
