/** Logs in to an origin: whatever leads there, TLS where the protocol's first words lead to it, and the login. */
import { PoolerError } from '../errors.ts';
import type { OriginFacts, OriginLogin, OriginSession, OriginStep } from '../protocols/contract.ts';
import type { ByteStream, OpenStream, Transport } from '../transport/byte-stream.ts';
import { withDeadline } from '../transport/deadline.ts';
import { refusal } from '../transport/refusal.ts';

export interface Dialed {
  stream: ByteStream;
  session: OriginSession;
  facts: OriginFacts;
  isSecure: boolean;
}

type StartTls = Extract<OriginStep, { step: 'startTls' }>;

interface Call {
  transport: Transport;
  login: OriginLogin;
  timeoutMs: number;
}

/** Throws a PoolerError of the origin's, with Hyperdrive's code for the API. */
export async function dial(call: Call): Promise<Dialed> {
  const attempt = new Attempt();
  try {
    const late = (): PoolerError => refusal('timeout', `no answer in ${call.timeoutMs} ms`);
    return await withDeadline(attempt.run(call), call.timeoutMs, late);
  } catch (cause) {
    attempt.giveUp();
    throw cause instanceof PoolerError ? cause : refusal('connection_lost', 'the connection broke', cause);
  }
}

/** Says something on a connection of its own and waits until the origin closes it, as a cancel request needs. */
export async function deliver(call: Call): Promise<void> {
  const attempt = new Attempt();
  try {
    const late = (): PoolerError => refusal('timeout', 'a cancel request was not taken');
    await withDeadline(attempt.run(call), call.timeoutMs, late);
  } catch {
    // The origin closes without a word, whether it cancelled something or not: there is nothing to learn.
  } finally {
    attempt.giveUp();
  }
}

class Attempt {
  readonly #abort = new AbortController();
  #stream: ByteStream | undefined;

  async run({ transport, login }: Call): Promise<Dialed> {
    const opened = await transport.open(this.#abort.signal);
    let stream = this.#keep(opened.stream);
    let isSecure = false;
    await say(stream, login.begin());
    for (;;) {
      const step = login.receive(await read(stream));
      switch (step.step) {
        case 'read':
          await say(stream, step.send);
          break;
        case 'startTls':
          await say(stream, step.send);
          stream = await this.#secure(opened, step);
          isSecure = true;
          break;
        case 'failed':
          throw step.error;
        case 'ready':
          return { stream, session: step.session, facts: step.facts, isSecure };
      }
    }
  }

  async #secure(opened: OpenStream, { secured }: StartTls): Promise<ByteStream> {
    const stream = this.#keep(await opened.secure());
    await stream.write(secured(stream.endPoint));
    return stream;
  }

  giveUp(): void {
    this.#abort.abort();
    this.#stream?.close();
  }

  /** Nobody waits any more: then it is closed at once. */
  #keep<S extends ByteStream>(stream: S): S {
    this.#stream = stream;
    if (this.#abort.signal.aborted) stream.close();
    return stream;
  }
}

/** A server that speaks first hears nothing until then. */
async function say(stream: ByteStream, bytes: Uint8Array): Promise<void> {
  if (bytes.length > 0) await stream.write(bytes);
}

async function read(stream: ByteStream): Promise<Uint8Array> {
  const { value, done } = await stream.read();
  if (done || !value)
    throw new PoolerError('Server return error and closed connection.', {
      fault: 'origin',
      sqlState: '08006',
      apiCode: 2015,
    });
  return value.slice();
}
