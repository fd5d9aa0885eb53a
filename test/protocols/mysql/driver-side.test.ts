import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { PoolerError } from '../../../src/errors.ts';
import type { OriginFacts } from '../../../src/protocols/contract.ts';
import type { DriverStep, Identity } from '../../../src/protocols/driver-login.ts';
import { Capability } from '../../../src/protocols/mysql/capabilities.ts';
import { DriverHandshakeMachine } from '../../../src/protocols/mysql/driver-side.ts';
import { decodeErr } from '../../../src/protocols/mysql/errors.ts';
import { decodeGreeting } from '../../../src/protocols/mysql/handshake.ts';
import { int4, packet } from '../../../src/protocols/mysql/packets.ts';
import { encodeVerifier } from '../../../src/protocols/mysql/verifier.ts';
import { COUNTING, cuttings, wire } from '../postgres/wire.ts';

const MYSQL: OriginFacts = {
  serverVersion: '9.7.4',
  parameters: {
    'greeting.capabilities': String(0xdfff_ffff),
    'greeting.extended': '0',
    'greeting.collation': '255',
    'greeting.status': '2',
  },
};

const MARIADB: OriginFacts = {
  serverVersion: '10.11.6-MariaDB-0+deb12u1',
  parameters: {
    'greeting.capabilities': String(0x81ff_f7fe),
    'greeting.extended': String(0x1d),
    'greeting.collation': '45',
    'greeting.status': '2',
  },
};

const TOKEN = 'wp_secret';
const IDENTITY: Identity = {
  facts: MYSQL,
  database: 'shop',
  cancelRoute: 1,
  verifier: encodeVerifier(TOKEN),
};

/** 33, 34, ...: what becomes of 0, 1, ... as a nonce; that of AuthSwitchRequest begins at 20. */
const NONCE = wire('!"#$%&\'()*+,-./01234');
const NONCE_OF_SWITCH = wire('56789:;<=>?@ABCDEFGH');

/** What mysql2 says. */
const FLAGS =
  Capability.LONG_PASSWORD |
  Capability.FOUND_ROWS |
  Capability.CONNECT_WITH_DB |
  Capability.PROTOCOL_41 |
  Capability.SECURE_CONNECTION |
  Capability.PLUGIN_AUTH |
  Capability.CONNECT_ATTRS |
  Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA |
  Capability.DEPRECATE_EOF;

function machine(
  options: { passwordNeeded?: boolean; offersTls?: boolean; facts?: OriginFacts | undefined } = {},
): DriverHandshakeMachine {
  const { passwordNeeded = true, offersTls = false, facts = MYSQL } = options;
  const handshake = new DriverHandshakeMachine({
    passwordNeeded,
    offersTls,
    random: COUNTING,
    decoySecret: wire('decoy'),
  });
  handshake.begin('facts' in options ? options.facts : facts);
  return handshake;
}

function response(parts: {
  flags?: number;
  auth: Uint8Array;
  plugin?: string;
  extended?: number;
  database?: string;
}): Uint8Array {
  return packet(
    1,
    int4(parts.flags ?? FLAGS), // capabilities
    int4(0), // largest packet
    wire([224]), // collation
    new Uint8Array(19), // filler
    int4(parts.extended ?? 0), // MariaDB's capabilities
    wire('app\0'), // user
    wire([parts.auth.length], parts.auth),
    wire(`${parts.database ?? 'shop'}\0`),
    wire(`${parts.plugin ?? 'caching_sha2_password'}\0`),
    wire([11], [5], '_name', [4], 'test'), // connect attributes
  );
}

function sha(algorithm: 'sha1' | 'sha256', ...parts: Uint8Array[]): Uint8Array {
  return createHash(algorithm)
    .update(wire(...parts))
    .digest();
}

function cachingProof(nonce = NONCE, token = TOKEN): Uint8Array {
  const once = sha('sha256', wire(token));
  const mask = sha('sha256', sha('sha256', once), nonce);
  return once.map((byte, at) => byte ^ (mask[at] ?? 0));
}

