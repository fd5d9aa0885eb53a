/** TLS of our own behind the same interface as the runtime's. Its code is loaded when it is first needed. */
import type { Transport } from './byte-stream.ts';

export interface OwnTlsOptions {
  /** Told to the server (SNI). */
  host: string;
  /** PEM. Undefined: any certificate will do. */
  authorities: string | undefined;
  isHostChecked: boolean;
  /** PEM: a certificate with the chain behind it, and its key. */
  client?: { certificates: string; key: string } | undefined;
}

export function withOwnTls(way: Transport, options: OwnTlsOptions): Transport {
  return {
    async open(signal) {
      const { stream } = await way.open(signal);
      return {
        stream,
        secure: async () => (await import('./tls-client.ts')).startTls(stream, options),
      };
    },
  };
}
