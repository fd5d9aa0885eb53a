/**
 * Plays the client while we log in to an origin.
 *
 *   greeting       -> the server speaks first: version, capabilities, a nonce; or an ERR
 *   securing       -> SSLRequest is out and the socket is being upgraded; nothing may arrive
 *   authentication -> HandshakeResponse is out: AuthSwitchRequest and AuthMoreData until OK
 *   settling       -> our own settings and a question about the session's are out, in one write
 *   end            -> ready or failed
 *
 * An origin's bytes may be an attacker's: each packet and the whole login have a bound, and what does not belong
 * here ends the login. `receive` never throws. What a session holds besides is not known here.
 */
import { PoolerError } from '../../errors.ts';
import type { LoginOptions, OriginLogin, OriginSession, OriginStep } from '../contract.ts';
import { Authentication } from './authentication.ts';
import { Capability, hasFlag, ServerStatus, withoutFlag } from './capabilities.ts';
import { decodeDialect, missingIn, requestOf } from './dialect.ts';
import { decodeErr, ErrorNumber, originError } from './errors.ts';
import {
  type AuthSwitch,
  decodeAuthSwitch,
  decodeGreeting,
  encodeHandshakeResponse,
  encodeSslRequest,
  type Greeting,
  type ResponseToEncode,
} from './handshake.ts';
import { Inbox } from './inbox.ts';
import { InitialAnswers, initialQuestions } from './initial-session.ts';
import { decodeOk } from './ok-packet.ts';
import { factsOf } from './origin-facts.ts';
import { packet, Reply } from './packets.ts';
import type { Agreed } from './text-reply.ts';

const PACKET_BYTES_MAX = 65_536;
const LOGIN_BYTES_MAX = 1_048_576;

/** What we take from an origin in one packet: all that there can be. */
const ORIGIN_PACKET_BYTES_MAX = 0x4000_0000;

/** How we show in performance_schema.session_connect_attrs and in information_schema.processlist. */
const ATTRIBUTES = { _client_name: 'Warmpool', program_name: 'Warmpool' };

/** A number of a refused login to the code of Hyperdrive's REST API. All others: 2015. */
const API_CODES: ReadonlyMap<number, number> = new Map([
  [ErrorNumber.ER_ACCESS_DENIED_ERROR, 2013],
  [ErrorNumber.ER_ACCESS_DENIED_NO_PASSWORD_ERROR, 2013],
  [ErrorNumber.ER_DBACCESS_DENIED_ERROR, 2013],
  [ErrorNumber.ER_ACCOUNT_HAS_BEEN_LOCKED, 2013],
  [ErrorNumber.ER_BAD_DB_ERROR, 2014],
]);

export interface LoggedIn extends Agreed {
  dialect: string;
  serverVersion: string;
  /** For KILL. */
  connectionId: number;
  status: number;
  /** The origin tells changes of the session, as we asked it to. */
  isTracking: boolean;
  /** System variables of the session as it begins. */
  variables: ReadonlyMap<string, string>;
}

export type MakeSession = (login: LoggedIn) => OriginSession;

interface Talking extends Agreed {
  greeting: Greeting;
  authentication: Authentication;
}

type State =
  | { at: 'greeting' }
  | { at: 'securing' }
  | ({ at: 'authentication' } & Talking)
  | ({ at: 'settling'; status: number; answers: InitialAnswers } & Talking)
  | { at: 'end' };

export class OriginLoginMachine implements OriginLogin {
  readonly #options: LoginOptions;
  readonly #makeSession: MakeSession;
  readonly #inbox = new Inbox({ fault: 'origin', payloadBytesMax: PACKET_BYTES_MAX, sequence: 0 });
  #bytesReceived = 0;
  #state: State = { at: 'greeting' };

  constructor(options: LoginOptions, makeSession: MakeSession) {
    this.#options = options;
    this.#makeSession = makeSession;
  }

  /** The server speaks first. */
  begin(): Uint8Array {
    return new Uint8Array();
  }