function nativeProof(nonce = NONCE, token = TOKEN): Uint8Array {
  const once = sha('sha1', wire(token));
  const mask = sha('sha1', nonce, sha('sha1', once));
  return once.map((byte, at) => byte ^ (mask[at] ?? 0));
}

/** Feeds chunks until something other than `read` comes; `sent` is all that was said on the way. */
function feed(handshake: DriverHandshakeMachine, chunks: readonly Uint8Array[]): DriverStep {
  let step: DriverStep = { step: 'read', send: wire() };
  for (const chunk of chunks) step = handshake.receive(chunk);
  return step;
}

function errorOf(step: DriverStep): { sequence: number; errno: number; sqlState: string; message: string } {
  if (step.step !== 'close') throw new Error(`not closed but ${step.step}`);
  return { sequence: step.send[3] ?? -1, ...decodeErr(step.send.subarray(4)) };
}

test('the greeting has the version, the collation and the capabilities of the origin, without TLS and compression', () => {
  const handshake = new DriverHandshakeMachine({
    passwordNeeded: true,
    offersTls: false,
    random: COUNTING,
    decoySecret: wire(),
  });
  expect(handshake.begin(MYSQL)).toEqual({
    step: 'read',
    send: wire(
      [73, 0, 0, 0], // length, sequence number
      [10], // protocol version
      '9.7.4\0', // server version
      [40, 41, 42, 43], // connection id
      NONCE.subarray(0, 8),
      [0], // filler
      [0xcf, 0xf7], // capabilities: all lower ones but NO_SCHEMA, COMPRESS and SSL
      [255], // collation
      [2, 0], // status: autocommit
      [0xbf, 0x0b], // upper capabilities
      [21], // length of the nonce
      [0, 0, 0, 0, 0, 0], // reserved
      [0, 0, 0, 0], // MariaDB's capabilities
      NONCE.subarray(8),
      [0],
      'caching_sha2_password\0',
    ),
  });
});

test('a MariaDB is greeted for as one: its extended capabilities, and the plugin that all its clients have', () => {
  const handshake = new DriverHandshakeMachine({
    passwordNeeded: true,
    offersTls: false,
    random: COUNTING,
    decoySecret: wire(),
  });
  const step = handshake.begin(MARIADB);
  if (step.step !== 'read') throw new Error(step.step);
  const behindVersion = 5 + MARIADB.serverVersion.length + 1;
  expect(step.send.subarray(behindVersion + 13, behindVersion + 15)).toEqual(wire([0xce, 0xf7])); // not LONG_PASSWORD
  expect(step.send.subarray(behindVersion + 27, behindVersion + 31)).toEqual(wire([0x0c, 0, 0, 0])); // not PROGRESS, not CACHE_METADATA
  expect(new TextDecoder().decode(step.send)).toMatch(/mysql_native_password\0$/);
});

test('caching_sha2_password: whoever knows the token is in, however its bytes are cut', () => {
  const query = wire([9, 0, 0, 0], [3], 'SELECT 1');
  for (const chunks of cuttings(response({ auth: cachingProof() }))) {
    const handshake = machine();
    expect(feed(handshake, chunks)).toEqual({
      step: 'identify',
      send: wire(),
      user: 'app',
      database: 'shop',
    });
    expect(handshake.receive(query)).toEqual({ step: 'read', send: wire() });
    expect(handshake.identified(IDENTITY)).toEqual({
      step: 'accepted',
      send: wire(
        [2, 0, 0, 2], // length, sequence number
        [1, 3], // AuthMoreData: the fast way succeeded
        [7, 0, 0, 3], // length, sequence number
        [0, 0, 0], // OK, no rows, no id
        [2, 0], // status: autocommit
        [0, 0], // warnings
      ),
      opening: {
        user: 'app',
        settings: {},
        parameters: { capabilities: String(FLAGS), extended: '0' },
        cancelKey: '28292a2b',
        dialect: '1000002.0.e0', // DEPRECATE_EOF and FOUND_ROWS, utf8mb4_unicode_ci
      },
      rest: query,
    });
  }
});

