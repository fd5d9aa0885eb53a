/**
 * Logging in to an origin: answers its Authentication messages. Of the methods that PostgreSQL has it takes
 * trust, clear text, MD5 and SCRAM-SHA-256, which it binds to the TLS connection where it can (-PLUS). Clear text needs no check of its own: with `tls: 'require'` nothing is
 * said before TLS is up, and who chose `prefer` or `disable` chose this too.
 * https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-START-UP
 */
import { createHash } from 'node:crypto';
import { PoolerError } from '../../errors.ts';
import { encodeText } from '../bytes/join.ts';
import { Reader } from '../bytes/reader.ts';
import { AuthenticationRequest, cString, Frontend, int32, message } from './messages.ts';
import { makeNonce, SCRAM_SHA_256, SCRAM_SHA_256_PLUS } from './scram.ts';
import { ScramClient } from './scram-client.ts';

export interface AuthenticationOptions {
  user: string;
  password: string;
  /** At least 18 random bytes. */
  random: Uint8Array;
  /** What the login can be bound to; undefined where TLS does not show it, or there is none. */
  endPoint?: Uint8Array | undefined;
}

/** Send, or know that the origin let us in. */
export type AuthenticationStep = { step: 'send'; send: Uint8Array } | { step: 'wait' } | { step: 'ok' };

type State = { at: 'begin' } | { at: 'password sent' } | { at: 'scram'; scram: ScramClient };

export class Authentication {
  readonly #options: AuthenticationOptions;
  #state: State = { at: 'begin' };

  constructor(options: AuthenticationOptions) {
    this.#options = options;
  }

  /** Takes the body of an Authentication message. */
  receive(body: Uint8Array): AuthenticationStep {
    const reader = new Reader(body, 'origin');
    const request = reader.int32();
    switch (request) {
      case AuthenticationRequest.Ok:
        return this.#ok();
      case AuthenticationRequest.CleartextPassword:
        return this.#sendPassword(this.#options.password);
      case AuthenticationRequest.MD5Password:
        return this.#sendPassword(md5Password(this.#options, reader.bytes(4)));
      case AuthenticationRequest.SASL:
        return this.#beginScram(readMechanisms(reader));
      case AuthenticationRequest.SASLContinue:
        return send(this.#scram().continue(reader.rest()));
      case AuthenticationRequest.SASLFinal:
        this.#scram().finish(reader.rest());
        return { step: 'wait' };
      default:
        throw refused(`The database asks for ${nameOf(request)}, which is not supported.`);
    }
  }

  #ok(): AuthenticationStep {
    if (this.#state.at === 'scram' && !this.#state.scram.isVerified) {
      throw refused('The database ended SCRAM authentication without proving that it knows the password.');
    }
    return { step: 'ok' };
  }

  #sendPassword(password: string): AuthenticationStep {
    this.#leaveBegin({ at: 'password sent' });
    return send(cString(password));
  }

  #beginScram(mechanisms: readonly string[]): AuthenticationStep {
    const { password, random, endPoint } = this.#options;
    const isBound = endPoint !== undefined && mechanisms.includes(SCRAM_SHA_256_PLUS);
    if (!isBound && !mechanisms.includes(SCRAM_SHA_256)) {
      throw refused(`The database offers no SASL mechanism but ${mechanisms.join(', ')}.`);
    }
    const binding = endPoint && (isBound ? endPoint : 'not offered');
    const scram = new ScramClient({ password, nonce: makeNonce(random), binding });
    this.#leaveBegin({ at: 'scram', scram });
    const first = scram.begin();
    return send(cString(isBound ? SCRAM_SHA_256_PLUS : SCRAM_SHA_256), int32(first.length), first);
  }

  /** One method per login: no server may try a weaker one after it has seen our answer to another. */
  #leaveBegin(next: State): void {
    if (this.#state.at !== 'begin') throw refused('The database asks for a password a second time.');
    this.#state = next;
  }

  #scram(): ScramClient {
    if (this.#state.at !== 'scram') throw refused('The database goes on with SASL before it has begun.');
    return this.#state.scram;
  }
}

function send(...parts: Uint8Array[]): AuthenticationStep {
  return { step: 'send', send: message(Frontend.Password, ...parts) };
}

/** `md5` and md5(md5(password + user) + salt), in hexadecimal. */
function md5Password(login: { user: string; password: string }, salt: Uint8Array): string {
  const inner = createHash('md5')
    .update(encodeText(login.password + login.user))
    .digest('hex');
  return `md5${createHash('md5').update(inner).update(salt).digest('hex')}`;
}

/** Names until an empty one. */
function readMechanisms(reader: Reader): string[] {
  const mechanisms: string[] = [];
  for (let name = reader.cString(); name !== ''; name = reader.cString()) mechanisms.push(name);
  return mechanisms;
}

function nameOf(request: number): string {
  switch (request) {
    case AuthenticationRequest.KerberosV5:
      return 'Kerberos V5 authentication';
    case AuthenticationRequest.GSS:
    case AuthenticationRequest.GSSContinue:
      return 'GSSAPI authentication';
    case AuthenticationRequest.SSPI:
      return 'SSPI authentication';
    default:
      return `authentication method ${request}`;
  }
}

function refused(text: string): PoolerError {
  return new PoolerError(text, {
    fault: 'origin',
    sqlState: '28000',
    apiCode: 2015,
    hint: 'Let the database user log in with scram-sha-256, md5 or password (pg_hba.conf).',
    fatal: true,
  });
}
