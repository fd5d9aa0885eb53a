/**
 * Plays the server while a driver logs in. No round trip to the origin: the edge knows the origin facts.
 *
 *   startup          -> SSLRequest: TLS begins, or N; GSSENCRequest: N; each at most once. CancelRequest: the end;
 *                       StartupMessage: identifying
 *   identifying      -> the edge looks the user and the config up; without a password the driver is in or out now
 *   initial response -> SASLInitialResponse: answered with SASLContinue
 *   response         -> SASLResponse: the driver is in or out
 *   end              -> accepted, cancelled or closed
 *
 * Whatever a driver sends, `receive` returns: an error is an ErrorResponse and a close. This file knows neither
 * configs nor origins.
 */
import { Buffer } from 'node:buffer';
import { PoolerError } from '../../errors.ts';
import { encodeText } from '../bytes/join.ts';
import { Outbox } from '../bytes/outbox.ts';
import type { AcceptOptions, DriverHandshake, DriverStep, Identity } from '../driver-login.ts';
import { cancelRouteOf, makeCancelKey } from './cancel-key.ts';
import { encodeErrorResponse } from './errors.ts';
import { Inbox } from './inbox.ts';
import {
  AuthenticationRequest,
  authentication,
  Backend,
  cString,
  Frontend,
  int32,
  message,
  PROTOCOL_3,
  parameterStatus,
  RequestCode,
  readyForQuery,
} from './messages.ts';
import { parametersToReport } from './parameters.ts';
import { SaslServer } from './sasl-server.ts';
import { makeNonce, NONCE_BYTES } from './scram.ts';
import {
  decodeFirstPacket,
  MINOR_NEWEST,
  STARTUP_BYTES_MAX,
  STARTUP_BYTES_MIN,
  STARTUP_LENGTH_INVALID,
  type Startup,
  unencryptedData,
  unsupportedVersion,
} from './startup.ts';

/** A message of the login; the length that it states. */
const LOGIN_MESSAGE_BYTES_MAX = 10_000;

/** What a driver may say while it is being looked up. */
const EARLY_BYTES_MAX = 65_536;

/** First byte of a TLS record with a hello: the driver asks by nothing else (sslnegotiation=direct). */
const TLS_HANDSHAKE = 0x16;

type State =
  | { at: 'startup' }
  | { at: 'identifying'; startup: Startup }
  | { at: 'initial response'; startup: Startup; identity: Identity | undefined; sasl: SaslServer }
  | { at: 'response'; startup: Startup; identity: Identity | undefined; sasl: SaslServer }
  | { at: 'end' };

export class DriverHandshakeMachine implements DriverHandshake {
  readonly #options: AcceptOptions;
  readonly #inbox = new Inbox('driver');
  readonly #outbox = new Outbox();
  readonly #refusedEncryption = new Set<string>();
  #isSecure = false;
  #state: State = { at: 'startup' };

  constructor(options: AcceptOptions) {
    this.#options = options;
  }

