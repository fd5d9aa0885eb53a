/** The way to a Workers VPC service, or to whatever else is bound under its name and has a `connect()`. */
import type { Transport } from './byte-stream.ts';
import { refusal } from './refusal.ts';
import { TcpStream } from './tcp-stream.ts';

export interface ServiceOptions {
  /** As the config has it. */
  serviceId: string;
  port: number;
  /** All bindings of the Worker. */
  bindings: object;
}

/** Where a service leads is set on it, so the name says nothing. */
const HOST = 'service.internal';

export function service({ serviceId, port, bindings }: ServiceOptions): Transport {
  return {
    async open(signal) {
      const name = bindingNameOf(serviceId);
      const binding: unknown = Object.entries(bindings).find(([bound]) => bound === name)?.[1];
      if (!isConnectable(binding))
        throw refusal(
          'no_such_service',
          `no binding ${name}: bind the VPC service ${serviceId} under this name`,
        );
      const socket = binding.connect({ hostname: HOST, port }, { allowHalfOpen: false });
      const stream = new TcpStream(socket);
      signal.addEventListener('abort', () => stream.close(), { once: true });
      try {
        await socket.opened;
      } catch (cause) {
        throw refusal('connection_refused', `the service ${serviceId} does not connect`, cause);
      }
      return { stream, secure: async () => stream };
    },
  };
}

/** `VPC_` and the id, with underscores for what a binding's name may not hold. */
export function bindingNameOf(serviceId: string): string {
  return `VPC_${serviceId.replace(/\W/g, '_')}`;
}

function isConnectable(binding: unknown): binding is Pick<Fetcher, 'connect'> {
  return typeof (binding as Partial<Fetcher> | undefined)?.connect === 'function';
}
