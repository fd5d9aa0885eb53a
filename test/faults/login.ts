/** A login by hand (SCRAM-SHA-256, RFC 5802), for tests that need their own startup packet and then the bare wire. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { int32, message, messagesOf, startup, Wire } from './wire.ts';

const WAIT_MS = 10_000;
const PROTOCOL_3_0 = 0x30000;

export interface Login {
  /** A connection string of a target. */
  url: string;
  version?: number;
  /** More pairs of the startup packet. */
  pairs?: Record<string, string>;
}

/** Resolves when ReadyForQuery was heard, or the other side refused. */
export async function logIn({ url, version = PROTOCOL_3_0, pairs = {} }: Login): Promise<Wire> {
  const { username, password, pathname, port } = new URL(url);
  const wire = await Wire.open(Number(port));
  wire.send(startup(version, { user: username, database: pathname.slice(1), ...pairs }));
  await wire.hear((heard) => messagesOf(heard).some(({ type }) => type === 'R' || type === 'E'), WAIT_MS);
  const nonce = randomBytes(18).toString('base64');
  const clientFirst = `n=,r=${nonce}`;
  wire.send(message('p', 'SCRAM-SHA-256\0', int32(clientFirst.length + 3), `n,,${clientFirst}`));
  await wire.hear((heard) => authentication(heard, 11) !== undefined, WAIT_MS);
  const serverFirst = authentication(wire.heard, 11) ?? '';
  wire.send(message('p', clientFinal({ password: decodeURIComponent(password), clientFirst, serverFirst })));
  await wire.hear((heard) => messagesOf(heard).some(({ type }) => type === 'Z' || type === 'E'), WAIT_MS);
  return wire;
}

function clientFinal(given: { password: string; clientFirst: string; serverFirst: string }): string {
  const { password, clientFirst, serverFirst } = given;
  const [, nonce = '', salt = '', rounds = ''] = /^r=(.*),s=(.*),i=(\d+)$/.exec(serverFirst) ?? [];
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(rounds), 32, 'sha256');
  const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const clientKey = hmac(salted, 'Client Key');
  const storedKey = createHash('sha256').update(clientKey).digest();
  const withoutProof = `c=biws,r=${nonce}`;
  const signature = hmac(storedKey, `${clientFirst},${serverFirst},${withoutProof}`);
  const proof = clientKey.map((byte, at) => byte ^ (signature[at] ?? 0));
  return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`;
}

/** The text of an Authentication message of that kind. */
function authentication(heard: Buffer, kind: number): string | undefined {
  return messagesOf(heard)
    .find(({ type, body }) => type === 'R' && body.readInt32BE(0) === kind)
    ?.body.subarray(4)
    .toString();
}
