/** Somebody in between: ends the TLS of whoever comes with a certificate of his own, and speaks TLS onward. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, TLSSocket } from 'node:tls';
import type { Certified } from './authority.ts';

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

export async function startBetween(
  databasePort: number,
  { certificate, key }: Certified,
): Promise<{ port: number; stop: () => void }> {
  const sockets = new Set<Socket>();
  const server = createServer((driver) => {
    const database = connect(databasePort, '127.0.0.1');
    for (const socket of [driver, database]) sockets.add(socket.on('error', () => {}));
    database.write(SSL_REQUEST);
    driver.once('data', () =>
      database.once('data', (answer) => {
        driver.write(answer);
        const near = new TLSSocket(driver, {
          isServer: true,
          secureContext: createSecureContext({ cert: certificate, key }),
        });
        const far = connectTls({ socket: database, rejectUnauthorized: false });
        for (const socket of [near, far]) socket.on('error', () => {});
        near.pipe(far).pipe(near);
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
