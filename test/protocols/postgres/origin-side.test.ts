import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LoginOptions, OriginSession, OriginStep } from '../../../src/protocols/contract.ts';
import { OriginLoginMachine } from '../../../src/protocols/postgres/origin-side.ts';
import { makeVerifier } from '../../../src/protocols/postgres/scram.ts';
import { ScramServer } from '../../../src/protocols/postgres/scram-server.ts';
import { COUNTING, cuttings, framed, textOf, wire } from './wire.ts';

const SSL_REQUEST = wire([0, 0, 0, 8], [4, 210, 22, 47]);

const STARTUP = wire(
  [0, 0, 0, 57], // length
  [0, 3, 0, 0], // version 3.0
  'user\0al\0',
  'database\0shop\0',
  'application_name\0Warmpool\0',
  [0], // terminator
);

const AUTHENTICATION_OK = wire('R', [0, 0, 0, 8], [0, 0, 0, 0]);

const SETTLING = wire(
  wire('S', [0, 0, 0, 24], 'server_version\0', '18.4\0'), // ParameterStatus
  wire('N', [0, 0, 0, 18], 'SNOTICE\0', 'Mhm\0', 'x\0'), // NoticeResponse, and not even a proper one
  wire('S', [0, 0, 0, 17], 'TimeZone\0', 'UTC\0'), // ParameterStatus
  wire('K', [0, 0, 0, 12], [0, 0, 1, 2], [9, 8, 7, 6]), // BackendKeyData
);

const READY_FOR_QUERY = wire('Z', [0, 0, 0, 5], 'I');

interface Session extends OriginSession {
  cancelKey: Uint8Array;
  parameters: Record<string, string>;
}

function machine(options: Partial<LoginOptions> = {}): OriginLoginMachine {
  return new OriginLoginMachine(
    {
      user: 'al',
      password: 'secret',
      database: 'shop',
      tls: 'disable',
      random: COUNTING,
      dialect: '',
      ...options,
    },
    (login): Session => ({ dialect: '', settingsKey: '', ...login }),
  );
}

/** A machine whose StartupMessage is out. */
function begun(): OriginLoginMachine {
  const login = machine();
  login.begin();
  return login;
}

/** The first step that says more than: read on. */
function feed(login: OriginLoginMachine, chunks: readonly Uint8Array[]): OriginStep {
  const steps = chunks.map((chunk) => login.receive(chunk));
  return steps.find((step) => step.step !== 'read' || step.send.length > 0) ?? { step: 'read', send: wire() };
}

const PARAMETERS = { server_version: '18.4', TimeZone: 'UTC' };

const READY = {
  step: 'ready',
  session: {
    dialect: '',
    settingsKey: '',
    cancelKey: wire([0, 0, 1, 2], [9, 8, 7, 6]),
    parameters: PARAMETERS,
  },
  facts: { serverVersion: '18.4', parameters: PARAMETERS },
};

test('an origin that trusts us is ready after its parameters, however its bytes are cut', () => {
  for (const chunks of cuttings(wire(AUTHENTICATION_OK, SETTLING, READY_FOR_QUERY))) {
    const login = machine();
    expect(login.begin()).toEqual(STARTUP);
    expect(feed(login, chunks)).toEqual(READY);
  }
});

test('SCRAM is spoken to the end, however the bytes are cut', () => {
  const verifier = makeVerifier({ token: 'secret', salt: new Uint8Array(16) });
  const mechanisms = framed('R', [0, 0, 0, 10], 'SCRAM-SHA-256-PLUS\0', 'SCRAM-SHA-256\0', [0]);
  for (const way of cuttings(new Uint8Array(30)).keys()) {
    const cut = (bytes: Uint8Array): Uint8Array[] => cuttings(bytes)[way] ?? [bytes];
    const say = (login: OriginLoginMachine, bytes: Uint8Array): Uint8Array => {
      const step = feed(login, cut(bytes));
      return step.step === 'read' ? step.send : wire(step.step);
    };
    const origin = new ScramServer({ user: 'al', verifier, decoySecret: wire('x'), nonce: 'origin' });
    const login = begun();
    const initial = say(login, mechanisms);
    expect(textOf(initial)).toBe('p\0\0\0\x36SCRAM-SHA-256\0\0\0\0\x20n,,n=,r=AAECAwQFBgcICQoLDA0ODxAR');
    const response = say(login, framed('R', [0, 0, 0, 11], origin.first(initial.subarray(23))));
    expect(textOf(response).slice(0, 5)).toBe('p\0\0\0\x5a');
    const serverFinal = framed('R', [0, 0, 0, 12], origin.final(response.subarray(5)) ?? wire('e=wrong'));
    expect(feed(login, cut(wire(serverFinal, AUTHENTICATION_OK, SETTLING, READY_FOR_QUERY)))).toEqual(READY);
  }
});

