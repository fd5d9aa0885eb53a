/**
 * COM_RESET_CONNECTION, and what works like it. A driver without a connection is reset where it stands; else the
 * connection is reset with it, and made ready again as after its login.
 */
import { Capability, withFlag, withoutFlag } from './capabilities.ts';
import { decodeDialect, encodeDialect } from './dialect.ts';
import type { PacketStream } from './packet-stream.ts';
import { Command } from './packets.ts';
import { DATABASE, Settings, transition } from './settings.ts';
import type { Talk } from './talk.ts';

/** Of COM_SET_OPTION. */
const MULTI_STATEMENTS_ON = 0;

export class Resetting {
  readonly #talk: Talk;
  readonly #stream: PacketStream;

  constructor(talk: Talk, stream: PacketStream) {
    this.#talk = talk;
    this.#stream = stream;
  }

  reset(): boolean {
    const talk = this.#talk;
    const { origin } = talk;
    if (!origin) {
      this.#stream.cut();
      this.forget();
      talk.answerOk();
      return true;
    }
    this.#stream.pass();
    talk.owe({
      kind: 'ok',
      done: () => {
        this.forget();
        origin.wasReset();
      },
    });
    this.#stream.flush();
    if (origin.setUp !== undefined) talk.run(origin.setUp);
    return true;
  }

  /** COM_CHANGE_USER of the same user: the database is the config's again, too. The OK is ours. */
  login(): boolean {
    const talk = this.#talk;
    const { origin } = talk;
    this.#stream.cut();
    const begin = (): void => {
      this.forget();
      talk.settings = Settings.none;
      talk.answerOk();
    };
    if (!origin) {
      begin();
      return true;
    }
    talk.command(Command.RESET_CONNECTION, new Uint8Array(), {
      kind: 'ok',
      done: () => {
        origin.wasReset();
        begin();
      },
    });
    if (origin.setUp !== undefined) talk.run(origin.setUp);
    for (const sql of transition(origin.settings, Settings.none, origin.fresh)) talk.run(sql);
    return true;
  }

  /** What the driver has in its session, but for the database, is gone. */
  forget(): void {
    const talk = this.#talk;
    const { database } = talk.settings;
    talk.settings = Settings.of(database === undefined ? [] : [[DATABASE, database]]);
    talk.pins.clear();
    talk.asks.clear();
    talk.statements.clear();
    talk.lastPrepared = undefined;
    talk.insertId = 0n;
    talk.isInsertIdHere = false;
  }

  /** Whether a text may hold many statements belongs to the dialect: another connection will serve this driver. */
  setOption(): boolean {
    const talk = this.#talk;
    const { origin } = talk;
    const { payload } = this.#stream;
    const isOn = ((payload[1] ?? 0) | ((payload[2] ?? 0) << 8)) === MULTI_STATEMENTS_ON;
    const before = decodeDialect(talk.dialect);
    const change = isOn ? withFlag : withoutFlag;
    const capabilities = change(before.capabilities, Capability.MULTI_STATEMENTS);
    const dialect = encodeDialect({ ...before, capabilities });
    if (!origin) {
      this.#stream.cut();
      talk.dialect = dialect;
      talk.answerEof();
      return true;
    }
    this.#stream.pass();
    talk.owe({
      kind: 'ok',
      done: () => {
        talk.dialect = dialect;
        origin.dialect = dialect;
      },
    });
    return true;
  }
}
