/**
 * The packets of a login, as both roles need them.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets.html
 * https://mariadb.com/kb/en/connection/#initial-handshake-packet
 */
import { join } from '../bytes/join.ts';
import { Capability, hasFlag } from './capabilities.ts';
import { PacketReader } from './packet-reader.ts';
import { int1, int2, int4, lenencBytes, lenencText, nulText, Reply } from './packets.ts';

export const PROTOCOL_VERSION = 10;

/** Without the zero byte that ends it on the wire. */
export const NONCE_BYTES = 20;
const NONCE_PART_1_BYTES = 8;
/** Says how long the nonce is, with its zero byte. */
const NONCE_LENGTH = NONCE_BYTES + 1;

export interface Greeting {
  serverVersion: string;
  connectionId: number;
  nonce: Uint8Array;
  capabilities: number;
  /** MariaDB's; 0 in a MySQL. */
  extended: number;
  collation: number;
  status: number;
  plugin: string;
}

export interface HandshakeResponse {
  capabilities: number;
  extended: number;
  collation: number;
  user: string;
  authResponse: Uint8Array;
  database: string;
  /** Empty where the driver has no PLUGIN_AUTH. */
  plugin: string;
}

export interface AuthSwitch {
  plugin: string;
  /** As it came: most plugins have 20 bytes and a zero byte that is no part of it, MariaDB's others 32. */
  nonce: Uint8Array;
}

export function encodeGreeting(greeting: Greeting): Uint8Array {
  const { capabilities, nonce } = greeting;
  return join([
    int1(PROTOCOL_VERSION),
    nulText(greeting.serverVersion),
    int4(greeting.connectionId),
    nonce.subarray(0, NONCE_PART_1_BYTES),
    int1(0),
    int2(capabilities),
    int1(greeting.collation),
    int2(greeting.status),
    int2(capabilities >>> 16),
    int1(NONCE_LENGTH),
    new Uint8Array(6),
    int4(greeting.extended),
    nonce.subarray(NONCE_PART_1_BYTES),
    int1(0),
    nulText(greeting.plugin),
  ]);
}

/** Undefined: of another protocol version, or too old to have authentication plugins and 4.1's passwords. */
export function decodeGreeting(payload: Uint8Array): Greeting | undefined {
  const reader = new PacketReader(payload, 'origin');
  if (reader.int1() !== PROTOCOL_VERSION) return undefined;
  const serverVersion = reader.nulText();
  const connectionId = reader.int4();
  const nonce = reader.bytes(NONCE_PART_1_BYTES);
  reader.int1();
  const lower = reader.int2();
  if (reader.remaining === 0) return undefined;
  const collation = reader.int1();
  const status = reader.int2();
  const capabilities = (lower | (reader.int2() << 16)) >>> 0;
  const nonceLength = reader.int1();
  reader.bytes(6);
  const extension = reader.int4();
  const extended = hasFlag(capabilities, Capability.LONG_PASSWORD) ? 0 : extension;
  if (!hasFlag(capabilities, Capability.PROTOCOL_41)) return undefined;
  // The manual: at least 13 bytes, the last of which is zero.
  const rest = reader.bytes(Math.max(13, nonceLength - NONCE_PART_1_BYTES));
  const hasPlugin = hasFlag(capabilities, Capability.PLUGIN_AUTH);
  const plugin = hasPlugin ? reader.nulTextOrRest() : 'mysql_native_password';
  const whole = join([nonce, rest.subarray(0, NONCE_BYTES - NONCE_PART_1_BYTES)]);
  return { serverVersion, connectionId, nonce: whole, capabilities, extended, collation, status, plugin };
}

export interface ResponseToEncode extends HandshakeResponse {
  packetBytesMax: number;
  attributes: Record<string, string>;
}

/** Database, plugin and attributes are written where the capabilities say so. */
export function encodeHandshakeResponse(response: ResponseToEncode): Uint8Array {
  const { capabilities, authResponse } = response;
  const has = (flag: number): boolean => hasFlag(capabilities, flag);
  const isLenenc = has(Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA);
  return join([
    responseHead(response),
    nulText(response.user),
    isLenenc ? lenencBytes(authResponse) : join([int1(authResponse.length), authResponse]),
    ...(has(Capability.CONNECT_WITH_DB) ? [nulText(response.database)] : []),
    ...(has(Capability.PLUGIN_AUTH) ? [nulText(response.plugin)] : []),
    ...(has(Capability.CONNECT_ATTRS) ? [encodeAttributes(response.attributes)] : []),
  ]);
}

/** The same beginning alone, with SSL in its capabilities: TLS shall begin behind it. */
export function encodeSslRequest(response: ResponseToEncode): Uint8Array {
  return responseHead({ ...response, capabilities: (response.capabilities | Capability.SSL) >>> 0 });
}

function responseHead(response: ResponseToEncode): Uint8Array {
  return join([
    int4(response.capabilities),
    int4(response.packetBytesMax),
    int1(response.collation),
    new Uint8Array(19),
    int4(response.extended),
  ]);
}

function encodeAttributes(attributes: Record<string, string>): Uint8Array {
  return lenencBytes(join(Object.entries(attributes).flat().map(lenencText)));
}

export type FirstPacket =
  | { kind: 'HandshakeResponse'; response: HandshakeResponse }
  | { kind: 'SSLRequest' }
  /** From before 4.1, or with passwords from before it. */
  | { kind: 'too old' };

/** Capabilities, largest packet, collation and filler: all of an SSLRequest. */
const HEAD_BYTES = 32;

export function decodeFirstPacket(payload: Uint8Array): FirstPacket {
  const reader = new PacketReader(payload, 'driver');
  // A driver from before 4.1 sends two bytes of capabilities only.
  if (!hasFlag(new PacketReader(payload, 'driver').int2(), Capability.PROTOCOL_41))
    return { kind: 'too old' };
  const capabilities = reader.int4();
  if (!hasFlag(capabilities, Capability.SECURE_CONNECTION)) return { kind: 'too old' };
  if (hasFlag(capabilities, Capability.SSL) && payload.length === HEAD_BYTES) return { kind: 'SSLRequest' };
  reader.int4(); // the largest packet that the driver takes
  const collation = reader.int1();
  reader.bytes(19);
  const extension = reader.int4();
  const extended = hasFlag(capabilities, Capability.LONG_PASSWORD) ? 0 : extension;
  const user = reader.nulText();
  const isLenenc = hasFlag(capabilities, Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA);
  const authResponse = isLenenc ? reader.lenencBytes() : reader.bytes(reader.int1());
  const hasDatabase = hasFlag(capabilities, Capability.CONNECT_WITH_DB);
  const database = hasDatabase ? reader.nulTextOrRest() : '';
  const plugin = hasFlag(capabilities, Capability.PLUGIN_AUTH) ? reader.nulTextOrRest() : '';
  // Attributes follow, which mean something to people only.
  const response = { capabilities, extended, collation, user, authResponse, database, plugin };
  return { kind: 'HandshakeResponse', response };
}

export function encodeAuthSwitch({ plugin, nonce }: AuthSwitch): Uint8Array {
  return join([int1(Reply.EOF), nulText(plugin), nonce, int1(0)]);
}

/** Undefined: the old one of a single byte, which asks for a password from before 4.1. */
export function decodeAuthSwitch(payload: Uint8Array): AuthSwitch | undefined {
  if (payload.length === 1) return undefined;
  const reader = new PacketReader(payload, 'origin');
  reader.int1();
  return { plugin: reader.nulText(), nonce: reader.rest() };
}
