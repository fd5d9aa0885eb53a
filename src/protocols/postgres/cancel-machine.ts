/** Delivers a CancelRequest, over TLS where the connection that it is about has it (manual, 54.2.8). */
import type { OriginLogin, OriginStep } from '../contract.ts';
import { int32, packet, RequestCode } from './messages.ts';

const ACCEPTED = 0x53; // S

export class CancelMachine implements OriginLogin {
  readonly #cancelRequest: Uint8Array;
  readonly #wantsTls: boolean;

  constructor(options: { cancelKey: Uint8Array; wantsTls: boolean }) {
    this.#cancelRequest = packet(int32(RequestCode.CancelRequest), options.cancelKey);
    this.#wantsTls = options.wantsTls;
  }

  begin(): Uint8Array {
    return this.#wantsTls ? packet(int32(RequestCode.SSLRequest)) : this.#cancelRequest;
  }

  /** The only answer is the one to SSLRequest. The key never goes in clear where TLS was refused. */
  receive(bytes: Uint8Array): OriginStep {
    if (this.#wantsTls && bytes[0] === ACCEPTED)
      return { step: 'startTls', send: new Uint8Array(), secured: () => this.#cancelRequest };
    return { step: 'read', send: new Uint8Array() };
  }
}
