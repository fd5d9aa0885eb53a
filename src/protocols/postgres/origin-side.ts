/**
 * Plays the client while we log in to an origin.
 *
 *   encryption     -> SSLRequest is out; one byte comes back: S, N, or E of a server that knows no TLS
 *   securing       -> the socket is being upgraded; nothing may arrive
 *   authentication -> StartupMessage is out; Authentication messages until AuthenticationOk
 *   settling       -> ParameterStatus and BackendKeyData until ReadyForQuery
 *   end            -> ready or failed
 *
 * An origin's bytes may be an attacker's: each message and the whole login have a bound, and what does not belong
 * here ends the login. `receive` never throws. What a session holds besides its key is not known here.
 */
import { PoolerError } from '../../errors.ts';
import { join } from '../bytes/join.ts';
import { Reader } from '../bytes/reader.ts';
import type { LoginOptions, OriginLogin, OriginSession, OriginStep } from '../contract.ts';
import { Authentication } from './authentication.ts';
import { decodeErrorFields, originError } from './errors.ts';
import { Inbox, type Message } from './inbox.ts';
import { Backend, cString, int32, PROTOCOL_3, packet, RequestCode } from './messages.ts';

const MESSAGE_BYTES_MAX = 65_536;
const LOGIN_BYTES_MAX = 1_048_576;
/** Process id and secret of BackendKeyData: 8 bytes in 3.0, a secret of up to 256 since 3.2. */
const CANCEL_KEY_BYTES_MIN = 8;
const CANCEL_KEY_BYTES_MAX = 260;

const APPLICATION_NAME = 'Warmpool';

/** SQLSTATE of a refused login to the code of Hyperdrive's REST API. All others: 2015. */
const API_CODES: ReadonlyMap<string, number> = new Map([
  ['28P01', 2013],
  ['28000', 2013],
  ['3D000', 2014],
]);

/** `cancelKey`: process id and secret as the origin sent them; empty where it sent none. */
export type MakeSession = (login: {
  cancelKey: Uint8Array;
  parameters: Record<string, string>;
}) => OriginSession;

type State =
  | { at: 'encryption' }
  | { at: 'securing' }
  | { at: 'authentication'; authentication: Authentication }
  | { at: 'settling' }
  | { at: 'end' };

export class OriginLoginMachine implements OriginLogin {
  readonly #options: LoginOptions;
  readonly #makeSession: MakeSession;
  readonly #inbox = new Inbox('origin');
  readonly #parameters = new Map<string, string>();
  #cancelKey: Uint8Array = new Uint8Array();
  #bytesReceived = 0;
  #state: State = { at: 'encryption' };

  constructor(options: LoginOptions, makeSession: MakeSession) {
    this.#options = options;
    this.#makeSession = makeSession;
  }

