import { expect, test } from 'vitest';
import type { LoginOptions, OriginSession, OriginStep } from '../../../src/protocols/contract.ts';
import { type LoggedIn, OriginLoginMachine } from '../../../src/protocols/mysql/origin-side.ts';
import { packet } from '../../../src/protocols/mysql/packets.ts';
import { nativeResponse } from '../../../src/protocols/mysql/passwords.ts';
import { COUNTING, cuttings, wire } from '../postgres/wire.ts';

const NONCE = wire('ABCDEFGHIJKLMNOPQRST');

const OPTIONS: LoginOptions = {
  user: 'root',
  password: 'secret',
  database: 'shop',
  tls: 'disable',
  random: COUNTING,
  dialect: '',
};

function greeting(parts: { lower?: number[]; upper?: number[]; plugin?: string } = {}): Uint8Array {
  return packet(
    0,
    wire(
      [10], // protocol version
      '10.11.6-MariaDB\0', // server version
      [7, 1, 0, 0], // connection id: 263
      NONCE.subarray(0, 8),
      [0],
      parts.lower ?? [0xfe, 0xff], // capabilities, with SSL, without LONG_PASSWORD
      [45], // collation
      [2, 0], // status
      parts.upper ?? [0xff, 0x81],
      [21], // length of the nonce
      [0, 0, 0, 0, 0, 0],
      [0x1d, 0, 0, 0], // MariaDB's capabilities
      NONCE.subarray(8),
      [0],
      `${parts.plugin ?? 'mysql_native_password'}\0`,
    ),
  );
}

const PROOF = nativeResponse('secret', NONCE);

/** What a login in clear says to this server. */
const RESPONSE = packet(
  1,
  wire(
    [0x0d, 0xa2, 0xbf, 0x01], // capabilities
    [0, 0, 0, 0x40], // largest packet: 1 GiB
    [45], // collation
    new Uint8Array(19),
    [0, 0, 0, 0], // MariaDB's capabilities
    'root\0',
    [20],
    PROOF,
    'shop\0',
    'mysql_native_password\0',
    [44], // length of the attributes
    [12],
    '_client_name',
    [8],
    'Warmpool',
    [12],
    'program_name',
    [8],
    'Warmpool',
  ),
);

const OK = wire([0, 0, 0], [2, 0x40], [0, 0], [0], [7], [1, 5, 4], 'shop');

/** OK of SET; then the variables: two columns, two rows, an OK that ends them. */
const ANSWERS = wire(
  packet(1, wire([0, 0, 0], [2, 0], [0, 0])),
  packet(1, wire([2])),
  packet(2, wire('column')),
  packet(3, wire('column')),
  packet(4, wire([10], 'autocommit', [2], 'ON')),
  packet(5, wire([8], 'sql_mode', [26], 'ANSI_QUOTES,IGNORE_SPACE,X')),
  packet(6, wire([0xfe, 0, 0], [2, 0], [0, 0])),
);

/** Feeds packet after packet, each cut as `cut` says, and collects what is answered. */
function talk(login: OriginLoginMachine, packets: readonly Uint8Array[], cut = whole): OriginStep[] {
  const steps: OriginStep[] = [];
  for (const bytes of packets) {
    for (const chunk of cut(bytes)) {
      const step = login.receive(chunk);
      if (step.step !== 'read' || step.send.length > 0) steps.push(step);
    }
  }
  return steps;
}

function whole(bytes: Uint8Array): Uint8Array[] {
  return [bytes];
}

function machine(options: Partial<LoginOptions> = {}): OriginLoginMachine {
  return new OriginLoginMachine({ ...OPTIONS, ...options }, (login): OriginSession & LoggedIn => ({
    ...login,
    settingsKey: '',
  }));
}

function errorOf(step: OriginStep | undefined): object {
  if (step?.step !== 'failed') throw new Error(`not failed but ${step?.step}`);
  return step.error;
}