  begin(): DriverStep {
    return this.#read();
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
      const { startup } = this.#state;
      this.#negotiateVersion(startup);
      if (!this.#options.passwordNeeded) return this.#admit(startup, identity);
      this.#askForPassword(startup, identity);
      return this.#advance();
    });
  }

  refuse(error: PoolerError): Uint8Array {
    this.#state = { at: 'end' };
    this.#outbox.push(encodeErrorResponse(error, 'FATAL'));
    return this.#take();
  }

  #attempt(run: () => DriverStep): DriverStep {
    try {
      return run();
    } catch (error) {
      return { step: 'close', send: this.refuse(PoolerError.from(error)) };
    }
  }

  #advance(): DriverStep {
    const state = this.#state;
    switch (state.at) {
      case 'startup':
        return this.#receiveFirstPacket();
      case 'identifying':
        return this.#receiveEarly();
      case 'initial response':
        return this.#receiveInitialResponse(state);
      case 'response':
        return this.#receiveResponse(state);
      case 'end':
        return { step: 'close', send: this.#take() };
    }
  }

  #receiveFirstPacket(): DriverStep {
    if (this.#offersTls && this.#inbox.peekByte() === TLS_HANDSHAKE)
      return this.#startTls({ isDirect: true });
    const body = this.#inbox.takePacket({
      bytesMin: STARTUP_BYTES_MIN,
      bytesMax: STARTUP_BYTES_MAX,
      outOfBounds: STARTUP_LENGTH_INVALID,
    });
    if (body === undefined) return this.#read();
    const first = decodeFirstPacket(body);
    switch (first.kind) {
      case 'SSLRequest':
        if (this.#offersTls) return this.#startTls({ isDirect: false });
        this.#refuseEncryption(first.kind);
        return this.#advance();
      case 'GSSENCRequest':
        this.#refuseEncryption(first.kind);
        return this.#advance();
      case 'CancelRequest':
        this.#state = { at: 'end' };
        return { step: 'cancel', key: first.key, cancelRoute: cancelRouteOf(first.processId) };
      case 'StartupMessage':
        return this.#identify(first.startup);
    }
  }

  get #offersTls(): boolean {
    return this.#options.offersTls && !this.#isSecure;
  }

  /** What came in clear behind the request would be taken for something said in secret (CVE-2021-23214). */
  #startTls({ isDirect }: { isDirect: boolean }): DriverStep {
    if (!isDirect && this.#inbox.length > 0) throw unencryptedData();
    this.#isSecure = true;
    this.#refusedEncryption.add('SSLRequest').add('GSSENCRequest');
    if (!isDirect) this.#outbox.push(encodeText('S'));
    return { step: 'startTls', send: this.#take(), early: this.#inbox.takeRest(), isDirect };
  }

  /** What is pipelined behind the request is no attack here: we say no, so all of it was meant to be in clear. */
  #refuseEncryption(kind: 'SSLRequest' | 'GSSENCRequest'): void {
    if (this.#refusedEncryption.has(kind)) throw unsupportedVersion(RequestCode[kind]);
    this.#refusedEncryption.add(kind);
    this.#outbox.push(encodeText('N'));
  }

  #identify(startup: Startup): DriverStep {
    this.#state = { at: 'identifying', startup };
    return { step: 'identify', send: this.#take(), user: startup.user, database: startup.database };
  }

  #receiveEarly(): DriverStep {
    if (this.#inbox.length > EARLY_BYTES_MAX) throw violation('too much data before authentication');
    return this.#read();
  }

  /** As PostgreSQL 18: the newest version that we both have, and the options that nobody here knows. */
  #negotiateVersion(startup: Startup): void {
    const { minor, protocolOptions } = startup;
    if (minor <= MINOR_NEWEST && protocolOptions.length === 0) return;
    const names = protocolOptions.map(cString);
    const version = int32(PROTOCOL_3 + minorSpoken(minor));
    this.#outbox.push(message(Backend.NegotiateProtocolVersion, version, int32(names.length), ...names));
  }

  #askForPassword(startup: Startup, identity: Identity | undefined): void {
    const sasl = new SaslServer({
      user: startup.user,
      verifier: identity?.verifier,
      decoySecret: this.#options.decoySecret,
      nonce: makeNonce(this.#options.random),
      endPoint: this.#isSecure ? this.#options.tlsEndPoint : undefined,
    });
    this.#state = { at: 'initial response', startup, identity, sasl };
    this.#outbox.push(authentication(AuthenticationRequest.SASL, sasl.mechanisms));
  }

  #receiveInitialResponse(state: State & { at: 'initial response' }): DriverStep {
    const body = this.#takeSaslResponse();
    if (body === undefined) return this.#read();
    const serverFirst = state.sasl.first(body);
    this.#outbox.push(authentication(AuthenticationRequest.SASLContinue, serverFirst));
    this.#state = { ...state, at: 'response' };
    return this.#advance();
  }

  #receiveResponse(state: State & { at: 'response' }): DriverStep {
    const body = this.#takeSaslResponse();
    if (body === undefined) return this.#read();
    const serverFinal = state.sasl.final(body);
    if (serverFinal === undefined) throw wrongPassword(state.startup.user);
    this.#outbox.push(authentication(AuthenticationRequest.SASLFinal, serverFinal));
    return this.#admit(state.startup, state.identity);
  }

  /** The type is judged before the length: what is not the expected message has no length to wait for. */
  #takeSaslResponse(): Uint8Array | undefined {
    const type = this.#inbox.peekByte();
    if (type !== undefined && type !== Frontend.Password) {
      throw violation(`expected SASL response, got message type ${type}`);
    }
    return this.#inbox.takeMessage(LOGIN_MESSAGE_BYTES_MAX)?.body;
  }

  /** The driver is in, in one send: it waits for ReadyForQuery. */
  #admit(startup: Startup, identity: Identity | undefined): DriverStep {
    if (identity === undefined) throw unknownDatabase(startup.database);
    const parameters = parametersToReport(identity.facts, startup.settings);
    const cancelKey = makeCancelKey({
      cancelRoute: identity.cancelRoute,
      minor: minorSpoken(startup.minor),
      random: this.#options.random.subarray(NONCE_BYTES),
    });
    this.#outbox.push(authentication(AuthenticationRequest.Ok));
    for (const [name, value] of Object.entries(parameters)) this.#outbox.push(parameterStatus(name, value));
    this.#outbox.push(message(Backend.BackendKeyData, cancelKey));
    this.#outbox.push(readyForQuery('I'));
    this.#state = { at: 'end' };
    const { user, settings } = startup;
    const key = Buffer.from(cancelKey).toString('hex');
    const opening = { user, settings, parameters, cancelKey: key, dialect: '' };
    return { step: 'accepted', send: this.#take(), opening, rest: this.#inbox.takeRest() };
  }

  #read(): DriverStep {
    return { step: 'read', send: this.#take() };
  }

  #take(): Uint8Array {
    return this.#outbox.take() ?? new Uint8Array();
  }
}

/** 3.1 was never made: who asks for it is served as 3.0. */
function minorSpoken(minor: number): number {
  return minor < MINOR_NEWEST ? 0 : MINOR_NEWEST;
}

function violation(text: string): PoolerError {
  return new PoolerError(text, { fault: 'driver', sqlState: '08P01', fatal: true });
}

function wrongPassword(user: string): PoolerError {
  return new PoolerError(`password authentication failed for user "${user}"`, {
    fault: 'driver',
    sqlState: '28P01',
    hint: 'Check the user, the client token and the config name in the connection string.',
    fatal: true,
  });
}

function unknownDatabase(database: string): PoolerError {
  return new PoolerError(`database "${database}" does not exist`, {
    fault: 'driver',
    sqlState: '3D000',
    fatal: true,
  });
}
