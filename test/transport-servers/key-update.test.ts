/** Keys that OpenSSL renews in the middle of a conversation and asks us to renew (RFC 8446, section 4.6.3). */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createPrivateKey, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { makeTemporaryFolder, type TemporaryFolder } from '../../src/cli/leftovers.ts';
import { findFreePort } from '../../src/cli/ports.ts';
import { clientHandshake } from '../../src/transport/tls/client-handshake.ts';
import { TlsConnection } from '../../src/transport/tls/connection.ts';
import { certificatesOf } from '../../src/transport/tls/pem.ts';
import { serverHandshake } from '../../src/transport/tls/server-handshake.ts';
import { CertificateMaker, type Certified } from '../fakes/authority.ts';
import { until } from '../fakes/caching.ts';

/** A command of both programs: a new key for what they say, and may they have one for what we say. */
const RENEW = 'K\n';
/** What s_client and s_server print of it. */
const RENEWED = /KEYUPDATE|SSL_do_handshake -> 1/g;

let maker: CertificateMaker;
let certified: Certified;
let folder: TemporaryFolder;
let program: OpenSsl | undefined;

beforeAll(async () => {
  maker = await CertificateMaker.open();
  certified = await maker.make({ name: 'server', alternatives: 'DNS:localhost' });
  folder = await makeTemporaryFolder('warmpool-key-update');
});

afterAll(async () => {
  program?.stop();
  await folder.remove();
  await maker.stop();
});

test('we are the server', async () => {
  const certificate = { chain: certificatesOf(certified.certificate), key: createPrivateKey(certified.key) };
  const options = { certificate, random: randomBytes(32), protocol: undefined, isProtocolNeeded: false };
  const connection = new TlsConnection((channel) => serverHandshake(channel, options));
  const listener = createServer((socket) => converse(socket, connection, { isEcho: true }));
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const { port } = listener.address() as AddressInfo;
  program = new OpenSsl(['s_client', '-connect', `127.0.0.1:${port}`]);
  await program.hears('Verify return code');
  for (const words of ['first', 'second', 'third']) {
    await program.says(RENEW);
    await program.says(`${words}\n`);
    await program.hears(words);
  }
  program.stop();
  listener.close();
});

test('we are the client', async () => {
  const pem = join(folder.path, 'server.pem');
  await writeFile(pem, certified.certificate + certified.key);
  const port = await findFreePort();
  program = new OpenSsl(['s_server', '-cert', pem, '-accept', `127.0.0.1:${port}`]);
  await program.hears('ACCEPT');
  const options = { host: 'localhost', random: randomBytes(32), checkServer: () => {} };
  const connection = new TlsConnection((channel) => clientHandshake(channel, options));
  const talk = converse(connect(port, '127.0.0.1'), connection, { isEcho: false });
  await program.hears('CIPHER is');
  for (const words of ['first', 'second', 'third']) {
    await program.says(RENEW);
    await program.says(`${words}\n`);
    await until(async () => talk.heard.includes(words));
    await talk.say(`we heard ${words}\n`);
    await program.hears(`we heard ${words}`);
  }
  program.stop();
});

class OpenSsl {
  readonly #process: ChildProcessWithoutNullStreams;
  #heard = '';

  constructor(args: string[]) {
    // It would keep some of what it prints to itself.
    this.#process = spawn('stdbuf', ['-oL', 'openssl', ...args]);
    const hear = (bytes: Buffer): void => {
      this.#heard += bytes.toString();
    };
    this.#process.stdout.on('data', hear);
    this.#process.stderr.on('data', hear);
  }

  /** A command must be what it reads at once. */
  async says(words: string): Promise<void> {
    const before = this.#renewals;
    this.#process.stdin.write(words);
    if (words === RENEW) await until(async () => this.#renewals > before);
  }

  get #renewals(): number {
    return this.#heard.match(RENEWED)?.length ?? 0;
  }

  hears(words: string): Promise<void> {
    return until(async () => this.#heard.includes(words));
  }

  stop(): void {
    this.#process.kill();
  }
}

interface Talk {
  heard: string;
  say(words: string): Promise<void>;
}

/** Over TCP, until the other side leaves. */
function converse(socket: Socket, connection: TlsConnection, { isEcho }: { isEcho: boolean }): Talk {
  const flush = async (): Promise<void> => {
    socket.write(await connection.takeOutbox());
  };
  const talk = {
    heard: '',
    async say(words: string): Promise<void> {
      connection.say(Buffer.from(words));
      await flush();
    },
  };
  const listen = async (): Promise<void> => {
    await flush();
    for await (const bytes of socket) {
      for (const said of await connection.receive(new Uint8Array(bytes))) {
        talk.heard += Buffer.from(said).toString();
        if (isEcho) connection.say(said);
      }
      await flush();
    }
  };
  listen().catch((cause) => {
    talk.heard += String(cause);
  });
  return talk;
}