test('a password in clear text is sent when asked for', () => {
  const login = begun();
  const asked = feed(login, [wire('R', [0, 0, 0, 8], [0, 0, 0, 3])]);
  expect(asked).toEqual({ step: 'read', send: wire('p', [0, 0, 0, 11], 'secret\0') });
  expect(feed(login, [wire(AUTHENTICATION_OK, READY_FOR_QUERY)])).toMatchObject({ step: 'ready' });
});

test.each(['require', 'prefer'] as const)('with tls=%s an S starts TLS, and then the login', (tls) => {
  const login = machine({ tls });
  expect(login.begin()).toEqual(SSL_REQUEST);
  const step = login.receive(wire('S'));
  if (step.step !== 'startTls') throw new Error(step.step);
  expect(step.secured()).toEqual(STARTUP);
  expect(feed(login, [wire(AUTHENTICATION_OK, SETTLING, READY_FOR_QUERY)])).toEqual(READY);
});

test('with tls=prefer an N goes on in clear', () => {
  const login = machine({ tls: 'prefer' });
  login.begin();
  expect(login.receive(wire('N'))).toEqual({ step: 'read', send: STARTUP });
  expect(feed(login, [wire(AUTHENTICATION_OK, SETTLING, READY_FOR_QUERY)])).toEqual(READY);
});

function failure(error: object): unknown {
  return { step: 'failed', error: expect.objectContaining({ fault: 'origin', fatal: true, ...error }) };
}

const NO_TLS = { apiCode: 2012, message: 'TLS (SSL) not supported by the database.' };

test.each([
  ['require', 'N', NO_TLS],
  ['require', 'E\0\0\0\x0cMold\0\0', NO_TLS],
  ['prefer', 'Eunsupported frontend protocol\n\0', NO_TLS],
  ['require', 'S\x16', { sqlState: '08P01', message: expect.stringContaining('in clear') }],
  ['prefer', 'SR', { sqlState: '08P01', message: expect.stringContaining('in clear') }],
  ['require', 'H', { sqlState: '08P01', message: expect.stringContaining('byte 72') }],
] as const)('with tls=%s the answer %j fails', (tls, answer, error) => {
  const login = machine({ tls });
  login.begin();
  expect(login.receive(wire(answer))).toEqual(failure(error));
});

test('data that arrives while TLS is being set up fails', () => {
  const login = machine({ tls: 'require' });
  login.begin();
  login.receive(wire('S'));
  expect(login.receive(wire('R'))).toEqual(failure({ sqlState: '08P01' }));
});

test.each([
  ['28P01', 'password authentication failed for user "al"', 2013],
  ['28000', 'no pg_hba.conf entry', 2013],
  ['3D000', 'database "shop" does not exist', 2014],
  ['53300', 'sorry, too many clients already', 2015],
  ['57P03', 'the database system is starting up', 2015],
])('an ErrorResponse %s keeps its words and gets an API code', (sqlState, message, apiCode) => {
  const error = framed('E', `SFATAL\0VFATAL\0C${sqlState}\0M${message}\0\0`);
  for (const before of [wire(), AUTHENTICATION_OK, wire(AUTHENTICATION_OK, SETTLING)]) {
    expect(feed(begun(), [wire(before, error)])).toEqual(failure({ sqlState, message, apiCode }));
  }
  for (const chunks of cuttings(error)) {
    expect(feed(begun(), chunks)).toEqual(failure({ sqlState, message, apiCode }));
  }
});

test('an ErrorResponse without fields fails all the same', () => {
  expect(feed(begun(), [wire('E', [0, 0, 0, 4])])).toEqual(failure({ sqlState: 'XX000', apiCode: 2015 }));
});

test('a version that we did not ask for is no reason to fail', () => {
  const negotiate = wire('v', [0, 0, 0, 12], [0, 3, 0, 0], [0, 0, 0, 0]);
  const step = feed(begun(), [wire(negotiate, AUTHENTICATION_OK, SETTLING, READY_FOR_QUERY)]);
  expect(step).toEqual(READY);
});

