/**
 * What we set and ask once on each new origin connection, in one write. Where the server offers it, it then tells each
 * change of the session behind the statement that made it (session tracking).
 * https://dev.mysql.com/doc/refman/9.4/en/session-state-tracking.html
 */
import { join } from '../bytes/join.ts';
import { Capability, hasFlag } from './capabilities.ts';
import { queryPacket } from './query-packet.ts';
import { type Agreed, TextReply } from './text-reply.ts';

const TRACKING =
  "SET SESSION session_track_schema = ON, session_track_state_change = ON, session_track_system_variables = '*'";

/** Those of a session that somebody here acts on. What a server does not have is not in its answer. */
const VARIABLES = [
  'autocommit',
  'character_set_client',
  'character_set_connection',
  'character_set_results',
  'collation_connection',
  'lower_case_table_names',
  'max_allowed_packet',
  'sql_mode',
  'system_time_zone',
  'time_zone',
  'transaction_isolation',
  'tx_isolation',
];

const QUESTION = `SHOW SESSION VARIABLES WHERE Variable_name IN (${VARIABLES.map((name) => `'${name}'`).join(', ')})`;

export function initialQuestions(agreed: Agreed): Uint8Array {
  return join(statementsOf(agreed).map((sql) => queryPacket(sql, agreed)));
}

/** A server that refuses one of them does not refuse the login. */
export class InitialAnswers {
  readonly #tracking: TextReply | undefined;
  readonly #variables: TextReply;

  constructor(agreed: Agreed) {
    this.#tracking = canTrack(agreed) ? new TextReply(agreed) : undefined;
    this.#variables = new TextReply(agreed);
  }

  get isComplete(): boolean {
    return this.#variables.isComplete;
  }

  get isTracking(): boolean {
    return this.#tracking !== undefined && this.#tracking.error === undefined;
  }

  get variables(): ReadonlyMap<string, string> {
    const rows = this.#variables.results.flat();
    return new Map(rows.map(([name, value]) => [name ?? '', value ?? '']));
  }

  /** Takes the payload of the next packet. True: it was the last of its reply. */
  receive(payload: Uint8Array): boolean {
    const reply = this.#tracking?.isComplete === false ? this.#tracking : this.#variables;
    reply.receive(payload);
    return reply.isComplete;
  }
}

function statementsOf(agreed: Agreed): string[] {
  return canTrack(agreed) ? [TRACKING, QUESTION] : [QUESTION];
}

function canTrack({ capabilities }: Agreed): boolean {
  return hasFlag(capabilities, Capability.SESSION_TRACK);
}
