/**
 * Plays the server while a driver logs in. No round trip to the origin: the edge knows the origin facts.
 *
 *   greeting    -> the server speaks first: version and capabilities of the origin, a nonce, a connection id
 *   response    -> SSLRequest: refused, TLS was not offered; HandshakeResponse: identifying
 *   identifying -> the edge looks the user and the config up; the driver is in, or out, or must use another plugin
 *   switched    -> its answer to AuthSwitchRequest: the driver is in or out
 *   end         -> accepted or closed
 *
 * Whatever a driver sends, `receive` returns: an error is an ERR and a close. This file knows neither configs nor
 * origins.
 */
import { Buffer } from 'node:buffer';
import { PoolerError } from '../../errors.ts';
import { Outbox } from '../bytes/outbox.ts';
import type { OriginFacts } from '../contract.ts';
import type { AcceptOptions, DriverHandshake, DriverStep, Identity } from '../driver-login.ts';
import { Capability, hasFlag } from './capabilities.ts';
import { type Dialect, dialectOf, encodeDialect, missingIn, offerOf } from './dialect.ts';
import { accessDenied, asHandshakeError, badHandshake, tooOld, unknownDatabase } from './driver-refusals.ts';
import { encodeErr } from './errors.ts';
import {
  decodeFirstPacket,
  encodeAuthSwitch,
  encodeGreeting,
  type Greeting,
  type HandshakeResponse,
  NONCE_BYTES,
} from './handshake.ts';
import { Inbox } from './inbox.ts';
import { encodeOk } from './ok-packet.ts';
import { greetingOf, isMariaDb, NEUTRAL, type OriginGreeting } from './origin-facts.ts';
import { int4, packet, Reply } from './packets.ts';
import { CACHING_SHA2, isCachingSha2Response, isNativeResponse, NATIVE } from './passwords.ts';
import { encodeSessionState } from './session-state.ts';
import { decodeVerifier, decoyVerifier } from './verifier.ts';

/** A login with all its attributes, of which MySQL takes 64 KiB. */
const LOGIN_BYTES_MAX = 81_920;

/** What a driver may say while it is being looked up. */
const EARLY_BYTES_MAX = 65_536;

/** Nonce of the greeting, nonce of an AuthSwitchRequest, connection id. */
const RANDOM = { nonce: 0, nonceOfSwitch: NONCE_BYTES, connectionId: 2 * NONCE_BYTES } as const;

/** AuthMoreData of caching_sha2_password: the hash is known, no password is needed. */
const FAST_AUTH_SUCCESS = Uint8Array.of(Reply.AUTH_MORE_DATA, 0x03);

type State =
  | { at: 'response' }
  | { at: 'identifying'; response: HandshakeResponse }
  | { at: 'switched'; response: HandshakeResponse; identity: Identity | undefined; plugin: string }
  | { at: 'end' };

export class DriverHandshakeMachine implements DriverHandshake {
  readonly #options: AcceptOptions;
  readonly #inbox = new Inbox({ fault: 'driver', payloadBytesMax: LOGIN_BYTES_MAX, sequence: 0 });
  readonly #outbox = new Outbox();
  readonly #connectionId: number;
  /** As the driver was greeted. */
  #origin: OriginGreeting = NEUTRAL;
  #isSecure = false;
  /** Sequence number of what an accepted driver is sent: a refusal may stand in its place. */
  #welcomeAt: number | undefined;
  #state: State = { at: 'response' };

  constructor(options: AcceptOptions) {
    this.#options = options;
    this.#connectionId = connectionIdOf(options.random);
  }

  begin(facts: OriginFacts | undefined): DriverStep {
    if (facts) this.#origin = greetingOf(facts);
    const { serverVersion, collation, status } = this.#origin;
    const greeting: Greeting = {
      serverVersion,
      connectionId: this.#connectionId,
      nonce: this.#nonce(RANDOM.nonce),
      ...this.#offer(),
      collation,
      status,
      plugin: this.#plugin,
    };
    this.#say(encodeGreeting(greeting));
    return this.#read();
  }

