/** What we know of one origin connection: what was agreed on with it, its settings, and what is prepared on it. */
import type { OriginSession } from '../contract.ts';
import { hasFlag, ServerStatus } from './capabilities.ts';
import { PreparedStatements } from './prepared.ts';
import { DATABASE, Settings, setUp } from './settings.ts';

export interface OriginOptions {
  dialect: string;
  /** As they were agreed with the origin. */
  capabilities: number;
  extended: number;
  /** By which it is known to KILL. */
  connectionId: number;
  /** Of its last OK. */
  status: number;
  database: string;
  /** System variables as they are behind a login, where those of a reset session differ or matter to us. */
  variables: ReadonlyMap<string, string>;
  isTracking: boolean;
  statementsMax: number;
}

export class MySqlOrigin implements OriginSession {
  /** COM_SET_OPTION changes it. */
  dialect: string;
  readonly capabilities: number;
  readonly extended: number;
  readonly connectionId: number;
  readonly isTracking: boolean;
  readonly prepared: PreparedStatements;
  /** Variables as they are at login, and the database. */
  readonly fresh: ReadonlyMap<string, string>;
  status: number;
  settings = Settings.none;
  /** Whose statement ran here last. */
  lastUser: object | undefined;

  constructor(options: OriginOptions) {
    this.dialect = options.dialect;
    this.capabilities = options.capabilities;
    this.extended = options.extended;
    this.connectionId = options.connectionId;
    this.isTracking = options.isTracking;
    this.prepared = new PreparedStatements(options.statementsMax);
    this.fresh = new Map([...options.variables, [DATABASE, options.database]]);
    this.status = options.status;
  }

  get settingsKey(): string {
    return this.settings.key;
  }

  get isInTransaction(): boolean {
    return hasFlag(this.status, ServerStatus.IN_TRANS | ServerStatus.IN_TRANS_READONLY);
  }

  /**
   * What it must be told behind COM_RESET_CONNECTION to be as it was at login. With MariaDB that takes IGNORE_SPACE
   * out of sql_mode, which drivers choose by a capability.
   */
  get setUp(): string | undefined {
    const charsets = ['character_set_client', 'character_set_results', 'character_set_connection'];
    const values = [...charsets, 'collation_connection', 'sql_mode'].flatMap((name): [string, string][] => {
      const value = this.fresh.get(name);
      return value === undefined ? [] : [[name, value]];
    });
    return setUp(values, this);
  }

  /** COM_RESET_CONNECTION ran, and `setUp` behind it. The database stays. */
  wasReset(): void {
    const { database } = this.settings;
    this.settings = Settings.of(database === undefined ? [] : [[DATABASE, database]]);
    this.prepared.clear();
    this.lastUser = undefined;
  }
}