test('a login in clear, whole and byte by byte and in two pieces: one question about the session, then it is ready', () => {
  const packets = [greeting(), packet(2, OK), ANSWERS];
  const cuts = [whole, (bytes: Uint8Array) => [...bytes].map((byte) => Uint8Array.of(byte))];
  for (const at of [1, 3, 4, 5, 40]) {
    cuts.push((bytes) => [bytes.subarray(0, at), bytes.subarray(at)].filter(({ length }) => length > 0));
  }
  for (const cut of cuts) {
    const login = machine();
    expect(login.begin()).toEqual(wire());
    const [response, questions, ready] = talk(login, packets, cut);
    expect(response).toEqual({ step: 'read', send: RESPONSE });
    const text = questions?.step === 'read' ? new TextDecoder().decode(questions.send) : '';
    expect(text.match(/SET SESSION session_track_schema = ON.*'\*'|SHOW SESSION VARIABLES/g)).toHaveLength(2);
    expect(ready).toEqual({
      step: 'ready',
      session: {
        dialect: '',
        serverVersion: '10.11.6-MariaDB',
        connectionId: 263,
        status: 0x4002,
        capabilities: 0x01bfa20d,
        extended: 0,
        isTracking: true,
        variables: new Map([
          ['autocommit', 'ON'],
          ['sql_mode', 'ANSI_QUOTES,IGNORE_SPACE,X'],
        ]),
        settingsKey: '',
      },
      facts: {
        serverVersion: '10.11.6-MariaDB',
        parameters: {
          'greeting.capabilities': String(0x81fffffe),
          'greeting.extended': String(0x1d),
          'greeting.collation': '45',
          'greeting.status': '2',
          autocommit: 'ON',
          sql_mode: 'ANSI_QUOTES,X',
        },
      },
    });
  }
});

test('every cut of all bytes that the origin sends leads to the same end', () => {
  for (const chunks of cuttings(ANSWERS)) {
    const login = machine();
    talk(login, [greeting(), packet(2, OK)]);
    expect(talk(login, chunks)).toMatchObject([{ step: 'ready' }]);
  }
});

test('where TLS is required and offered, nothing but a request for it goes in clear', () => {
  const login = machine({ tls: 'require' });
  const [step] = talk(login, [greeting()]);
  if (step?.step !== 'startTls') throw new Error(step?.step);
  expect(step.send).toEqual(
    packet(1, wire([0x0d, 0xaa, 0xbf, 0x01], [0, 0, 0, 0x40], [45], new Uint8Array(23))),
  );
  const secured = step.secured();
  expect(secured.subarray(0, 8)).toEqual(wire([secured.length - 4, 0, 0, 2], [0x0d, 0xaa, 0xbf, 0x01]));
  expect(talk(login, [packet(3, OK), ANSWERS])).toMatchObject([{ step: 'read' }, { step: 'ready' }]);
});

test('where TLS is required and not offered, the login fails before a name is said', () => {
  const [step] = talk(machine({ tls: 'require' }), [greeting({ lower: [0xfe, 0xf7] })]);
  expect(errorOf(step)).toMatchObject({ apiCode: 2012, message: 'TLS (SSL) not supported by the database.' });
  expect(talk(machine({ tls: 'prefer' }), [greeting({ lower: [0xfe, 0xf7] })])).toMatchObject([
    { step: 'read' },
  ]);
});

test('bytes in clear where TLS begins are an attack', () => {
  const early = wire(greeting(), packet(1, OK));
  expect(errorOf(talk(machine({ tls: 'require' }), [early])[0])).toMatchObject({ apiCode: 2015 });
  const login = machine({ tls: 'require' });
  expect(errorOf(talk(login, [greeting(), packet(2, OK)])[1])).toMatchObject({
    message: expect.stringMatching(/in clear where TLS begins/),
  });
});

test('AuthSwitchRequest may come at any point, more than once', () => {
  const other = wire('TSRQPONMLKJIHGFEDCBA');
  const login = machine();
  const steps = talk(login, [
    greeting({ plugin: 'caching_sha2_password' }),
    packet(2, wire([0xfe], 'mysql_native_password\0', other, [0])),
    packet(4, wire([0xfe], 'mysql_native_password\0', NONCE, [0])),
    packet(6, OK),
    ANSWERS,
  ]);
  expect(steps).toMatchObject([
    { step: 'read' },
    { step: 'read', send: packet(3, nativeResponse('secret', other)) },
    { step: 'read', send: packet(5, PROOF) },
    { step: 'read' },
    { step: 'ready' },
  ]);
});

test('caching_sha2_password: fast success is waited through', () => {
  const login = machine();
  const steps = talk(login, [
    greeting({ plugin: 'caching_sha2_password' }),
    wire(packet(2, wire([1, 3])), packet(3, OK)),
    ANSWERS,
  ]);
  expect(steps.map(({ step }) => step)).toEqual(['read', 'read', 'ready']);
});