test('mysql_native_password needs no switch where the driver began with it', () => {
  const handshake = machine();
  handshake.receive(response({ auth: nativeProof(), plugin: 'mysql_native_password' }));
  expect(handshake.identified(IDENTITY)).toMatchObject({
    step: 'accepted',
    send: wire([7, 0, 0, 2], [0, 0, 0], [2, 0], [0, 0]),
  });
});

test('a driver without PLUGIN_AUTH is asked for nothing but the native way', () => {
  const handshake = machine();
  const flags =
    FLAGS & ~(Capability.PLUGIN_AUTH | Capability.CONNECT_ATTRS | Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA);
  handshake.receive(response({ auth: nativeProof(), flags }));
  expect(handshake.identified(IDENTITY).step).toBe('accepted');
});

test.each([
  {
    facts: MYSQL,
    plugin: 'caching_sha2_password',
    proof: cachingProof(NONCE_OF_SWITCH),
    more: wire([2, 0, 0, 4], [1, 3]),
  },
  { facts: MARIADB, plugin: 'mysql_native_password', proof: nativeProof(NONCE_OF_SWITCH), more: wire() },
])('a driver that begins with another plugin is switched to $plugin', ({ facts, plugin, proof, more }) => {
  for (const chunks of cuttings(packet(3, proof))) {
    const handshake = machine({ facts });
    handshake.receive(response({ auth: wire('whatever'), plugin: 'client_ed25519' }));
    expect(handshake.identified({ ...IDENTITY, facts })).toEqual({
      step: 'read',
      send: packet(2, wire([0xfe], `${plugin}\0`, NONCE_OF_SWITCH, [0])),
    });
    const step = feed(handshake, chunks);
    expect(step).toMatchObject({ step: 'accepted' });
    expect(step.step === 'accepted' && step.send.subarray(0, more.length)).toEqual(more);
  }
});