  receive(bytes: Uint8Array): OriginStep {
    try {
      this.#bytesReceived += bytes.length;
      if (this.#bytesReceived > LOGIN_BYTES_MAX) throw violation('The login is too long.');
      this.#inbox.push(bytes);
      return this.#advance();
    } catch (error) {
      this.#state = { at: 'end' };
      return { step: 'failed', error: PoolerError.from(error) };
    }
  }

  #advance(): OriginStep {
    for (;;) {
      if (this.#state.at === 'securing') throw violation('The database sent data in clear where TLS begins.');
      if (this.#state.at === 'end') throw violation('The database sent data after the end of the login.');
      const payload = this.#inbox.take();
      if (payload === undefined) return wait();
      const step = this.#receivePacket(payload, this.#state);
      if (step.step === 'read' && step.send.length === 0) continue;
      if (this.#inbox.length > 0) throw violation('The database did not wait for its turn to speak.');
      return step;
    }
  }

  #receivePacket(payload: Uint8Array, state: Exclude<State, { at: 'securing' | 'end' }>): OriginStep {
    switch (state.at) {
      case 'greeting':
        return this.#greeted(payload);
      case 'authentication':
        return this.#authenticate(payload, state);
      case 'settling':
        return this.#settle(payload, state);
    }
  }

  #greeted(payload: Uint8Array): OriginStep {
    if (payload[0] === Reply.ERR) throw loginError(payload);
    const greeting = decodeGreeting(payload);
    if (greeting === undefined) throw violation('The database speaks a protocol from before MySQL 4.1.');
    this.#requireDialect(greeting);
    const { tls } = this.#options;
    const hasTls = hasFlag(greeting.capabilities, Capability.SSL);
    if (tls === 'require' && !hasTls) throw noTls();
    if (tls === 'disable' || !hasTls) return send(this.#respond(greeting, { isSecure: false }));
    this.#state = { at: 'securing' };
    const request = this.#packet(encodeSslRequest(this.#response(greeting)));
    return { step: 'startTls', send: request, secured: () => this.#respond(greeting, { isSecure: true }) };
  }

  /** Where the driver agreed on something with the edge that this server cannot do, its replies would be misread. */
  #requireDialect(greeting: Greeting): void {
    const { dialect } = this.#options;
    const missing = dialect === '' ? '' : missingIn(decodeDialect(dialect), greeting);
    if (missing === '') return;
    throw violation(
      `The database, now ${greeting.serverVersion}, lacks capabilities that the driver chose (${missing}).`,
    );
  }

  #respond(greeting: Greeting, { isSecure }: { isSecure: boolean }): Uint8Array {
    const { password, random } = this.#options;
    const authentication = new Authentication({ password, isSecure, random });
    const { plugin, response: authResponse } = authentication.first(greeting);
    const response = { ...this.#response(greeting), plugin, authResponse };
    if (isSecure) response.capabilities = (response.capabilities | Capability.SSL) >>> 0;
    const { capabilities, extended } = response;
    this.#state = { at: 'authentication', greeting, authentication, capabilities, extended };
    return this.#packet(encodeHandshakeResponse(response));
  }

  /** All but the proof of the password. */
  #response(greeting: Greeting): ResponseToEncode {
    const { user, database, dialect: text } = this.#options;
    const dialect = decodeDialect(text);
    return {
      capabilities: requestOf(dialect, greeting),
      extended: dialect.extended & greeting.extended,
      collation: dialect.collation,
      user,
      database,
      plugin: '',
      authResponse: new Uint8Array(),
      packetBytesMax: ORIGIN_PACKET_BYTES_MAX,
      attributes: ATTRIBUTES,
    };
  }

  #authenticate(payload: Uint8Array, state: State & { at: 'authentication' }): OriginStep {
    switch (payload[0]) {
      case Reply.OK:
        return this.#admitted(payload, state);
      case Reply.ERR:
        throw loginError(payload);
      case Reply.EOF:
        return send(this.#packet(state.authentication.switch(requireSwitch(payload))));
      case Reply.AUTH_MORE_DATA: {
        const answer = state.authentication.more(payload.subarray(1));
        return answer === undefined ? wait() : send(this.#packet(answer));
      }
      default:
        throw violation('The database sent an unknown packet in the middle of the login.');
    }
  }

  #admitted(payload: Uint8Array, state: State & { at: 'authentication' }): OriginStep {
    const { status } = decodeOk(payload, state.capabilities);
    const questions = initialQuestions(state);
    this.#state = { ...state, at: 'settling', status, answers: new InitialAnswers(state) };
    this.#inbox.expect(1);
    return send(questions);
  }

  #settle(payload: Uint8Array, state: State & { at: 'settling' }): OriginStep {
    const { answers } = state;
    if (answers.receive(payload)) this.#inbox.expect(1);
    return answers.isComplete ? this.#ready(state) : wait();
  }

  #ready({ greeting, answers, status, capabilities, extended }: State & { at: 'settling' }): OriginStep {
    this.#state = { at: 'end' };
    const { serverVersion, connectionId } = greeting;
    const { variables, isTracking } = answers;
    const { dialect } = this.#options;
    const session = this.#makeSession({
      ...{ dialect, serverVersion, connectionId, status, capabilities, extended, isTracking, variables },
    });
    const statusAtLogin = withoutFlag(status, ServerStatus.SESSION_STATE_CHANGED);
    return { step: 'ready', session, facts: factsOf({ ...greeting, status: statusAtLogin }, variables) };
  }

  #packet(payload: Uint8Array): Uint8Array {
    const bytes = packet(this.#inbox.sequence, payload);
    this.#inbox.expect(this.#inbox.sequence + 1);
    return bytes;
  }
}

function wait(): OriginStep {
  return send(new Uint8Array());
}

function send(bytes: Uint8Array): OriginStep {
  return { step: 'read', send: bytes };
}

function requireSwitch(payload: Uint8Array): AuthSwitch {
  const request = decodeAuthSwitch(payload);
  if (request) return request;
  throw failed('The database asks for a password hash from before MySQL 4.1, which is not supported.', {
    sqlState: '28000',
    errno: ErrorNumber.ER_ACCESS_DENIED_ERROR,
    apiCode: 2015,
  });
}

function loginError(payload: Uint8Array): PoolerError {
  const err = decodeErr(payload);
  return originError(err, { fatal: true, apiCode: API_CODES.get(err.errno) ?? 2015 });
}

function noTls(): PoolerError {
  return failed('TLS (SSL) not supported by the database.', {
    sqlState: '08S01',
    errno: ErrorNumber.ER_HANDSHAKE_ERROR,
    apiCode: 2012,
  });
}

function violation(text: string): PoolerError {
  return failed(text, { sqlState: '08S01', errno: ErrorNumber.ER_HANDSHAKE_ERROR, apiCode: 2015 });
}

function failed(text: string, codes: { sqlState: string; errno: number; apiCode: number }): PoolerError {
  return new PoolerError(text, { fault: 'origin', ...codes, fatal: true });
}