  /** TLS is agreed on here, and is no matter of replies: it is in no dialect. */
  #offer(): { capabilities: number; extended: number } {
    const { capabilities, extended } = offerOf(this.#origin);
    return this.#options.offersTls
      ? { capabilities: (capabilities | Capability.SSL) >>> 0, extended }
      : { capabilities, extended };
  }

  receive(bytes: Uint8Array): DriverStep {
    return this.#attempt(() => {
      this.#inbox.push(bytes);
      return this.#advance();
    });
  }

  identified(identity: Identity | undefined): DriverStep {
    return this.#attempt(() => {
      if (this.#state.at !== 'identifying') throw new Error('nobody asked who the driver is');
      const { response } = this.#state;
      if (!this.#options.passwordNeeded) return this.#admit(response, identity, []);
      // Without PLUGIN_AUTH a driver knows the native way only.
      const plugin = hasFlag(response.capabilities, Capability.PLUGIN_AUTH) ? response.plugin : NATIVE;
      if (plugin !== NATIVE && plugin !== CACHING_SHA2) return this.#switch(response, identity);
      const proof = { plugin, authResponse: response.authResponse, nonce: this.#nonce(RANDOM.nonce) };
      return this.#verify(response, identity, proof);
    });
  }

  refuse(error: PoolerError): Uint8Array {
    this.#state = { at: 'end' };
    if (this.#welcomeAt !== undefined) this.#inbox.expect(this.#welcomeAt);
    this.#say(encodeErr(error));
    return this.#take();
  }

  #attempt(run: () => DriverStep): DriverStep {
    try {
      return run();
    } catch (error) {
      return { step: 'close', send: this.refuse(asHandshakeError(PoolerError.from(error))) };
    }
  }

  #advance(): DriverStep {
    const state = this.#state;
    switch (state.at) {
      case 'response':
        return this.#receiveResponse();
      case 'identifying':
        if (this.#inbox.length > EARLY_BYTES_MAX)
          throw badHandshake('too much data before the login is over');
        return this.#read();
      case 'switched':
        return this.#receiveSwitched(state);
      case 'end':
        return { step: 'close', send: this.#take() };
    }
  }

  #receiveResponse(): DriverStep {
    const payload = this.#inbox.take();
    if (payload === undefined) return this.#read();
    const first = decodeFirstPacket(payload);
    switch (first.kind) {
      case 'too old':
        throw tooOld();
      case 'SSLRequest':
        if (!this.#options.offersTls || this.#isSecure)
          throw badHandshake('TLS was not offered. Connect with it switched off (ssl-mode=DISABLED)');
        this.#isSecure = true;
        // A driver does not wait for an answer: its hello stands behind the request.
        return { step: 'startTls', send: this.#take(), early: this.#inbox.takeRest(), isDirect: false };
      case 'HandshakeResponse': {
        const { user, database } = first.response;
        this.#state = { at: 'identifying', response: first.response };
        return { step: 'identify', send: this.#take(), user, database };
      }
    }
  }

  /** The driver shall use the plugin that the greeting named. */
  #switch(response: HandshakeResponse, identity: Identity | undefined): DriverStep {
    this.#state = { at: 'switched', response, identity, plugin: this.#plugin };
    this.#say(encodeAuthSwitch({ plugin: this.#plugin, nonce: this.#nonce(RANDOM.nonceOfSwitch) }));
    return this.#advance();
  }

  #receiveSwitched({ response, identity, plugin }: State & { at: 'switched' }): DriverStep {
    const authResponse = this.#inbox.take();
    if (authResponse === undefined) return this.#read();
    return this.#verify(response, identity, {
      plugin,
      authResponse,
      nonce: this.#nonce(RANDOM.nonceOfSwitch),
    });
  }

  /** An unknown user costs as much as a wrong password, and looks the same. */
  #verify(
    response: HandshakeResponse,
    identity: Identity | undefined,
    { plugin, authResponse, nonce }: { plugin: string; authResponse: Uint8Array; nonce: Uint8Array },
  ): DriverStep {
    const known = decodeVerifier(identity?.verifier ?? '');
    const decoy = decoyVerifier(this.#options.decoySecret, response.user);
    const verifier = known ?? decoy;
    const isProven =
      plugin === NATIVE
        ? isNativeResponse(authResponse, nonce, verifier)
        : isCachingSha2Response(authResponse, nonce, verifier);
    if (!isProven || known === undefined || identity === undefined) {
      throw accessDenied({ user: response.user, hasPassword: authResponse.length > 0 });
    }
    return this.#admit(response, identity, plugin === CACHING_SHA2 ? [FAST_AUTH_SUCCESS] : []);
  }

  /** `before`: what the plugin says before the OK. */
  #admit(
    response: HandshakeResponse,
    identity: Identity | undefined,
    before: readonly Uint8Array[],
  ): DriverStep {
    if (identity === undefined) throw unknownDatabase(response.database);
    const origin = greetingOf(identity.facts);
    const agreed = this.#agree(response);
    requireServed(agreed, origin);
    this.#welcomeAt = this.#inbox.sequence;
    for (const payload of before) this.#say(payload);
    // As a server does: a driver then knows its database by the origin's name.
    const sessionState = encodeSessionState({ schema: identity.database });
    this.#say(encodeOk({ status: origin.status, sessionState }, agreed.capabilities));
    this.#state = { at: 'end' };
    const opening = {
      user: response.user,
      settings: {},
      parameters: { capabilities: String(agreed.capabilities), extended: String(agreed.extended) },
      cancelKey: Buffer.from(int4(this.#connectionId)).toString('hex'),
      dialect: encodeDialect(dialectOf(agreed)),
    };
    return { step: 'accepted', send: this.#take(), opening, rest: this.#inbox.takeRest() };
  }

  /** What was offered and is wanted. */
  #agree({ capabilities, extended, collation }: HandshakeResponse): Dialect {
    const offer = offerOf(this.#origin);
    return {
      capabilities: (capabilities & offer.capabilities) >>> 0,
      extended: (extended & offer.extended) >>> 0,
      collation,
    };
  }

  /** What the origin itself would most likely name: its clients know that. */
  get #plugin(): string {
    return isMariaDb(this.#origin.serverVersion) ? NATIVE : CACHING_SHA2;
  }

  #nonce(from: number): Uint8Array {
    return printable(this.#options.random.subarray(from, from + NONCE_BYTES));
  }

  #say(payload: Uint8Array): void {
    this.#outbox.push(packet(this.#inbox.sequence, payload));
    this.#inbox.expect(this.#inbox.sequence + 1);
  }

  #read(): DriverStep {
    return { step: 'read', send: this.#take() };
  }

  #take(): Uint8Array {
    return this.#outbox.take() ?? new Uint8Array();
  }
}

/** Some drivers end a nonce at a zero byte. 94 characters at 20 places are 131 bits. */
function printable(random: Uint8Array): Uint8Array {
  return random.map((byte) => (byte % 94) + 33);
}

/** Never 0: some drivers take that for none. Of 31 bits: others write what is above as a negative number into KILL. */
function connectionIdOf(random: Uint8Array): number {
  const { connectionId: from } = RANDOM;
  const view = new DataView(random.buffer, random.byteOffset + from, 4);
  return Math.max(1, view.getUint32(0, true) & 0x7fff_ffff);
}

/** The greeting may have been of nobody, or of another config. */
function requireServed(agreed: Dialect, origin: OriginGreeting): void {
  const missing = missingIn(dialectOf(agreed), origin);
  if (missing === '') return;
  throw badHandshake(
    `the database of this config, ${origin.serverVersion}, lacks capabilities that the driver chose ` +
      `(${missing}). Connect through a bound capability`,
  );
}
