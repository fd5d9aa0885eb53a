import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { findFreePort, requireFreePort } from '../../src/cli/ports.ts';

describe('ports', () => {
  test('a busy port is named with its holder and the option that chooses another', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const holder = process.platform === 'linux' ? `by .+, pid ${process.pid}` : 'by another program';
    await expect(requireFreePort(port, '--postgres-port')).rejects.toThrow(
      new RegExp(
        `^Port ${port} is in use \\(${holder}\\); stop that program or choose another with --postgres-port$`,
      ),
    );
    server.close();
  });

  test('a free port passes', async () => {
    await requireFreePort(await findFreePort(), '--port');
  });
});
