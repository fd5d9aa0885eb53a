/**
 * More edges for one Warmpool: Workers of the same code beside it in the same process, each an isolate with memory
 * of its own and a port of its own. The Durable Objects are the first Worker's, D1 and the Cache API are everybody's,
 * as in a data centre. `wrangler dev` does all that by itself when it is given several configs.
 */
import { join } from 'node:path';
import { findFreePort, isPortOpen, waitUntil } from '../../src/cli/ports.ts';
import { type WranglerConfig, writeConfig } from '../../src/cli/wrangler-dev.ts';

const READY_WAIT_MS = 20_000;

export class Edges {
  readonly ports: readonly number[];
  readonly #folder: string;
  readonly #protocol: string;

  private constructor(options: { ports: readonly number[]; folder: string; protocol: string }) {
    this.ports = options.ports;
    this.#folder = options.folder;
    this.#protocol = options.protocol;
  }

  /** `protocol`: of the drivers that they listen for. */
  static async prepare(options: { count: number; folder: string; protocol: string }): Promise<Edges> {
    const ports = await Promise.all(Array.from({ length: options.count }, findFreePort));
    return new Edges({ ...options, ports });
  }

  /** Paths of the configs. Wrangler reads secrets beside each, so each has a folder. */
  writeConfigs({
    config,
    secrets,
  }: {
    config: WranglerConfig;
    secrets: Record<string, string>;
  }): Promise<string[]> {
    return Promise.all(
      this.ports.map((port, index) => {
        const name = `${config.name}-edge-${index + 2}`;
        return writeConfig({
          config: edgeConfig(config, { name, port, protocol: this.#protocol }),
          folder: join(this.#folder, name),
          secrets,
        });
      }),
    );
  }

  async ready(): Promise<void> {
    for (const port of this.ports) {
      const isOpen = await waitUntil({
        isReady: () => isPortOpen(port),
        isHopeless: () => false,
        waitMs: READY_WAIT_MS,
      });
      if (!isOpen) throw new Error(`An edge does not accept on port ${port}.`);
    }
  }

  /** A connection string of the first edge, led through each of these. */
  urlsOf(pooled: string): string[] {
    return this.ports.map((port) => {
      const url = new URL(pooled);
      url.port = String(port);
      return url.href;
    });
  }
}

function edgeConfig(
  config: WranglerConfig,
  edge: { name: string; port: number; protocol: string },
): WranglerConfig {
  const objects = config['durable_objects'] as { bindings: Record<string, string>[] };
  return {
    ...config,
    name: edge.name,
    // Who has no classes of its own migrates none.
    migrations: undefined,
    durable_objects: { bindings: objects.bindings.map((one) => ({ ...one, script_name: config.name })) },
    vars: { ...config.vars, LISTENERS: JSON.stringify({ [edge.port]: edge.protocol }) },
    connect: [{ protocol: 'tcp', port: edge.port, address: '127.0.0.1' }],
  };
}