  begin(): Uint8Array {
    if (this.#options.tls === 'disable') return this.#startup();
    return packet(int32(RequestCode.SSLRequest));
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
    switch (this.#state.at) {
      case 'encryption':
        return this.#receiveEncryption();
      case 'securing':
        throw violation('The database sent data in clear where TLS begins.');
      case 'authentication':
      case 'settling':
        return this.#receiveMessages();
      case 'end':
        throw violation('The database sent data after the end of the login.');
    }
  }

  #receiveEncryption(): OriginStep {
    const answer = this.#inbox.takeByte();
    switch (answer) {
      case undefined:
        return wait();
      case 0x53: // S
        return this.#startTls();
      case 0x4e: // N
        if (this.#options.tls === 'require') throw noTls();
        return { step: 'read', send: this.#startup() };
      case Backend.ErrorResponse:
        // Its text is not passed on: anybody between us and the origin could have written it (CVE-2024-10977).
        throw noTls();
      default:
        throw violation(`The database answered SSLRequest with byte ${answer}.`);
    }
  }

  #startTls(): OriginStep {
    // Somebody in the middle put them there, to have them taken for the origin's own words (CVE-2021-23222).
    if (this.#inbox.length > 0)
      throw violation('The database sent data in clear behind its answer to SSLRequest.');
    this.#state = { at: 'securing' };
    return { step: 'startTls', send: new Uint8Array(), secured: (endPoint) => this.#startup(endPoint) };
  }

  #startup(endPoint?: Uint8Array): Uint8Array {
    const { user, password, database, random } = this.#options;
    const authentication = new Authentication({ user, password, random, endPoint });
    this.#state = { at: 'authentication', authentication };
    const parameters = Object.entries({ user, database, application_name: APPLICATION_NAME });
    const pairs = parameters.map(([name, value]) => join([cString(name), cString(value)]));
    return packet(int32(PROTOCOL_3), ...pairs, cString(''));
  }

  #receiveMessages(): OriginStep {
    for (;;) {
      const received = this.#inbox.takeMessage(MESSAGE_BYTES_MAX);
      if (received === undefined) return wait();
      const step = this.#receiveMessage(received);
      if (step.step === 'read' && step.send.length === 0) continue;
      if (this.#inbox.length > 0) throw violation('The database did not wait for its turn to speak.');
      return step;
    }
  }

  #receiveMessage({ type, body }: Message): OriginStep {
    switch (type) {
      case Backend.ErrorResponse:
        throw loginError(body);
      case Backend.NoticeResponse:
      case Backend.NegotiateProtocolVersion: // We ask for 3.0 and no option; some proxies send it all the same.
        return wait();
    }
    if (this.#state.at === 'authentication')
      return this.#authenticate({ type, body }, this.#state.authentication);
    return this.#settle({ type, body });
  }

  #authenticate({ type, body }: Message, authentication: Authentication): OriginStep {
    if (type !== Backend.Authentication) throw unexpected(type);
    const next = authentication.receive(body);
    switch (next.step) {
      case 'send':
        return { step: 'read', send: next.send };
      case 'wait':
        return wait();
      case 'ok':
        this.#state = { at: 'settling' };
        return wait();
    }
  }

  #settle({ type, body }: Message): OriginStep {
    switch (type) {
      case Backend.ParameterStatus:
        this.#collectParameter(new Reader(body, 'origin'));
        return wait();
      case Backend.BackendKeyData:
        this.#collectCancelKey(body);
        return wait();
      case Backend.ReadyForQuery:
        return this.#ready();
      default:
        throw unexpected(type);
    }
  }

  #collectParameter(reader: Reader): void {
    const name = reader.cString();
    this.#parameters.set(name, reader.cString());
  }

  #collectCancelKey(body: Uint8Array): void {
    if (body.length < CANCEL_KEY_BYTES_MIN || body.length > CANCEL_KEY_BYTES_MAX) {
      throw violation('The database sent a cancel key of an invalid length.');
    }
    this.#cancelKey = body.slice();
  }

  #ready(): OriginStep {
    this.#state = { at: 'end' };
    const parameters = Object.fromEntries(this.#parameters);
    const session = this.#makeSession({ cancelKey: this.#cancelKey, parameters });
    return {
      step: 'ready',
      session,
      facts: { serverVersion: parameters['server_version'] ?? '', parameters },
    };
  }
}

function wait(): OriginStep {
  return { step: 'read', send: new Uint8Array() };
}

function loginError(body: Uint8Array): PoolerError {
  const fields = decodeErrorFields(body);
  return originError(fields, { fatal: true, apiCode: API_CODES.get(fields.C ?? '') ?? 2015 });
}

function noTls(): PoolerError {
  return failed('TLS (SSL) not supported by the database.', { sqlState: '08004', apiCode: 2012 });
}

function unexpected(type: number): PoolerError {
  return violation(`The database sent message type ${type} in the middle of the login.`);
}

function violation(text: string): PoolerError {
  return failed(text, { sqlState: '08P01', apiCode: 2015 });
}

function failed(text: string, codes: { sqlState: string; apiCode: number }): PoolerError {
  return new PoolerError(text, { fault: 'origin', ...codes, fatal: true });
}