test.each<[string, Uint8Array, Identity | undefined]>([
  ['a wrong token', cachingProof(NONCE, 'wp_other'), IDENTITY],
  ['no token', wire(), IDENTITY],
  ['a proof that is too short', cachingProof().subarray(1), IDENTITY],
  ['a proof for another nonce', cachingProof(NONCE_OF_SWITCH), IDENTITY],
  [
    'a user whom the config does not have',
    cachingProof(),
    { facts: MYSQL, database: 'shop', cancelRoute: 1 },
  ],
  ['a config that there is not', cachingProof(), undefined],
  ['a verifier of another protocol', cachingProof(), { ...IDENTITY, verifier: 'SCRAM-SHA-256$4096:x' }],
])('%s is access denied, in the same words', (_, auth, identity) => {
  const handshake = machine();
  handshake.receive(response({ auth }));
  expect(errorOf(handshake.identified(identity))).toMatchObject({
    sequence: 2,
    errno: 1045,
    sqlState: '28000',
    message: expect.stringMatching(/^Access denied for user 'app' \(using password: (YES|NO)\) \(Check/),
  });
});

test('a driver that has plugins but names none is told which to use', () => {
  const handshake = machine();
  handshake.receive(response({ auth: wire(), plugin: '' }));
  expect(handshake.identified(IDENTITY)).toEqual({
    step: 'read',
    send: packet(2, wire([0xfe], 'caching_sha2_password\0', NONCE_OF_SWITCH, [0])),
  });
});

test('whoever holds a bound capability needs no password, whatever the plugin', () => {
  const handshake = machine({ passwordNeeded: false });
  handshake.receive(response({ auth: wire(), plugin: 'mysql_clear_password' }));
  expect(handshake.identified({ facts: MYSQL, database: 'shop', cancelRoute: 1 })).toMatchObject({
    step: 'accepted',
    send: wire([7, 0, 0, 2], [0, 0, 0], [2, 0], [0, 0]),
  });
  const gone = machine({ passwordNeeded: false });
  gone.receive(response({ auth: wire() }));
  expect(errorOf(gone.identified(undefined))).toMatchObject({
    errno: 1049,
    message: "Unknown database 'shop'",
  });
});

test('what was not offered is not agreed on, and neither is what the driver did not choose', () => {
  const flags = (FLAGS | Capability.COMPRESS | Capability.ZSTD_COMPRESSION | Capability.SESSION_TRACK) >>> 0;
  const handshake = machine();
  handshake.receive(response({ auth: cachingProof(), flags }));
  const step = handshake.identified(IDENTITY);
  const agreed = (FLAGS | Capability.SESSION_TRACK) >>> 0;
  expect(step).toMatchObject({ opening: { parameters: { capabilities: String(agreed) } } });
});

test("MariaDB's extended capabilities are agreed on where the driver says that it has them", () => {
  const handshake = machine({ facts: MARIADB });
  const flags = FLAGS & ~Capability.LONG_PASSWORD;
  handshake.receive(
    response({ auth: nativeProof(), plugin: 'mysql_native_password', flags, extended: 0x0f }),
  );
  const step = handshake.identified({ ...IDENTITY, facts: MARIADB });
  expect(step).toMatchObject({ opening: { dialect: '1000002.c.e0', parameters: { extended: '12' } } });
});

test('a driver that was greeted for nobody gets what any server has, and hears where its own lacks something', () => {
  const old: OriginFacts = {
    ...MYSQL,
    serverVersion: '5.6.51',
    parameters: { ...MYSQL.parameters, 'greeting.capabilities': String(0x00ff_f7ff) },
  };
  const handshake = machine({ facts: undefined });
  handshake.receive(response({ auth: cachingProof(), flags: (FLAGS | Capability.QUERY_ATTRIBUTES) >>> 0 }));
  expect(errorOf(handshake.identified({ ...IDENTITY, facts: old }))).toMatchObject({
    errno: 1043,
    message: expect.stringMatching(/5\.6\.51, lacks capabilities that the driver chose \(0x1000000, 0x0\)/),
  });
});

test('a request for TLS, which was not offered, is refused in words', () => {
  const head = wire(int4((FLAGS | Capability.SSL) >>> 0), int4(0), [45], new Uint8Array(23));
  expect(errorOf(machine().receive(packet(1, head)))).toMatchObject({
    sequence: 2,
    errno: 1043,
    message: expect.stringMatching(/TLS was not offered/),
  });
});

test('a driver from before MySQL 4.1 is told that it is too old', () => {
  const old = packet(1, wire([0x85, 0x24], [0, 0, 0], 'app\0', 'saltsalt\0'));
  expect(errorOf(machine().receive(old))).toMatchObject({ errno: 1251, sqlState: '08004' });
});

test.each<[string, Uint8Array, number]>([
  ['an HTTP request', wire('GET / HTTP/1.1\r\n\r\n'), 1153],
  ['a PostgreSQL startup packet', wire([0, 0, 0, 8], [4, 210, 22, 47]), 1156],
  ['a packet of more than 80 KiB', wire([1, 64, 1, 1]), 1153],
  ['another sequence number', wire([1, 0, 0, 0], [0]), 1156],
  ['an empty packet', wire([0, 0, 0, 1]), 1043],
  ['a response that ends in the middle', packet(1, int4(FLAGS), int4(0)), 1043],
  ['a user without an end', packet(1, int4(FLAGS), new Uint8Array(28), wire('app')), 1043],
  [
    'a proof longer than the packet',
    packet(1, int4(FLAGS), new Uint8Array(28), wire('app\0', [200], 'x')),
    1043,
  ],
])('%s is an error and not a silence', (_, bytes, errno) => {
  expect(errorOf(machine().receive(bytes)).errno).toBe(errno);
});

test('what comes before the login is over has a bound', () => {
  const handshake = machine();
  handshake.receive(response({ auth: cachingProof() }));
  expect(handshake.receive(new Uint8Array(65_536)).step).toBe('read');
  expect(errorOf(handshake.receive(wire([0]))).errno).toBe(1043);
});

test('the login can be refused at any time, with the sequence number that the driver waits for', () => {
  const late = new PoolerError('too late', { fault: 'driver', sqlState: '57014', fatal: true });
  expect(machine().refuse(late)).toEqual(packet(1, wire([0xff], [0x25, 0x05], '#70100', 'too late')));
  const beforeGreeting = new DriverHandshakeMachine({
    passwordNeeded: true,
    offersTls: false,
    random: COUNTING,
    decoySecret: wire(),
  });
  expect(beforeGreeting.refuse(late)[3]).toBe(0);
  const handshake = machine();
  handshake.refuse(late);
  expect(handshake.receive(wire([1, 2, 3]))).toEqual({ step: 'close', send: wire() });
});

/** A request for TLS: the head of a response, with the capability SSL. */
const SSL_REQUEST = packet(1, int4((FLAGS | Capability.SSL) >>> 0), int4(0), wire([224]), new Uint8Array(23));

test('where TLS can begin it is offered; what stands behind the request belongs to it', () => {
  const options = { passwordNeeded: true, random: COUNTING, decoySecret: wire() };
  const [plain, secure] = [false, true].map((offersTls) => {
    const step = new DriverHandshakeMachine({ ...options, offersTls }).begin(MYSQL);
    if (step.step !== 'read') throw new Error('no greeting');
    return decodeGreeting(step.send.subarray(4))?.capabilities;
  });
  expect(secure).toBe(((plain ?? 0) | Capability.SSL) >>> 0);
  const hello = wire([0x16, 3, 1, 0, 5]);
  const handshake = machine({ offersTls: true });
  const step = feed(handshake, [SSL_REQUEST.subarray(0, 9), wire(SSL_REQUEST.subarray(9), hello)]);
  expect(step).toEqual({ step: 'startTls', send: wire(), early: hello, isDirect: false });
});

test('inside of TLS the login goes on with the next number, and the database is told by its own name', () => {
  const handshake = machine({ offersTls: true });
  handshake.receive(SSL_REQUEST);
  const flags = FLAGS | Capability.SSL | Capability.SESSION_TRACK;
  const inside = response({ auth: cachingProof(), flags });
  inside[3] = 2;
  expect(handshake.receive(inside)).toMatchObject({ step: 'identify', user: 'app' });
  expect(handshake.identified({ ...IDENTITY, database: 'test' })).toMatchObject({
    step: 'accepted',
    send: wire(
      [2, 0, 0, 3], // header
      [1, 3], // AuthMoreData: the hash is known
      [16, 0, 0, 4], // header
      [0, 0, 0], // OK, affected rows, insert id
      [2, 0x40], // status: autocommit, SESSION_STATE_CHANGED
      [0, 0], // warnings
      [0], // info
      [7, 1, 5, 4], // session state: SCHEMA
      'test',
    ),
  });
});

test('inside of TLS there is no second one', () => {
  const handshake = machine({ offersTls: true });
  handshake.receive(SSL_REQUEST);
  const again = SSL_REQUEST.slice();
  again[3] = 2;
  expect(errorOf(handshake.receive(again)).message).toContain('TLS was not offered');
});

test('the id fits what drivers keep it in', () => {
  const options = { passwordNeeded: true, offersTls: false, decoySecret: wire() };
  const idOf = (byte: number): number => {
    const step = new DriverHandshakeMachine({ ...options, random: new Uint8Array(64).fill(byte) }).begin(
      MYSQL,
    );
    return step.step === 'read' ? (decodeGreeting(step.send.subarray(4))?.connectionId ?? -1) : -1;
  };
  expect([idOf(0), idOf(0xff)]).toEqual([1, 0x7fff_ffff]);
});

test('a refusal in place of a welcome has its number', () => {
  const handshake = machine();
  handshake.receive(response({ auth: cachingProof() }));
  expect(handshake.identified(IDENTITY)).toMatchObject({ step: 'accepted' });
  const refusal = handshake.refuse(
    new PoolerError('no', { fault: 'driver', sqlState: '28000', errno: 3159 }),
  );
  expect(errorOf({ step: 'close', send: refusal })).toMatchObject({ sequence: 2, errno: 3159 });
});