test.each([
  [1045, '28000', 2013],
  [1698, '28000', 2013],
  [1044, '42000', 2013],
  [1049, '42000', 2014],
  [1040, '08004', 2015],
])('error %i of the origin is passed on in its words, with the code %s of the API', (errno, sqlState, apiCode) => {
  const err = wire([0xff], [errno & 255, errno >> 8], `#${sqlState}`, 'In its words');
  const [, step] = talk(machine(), [greeting(), packet(2, err)]);
  expect(errorOf(step)).toMatchObject({ errno, sqlState, apiCode, message: 'In its words', fatal: true });
});

test('a server that greets with an error is understood: too many connections, a blocked host', () => {
  const blocked = wire([0xff], [0x69, 0x04], "Host '10.0.0.1' is blocked because of many connection errors");
  expect(errorOf(talk(machine(), [packet(0, blocked)])[0])).toMatchObject({
    errno: 1129,
    apiCode: 2015,
    message: expect.stringMatching(/is blocked/),
  });
});

test("a driver's dialect is asked for, and a server that does not have it is refused", () => {
  const [step] = talk(machine({ dialect: '1000082.c.e0' }), [greeting()]);
  // FOUND_ROWS, LOCAL_FILES, DEPRECATE_EOF; not LONG_PASSWORD, because MariaDB's own capabilities are wanted
  expect(step?.step === 'read' && step.send.subarray(4, 8)).toEqual(wire([0x8e, 0xa2, 0xb8, 0x01]));
  expect(step?.step === 'read' && step.send.subarray(12, 36)).toEqual(
    wire([0xe0], new Uint8Array(19), [0x0c, 0, 0, 0]),
  );
  const older = talk(machine({ dialect: '1000082.c.e0' }), [greeting({ upper: [0xff, 0x80] })]);
  expect(errorOf(older[0])).toMatchObject({
    apiCode: 2015,
    message: expect.stringMatching(/lacks capabilities that the driver chose \(0x1000000, 0x0\)/),
  });
});

test('a server without session tracking is only asked, and one that refuses the setting is not tracking', () => {
  const login = machine();
  const [, questions] = talk(login, [
    greeting({ upper: [0x7f, 0x81] }),
    packet(2, wire([0, 0, 0], [2, 0], [0, 0])),
  ]);
  expect(questions?.step === 'read' && new TextDecoder().decode(questions.send)).not.toContain(
    'session_track',
  );
  const refusing = machine();
  const refusal = packet(1, wire([0xff], [0xa9, 0x04], '#HY000Unknown system variable'));
  const steps = talk(refusing, [greeting(), packet(2, OK), wire(refusal, ANSWERS.subarray(11))]);
  expect(steps.at(-1)).toMatchObject({ step: 'ready', session: { isTracking: false } });
});

test.each<[string, Uint8Array[], RegExp]>([
  ['a protocol from before 4.1', [packet(0, wire([9], 'old\0'))], /before MySQL 4\.1/],
  ['an HTTP server', [wire('HTTP/1.1 400 Bad Request\r\n')], /bigger than 65536/],
  ['a greeting that is cut', [packet(0, wire([10], 'x\0', [1, 2]))], /Malformed/],
  ['a packet out of order', [packet(1, wire([10]))], /out of order/],
  ['a password hash from before 4.1', [greeting(), packet(2, wire([0xfe]))], /before MySQL 4\.1/],
  ['an unknown packet', [greeting(), packet(2, wire([0x55]))], /unknown packet/],
  ['more than it was asked', [greeting(), wire(packet(2, OK), packet(3, OK))], /wait for its turn/],
])('%s ends the login with words', (_, packets, words) => {
  const error = errorOf(talk(machine(), packets).at(-1));
  expect(error).toMatchObject({ message: expect.stringMatching(words), fault: 'origin', fatal: true });
});

test('a login has a bound', () => {
  const login = machine();
  talk(login, [greeting()]);
  const more = packet(0, new Uint8Array(60_000));
  const steps = Array.from({ length: 20 }, () => login.receive(more.subarray(0, 60_000)));
  expect(errorOf(steps.at(-1))).toMatchObject({ fatal: true });
});
