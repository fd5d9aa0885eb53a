/** TLS for MariaDB 10.11, which, unlike MySQL, makes no certificate by itself: it gets MySQL's. */
import { join } from 'node:path';
import { installMySql } from '../../src/demo/mysql-installation.ts';

/** For `settings` of `startMySqlServer`. */
export async function mariaDbTlsSettings(): Promise<Record<string, string>> {
  const { data } = await installMySql('mysql');
  return {
    'ssl-ca': join(data, 'ca.pem'),
    'ssl-cert': join(data, 'server-cert.pem'),
    'ssl-key': join(data, 'server-key.pem'),
  };
}
