/** A driver that says whatever bytes it is told to, and hears what comes back. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Message {
  type: string;
  body: Buffer;
}

/** What was heard until the other side closed. */
export interface Answer {
  bytes: Buffer;
  messages: Message[];
  /** The SQLSTATE of each ErrorResponse, in order. */
  sqlStates: string[];
  /** The message of the last one. */
  text: string;
  tookMs: number;
}

export class Wire {
  readonly socket: Socket;
  #heard: Buffer = Buffer.alloc(0);
  readonly #beganAt = performance.now();
  readonly #closed: Promise<void>;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#heard = Buffer.concat([this.#heard, chunk]);
    });
    socket.on('error', () => {}); // A reset is a way to close; what was heard before it counts.
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static async open(port: number): Promise<Wire> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new Wire(socket);
  }

  get heard(): Buffer {
    return this.#heard;
  }

  send(...parts: Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** Never a hang: throws when the other side has not closed in time. */
  async answer(waitMs: number): Promise<Answer> {
    await within(this.#closed, waitMs, 'a close');
    const messages = messagesOf(this.#heard);
    const errors = messages.filter(({ type }) => type === 'E').map(({ body }) => fieldsOf(body));
    return {
      bytes: this.#heard,
      messages,
      sqlStates: errors.map((fields) => fields.get('C') ?? ''),
      text: errors.at(-1)?.get('M') ?? '',
      tookMs: performance.now() - this.#beganAt,
    };
  }

  /** Waits until what was heard says enough. */
  async hear(isEnough: (heard: Buffer) => boolean, waitMs: number): Promise<void> {
    const { promise: heard, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (isEnough(this.#heard)) resolve();
    };
    this.socket.on('data', look);
    look();
    await within(heard, waitMs, 'an answer').finally(() => this.socket.off('data', look));
  }
}

async function within<T>(work: Promise<T>, waitMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} in ${waitMs} ms`)), waitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whole messages with a type byte, from the beginning. */
export function messagesOf(bytes: Buffer): Message[] {
  const found: Message[] = [];
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 1 + bytes.readInt32BE(at + 1);
    if (end > bytes.length) break;
    found.push({ type: String.fromCharCode(bytes[at] ?? 0), body: bytes.subarray(at + 5, end) });
    at = end;
  }
  return found;
}

function fieldsOf(body: Buffer): Map<string, string> {
  const fields = body.toString().split('\0').filter(Boolean);
  return new Map(fields.map((field) => [field.slice(0, 1), field.slice(1)]));
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** A message without a type byte. */
export function packet(...parts: (Uint8Array | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([int32(body.length + 4), body]);
}

export function message(type: string, ...parts: (Uint8Array | string)[]): Buffer {
  return Buffer.concat([Buffer.from(type), packet(...parts)]);
}

/** `pairs`: name, value, name, value. */
export function startup(version: number, pairs: Record<string, string>): Buffer {
  const text = Object.entries(pairs)
    .map(([name, value]) => `${name}\0${value}\0`)
    .join('');
  return packet(int32(version), `${text}\0`);
}
