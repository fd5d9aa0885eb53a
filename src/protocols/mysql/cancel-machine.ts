/** Cancels what runs on an origin connection: logs in as that one did, and says KILL QUERY. */
import type { OriginLogin, OriginStep } from '../contract.ts';
import type { MySqlOrigin } from './origin-session.ts';
import { Command, int1, packet } from './packets.ts';
import { queryPacket } from './query-packet.ts';

export class CancelMachine implements OriginLogin {
  readonly #login: OriginLogin;
  readonly #connectionId: number;
  #isKilling = false;

  constructor(login: OriginLogin, connectionId: number) {
    this.#login = login;
    this.#connectionId = connectionId;
  }

  begin(): Uint8Array {
    return this.#login.begin();
  }

  receive(bytes: Uint8Array): OriginStep {
    // OK, or an error because it has gone: the origin closes behind the goodbye.
    if (this.#isKilling) return { step: 'read', send: packet(0, int1(Command.QUIT)) };
    const step = this.#login.receive(bytes);
    if (step.step !== 'ready') return step;
    this.#isKilling = true;
    return {
      step: 'read',
      send: queryPacket(`KILL QUERY ${this.#connectionId}`, step.session as MySqlOrigin),
    };
  }
}