test('a cancel key may be missing or have up to 256 bytes of secret', () => {
  const long = framed('K', [0, 0, 1, 2], new Uint8Array(256).fill(7));
  const withLong = feed(begun(), [wire(AUTHENTICATION_OK, long, READY_FOR_QUERY)]);
  expect(withLong).toMatchObject({ session: { cancelKey: wire([0, 0, 1, 2], new Uint8Array(256).fill(7)) } });
  const without = feed(begun(), [wire(AUTHENTICATION_OK, READY_FOR_QUERY)]);
  expect(without).toMatchObject({ session: { cancelKey: wire() }, facts: { serverVersion: '' } });
});

test.each([
  ['an unexpected message before authentication', wire('T', [0, 0, 0, 4])],
  ['ReadyForQuery before authentication', READY_FOR_QUERY],
  ['an unexpected message after authentication', wire(AUTHENTICATION_OK, 'D', [0, 0, 0, 4])],
  ['a second authentication', wire(AUTHENTICATION_OK, AUTHENTICATION_OK)],
  ['a message longer than 64 kB', wire(AUTHENTICATION_OK, 'S', [0, 1, 0, 1])],
  ['a message shorter than its length', wire('R', [0, 0, 0, 3])],
  ['a negative length', wire('R', [0xff, 0xff, 0xff, 0xff])],
  ['an authentication without a request', wire('R', [0, 0, 0, 4])],
  ['a parameter without a value', wire(AUTHENTICATION_OK, 'S', [0, 0, 0, 6], 'x\0')],
  ['a cancel key without a secret', wire(AUTHENTICATION_OK, 'K', [0, 0, 0, 8], [0, 0, 0, 1])],
  ['a cancel key that is too long', wire(AUTHENTICATION_OK, framed('K', new Uint8Array(261)))],
  ['data behind ReadyForQuery', wire(AUTHENTICATION_OK, READY_FOR_QUERY, 'N')],
  ['an answer to a password that was not sent', wire('R', [0, 0, 0, 8], [0, 0, 0, 3], AUTHENTICATION_OK)],
])('%s fails', (_, bytes) => {
  expect(begun().receive(bytes)).toEqual(failure({ sqlState: '08P01' }));
});

test('a method that is not supported fails by name', () => {
  const step = begun().receive(wire('R', [0, 0, 0, 8], [0, 0, 0, 7]));
  expect(step).toEqual(failure({ sqlState: '28000', message: expect.stringContaining('GSSAPI') }));
});

test('an origin that talks for ever is stopped after a megabyte', () => {
  const login = begun();
  const notice = framed('N', new Uint8Array(65_531));
  for (let count = 0; count < 16; count++)
    expect(login.receive(notice.subarray(0, 65_536)).step).toBe('read');
  expect(login.receive(notice)).toEqual(failure({ sqlState: '08P01', message: 'The login is too long.' }));
});

test('after its end a login stays failed', () => {
  const login = begun();
  login.receive(wire('T', [0, 0, 0, 4]));
  expect(login.receive(AUTHENTICATION_OK)).toEqual(failure({ sqlState: '08P01' }));
});

/** Goes on to the end; fails where something throws or an answer is out of proportion. */
function survive(tls: LoginOptions['tls'], chunks: readonly Uint8Array[]): void {
  const login = machine({ tls });
  login.begin();
  for (const chunk of chunks) {
    const step = login.receive(chunk);
    if (step.step === 'startTls') step.secured();
    if (step.step === 'read') expect(step.send.length).toBeLessThan(10_000);
    expect(['read', 'startTls', 'ready', 'failed']).toContain(step.step);
  }
}

const TLS = fc.constantFrom<LoginOptions['tls'][]>('require', 'prefer', 'disable');

test('random bytes never make it throw', () => {
  const property = fc.property(TLS, fc.array(fc.uint8Array({ maxLength: 300 })), survive);
  fc.assert(property, { numRuns: 300 });
});

test('a login with random bytes changed in it never makes it throw', () => {
  const sasl = framed('R', [0, 0, 0, 10], 'SCRAM-SHA-256\0', [0]);
  const serverFirst = framed('R', [0, 0, 0, 11], 'r=AAECAwQFBgcICQoLDA0ODxARx,s=AAAA,i=10');
  const rest = wire(AUTHENTICATION_OK, SETTLING, READY_FOR_QUERY);
  const login = wire(sasl, serverFirst, rest);
  const changes = fc.array(fc.tuple(fc.nat(login.length - 1), fc.nat(255)), { maxLength: 4 });
  const property = fc.property(changes, (changed) => {
    const bytes = login.slice();
    for (const [index, value] of changed) bytes[index] = value;
    const [first, second] = [sasl.length, sasl.length + serverFirst.length];
    survive('disable', [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]);
  });
  fc.assert(property, { numRuns: 1000 });
});
