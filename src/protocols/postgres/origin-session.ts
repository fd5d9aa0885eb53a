/** What we know of one origin connection: its key for cancelling, its settings, and what is prepared on it. */
import type { OriginSession } from '../contract.ts';
import { PreparedStatements } from './prepared.ts';
import { Settings } from './settings.ts';

export class PostgresOrigin implements OriginSession {
  /** Nothing that is agreed on at login changes what PostgreSQL answers. */
  readonly dialect = '';
  /** Process id and secret key of BackendKeyData, as a CancelRequest sends them back. */
  readonly cancelKey: Uint8Array;
  readonly prepared: PreparedStatements;
  /** Reported parameters (ParameterStatus). */
  parameters: Readonly<Record<string, string>>;
  /** The same as one text: drivers move between connections all the time, and mostly nothing differs. */
  parametersKey: string;
  settings = Settings.none;
  /** Which unnamed statement it holds, as the identity of the driver's record. */
  unnamed: object | undefined;

  constructor(options: {
    cancelKey: Uint8Array;
    parameters: Record<string, string>;
    statementsMax: number;
  }) {
    this.cancelKey = options.cancelKey;
    this.parameters = options.parameters;
    this.parametersKey = keyOf(options.parameters);
    this.prepared = new PreparedStatements(options.statementsMax);
  }

  get settingsKey(): string {
    return this.settings.key;
  }

  report(name: string, value: string): void {
    this.parameters = { ...this.parameters, [name]: value };
    this.parametersKey = keyOf(this.parameters);
  }

  /** DISCARD ALL ran. */
  discarded(): void {
    this.settings = Settings.none;
    this.dropStatements();
  }

  /** DEALLOCATE ALL ran. */
  dropStatements(): void {
    this.prepared.clear();
    this.unnamed = undefined;
  }
}

/** Equal parameters have equal keys, in whatever order they were reported. */
function keyOf(parameters: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(parameters).sort());
}
