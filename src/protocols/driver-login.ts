/** What a protocol must offer so that an edge can play the server while a driver logs in. See contract.ts. */
import type { PoolerError } from '../errors.ts';
import type { OriginFacts } from './contract.ts';

export interface AcceptOptions {
  /** False on a bound capability: whoever holds it may connect. */
  passwordNeeded: boolean;
  /** The edge can begin TLS in this connection (step `startTls`). */
  offersTls: boolean;
  /** What a login inside of that TLS can be bound to: `tls-server-end-point` of RFC 5929. Undefined: nothing. */
  tlsEndPoint?: Uint8Array | undefined;
  /** At least 64 random bytes: nonces and keys are cut from it. */
  random: Uint8Array;
  /** Secret of this deployment: makes what an unknown user is asked the same each time. */
  decoySecret: Uint8Array;
}

export interface DriverHandshake {
  /**
   * Once, before anything else: what the server says before the driver does. `facts`: of any origin that this
   * can lead to; undefined where the server does not speak first, or where only the driver will say which it is.
   */
  begin(facts: OriginFacts | undefined): DriverStep;
  /** Takes bytes from the driver. */
  receive(bytes: Uint8Array): DriverStep;
  /** Answers a step `identify`. Undefined: no such config or user; the machine goes on and refuses at the end. */
  identified(identity: Identity | undefined): DriverStep;
  /** Ends the login from outside: its last words, which may also stand in place of what an `accepted` would send. */
  refuse(error: PoolerError): Uint8Array;
}

export interface Identity {
  facts: OriginFacts;
  /** The origin's name for the database. */
  database: string;
  /** Made by `makeVerifier`. Needed where `passwordNeeded`. */
  verifier?: string;
  /** Which config a later cancel request belongs to: 20 bits that the cancel key carries. */
  cancelRoute: number;
}

export type DriverStep =
  /** Send, then read more. */
  | { step: 'read'; send: Uint8Array }
  /** Send, look the config and the user up, then call `identified`. */
  | { step: 'identify'; send: Uint8Array; user: string; database: string }
  /** Send: the driver is in. `rest` is what it already said after its login. */
  | { step: 'accepted'; send: Uint8Array; opening: DriverOpening; rest: Uint8Array }
  /**
   * Send, then TLS begins; what is said inside of it goes to `receive`. `early`: what the driver has already said of its
   * part. `isDirect`: it asked by nothing else, so it must name the protocol by ALPN.
   */
  | { step: 'startTls'; send: Uint8Array; early: Uint8Array; isDirect: boolean }
  /** Not a login: cancel what the session with this key runs, then close. */
  | { step: 'cancel'; key: Uint8Array; cancelRoute: number }
  /** Send, then close. */
  | { step: 'close'; send: Uint8Array };

/** What the endpoint must know of a driver. Crosses the link as JSON. */
export interface DriverOpening {
  user: string;
  /** Session settings from the driver's startup: lower-case name to value. */
  settings: Record<string, string>;
  /** What the driver was told at login, or agreed on there. */
  parameters: Record<string, string>;
  /** The key that the driver was given to cancel with, in hexadecimal. */
  cancelKey: string;
  /** What driver and edge agreed on that shapes replies: see `Conversation.dialect`. */
  dialect: string;
}
