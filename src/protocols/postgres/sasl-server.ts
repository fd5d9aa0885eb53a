/**
 * SASL as PostgreSQL speaks it: the mechanisms that a driver may choose from, and its responses.
 * https://www.postgresql.org/docs/18/sasl-authentication.html
 */
import { PoolerError } from '../../errors.ts';
import { join } from '../bytes/join.ts';
import { Reader } from '../bytes/reader.ts';
import { cString } from './messages.ts';
import { SCRAM_SHA_256, SCRAM_SHA_256_PLUS } from './scram.ts';
import { ScramServer, type ScramServerOptions } from './scram-server.ts';

export class SaslServer {
  readonly #names: readonly string[];
  readonly #scram: ScramServer;

  constructor(options: ScramServerOptions) {
    this.#names = options.endPoint ? [SCRAM_SHA_256_PLUS, SCRAM_SHA_256] : [SCRAM_SHA_256];
    this.#scram = new ScramServer(options);
  }

  /** Body of AuthenticationSASL, the one that we prefer first. */
  get mechanisms(): Uint8Array {
    return join([...this.#names.map(cString), cString('')]);
  }

  /** Takes the body of a SASLInitialResponse, returns that of AuthenticationSASLContinue. */
  first(body: Uint8Array): Uint8Array {
    const reader = new Reader(body, 'driver');
    const name = reader.cString();
    if (!this.#names.includes(name))
      throw violation('client selected an invalid SASL authentication mechanism');
    // A length of -1 means: no message yet. No driver does so, and the reader refuses it.
    const response = reader.bytes(reader.int32());
    if (reader.remaining > 0) throw violation('invalid message format');
    return this.#scram.first(response, { isBound: name === SCRAM_SHA_256_PLUS });
  }

  /** Takes the body of a SASLResponse, returns that of AuthenticationSASLFinal. Undefined: the proof is wrong. */
  final(body: Uint8Array): Uint8Array | undefined {
    return this.#scram.final(body);
  }
}

function violation(text: string): PoolerError {
  return new PoolerError(text, { fault: 'driver', sqlState: '08P01', fatal: true });
}
