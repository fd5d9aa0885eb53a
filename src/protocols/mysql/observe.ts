/** What a driver's session is after a statement: from what the statement may do, and from what the origin reports. */
import type { OkPacket } from './ok-packet.ts';
import { decodeSessionState } from './session-state.ts';
import { DATABASE, UNMOVABLE } from './settings.ts';
import type { StatementFacts } from './statement-facts.ts';
import type { Talk } from './talk.ts';

/** MySQL reports it with each statement; nobody can set it. */
const IGNORED = 'statement_id';
/** A driver that changes them takes from us what we go by. */
const OURS = /^session_track_(system_variables|schema|state_change)$/;

/** An OK of the driver's, which may be one of several. */
export function observeOk(talk: Talk, ok: OkPacket, facts: StatementFacts): void {
  if (ok.lastInsertId > 0n) {
    talk.insertId = ok.lastInsertId;
    talk.isInsertIdHere = true;
  }
  if (ok.sessionState.length === 0) return;
  const { variables = new Map<string, string>(), schema, isChanged } = decodeSessionState(ok.sessionState);
  if (schema !== undefined) databaseIs(talk, schema);
  observeVariables(talk, variables);
  const isHidden = isChanged === true && !facts.isExplained && facts.begins.length + facts.ends.length === 0;
  if (isHidden) talk.pins.add('hidden');
}

/** Something has changed with it. */
export function saysOfSession({ sessionState }: OkPacket): boolean {
  if (sessionState.length === 0) return false;
  const { variables, isChanged = false, ...more } = decodeSessionState(sessionState);
  const names = [...(variables?.keys() ?? [])];
  return isChanged || Object.keys(more).length > 0 || names.some((name) => name !== IGNORED);
}

export function databaseIs(talk: Talk, name: string): void {
  // Nothing leads back to no database at all.
  if (name === '') talk.pins.add('hidden');
  else change(talk, [[DATABASE, name]]);
}

function observeVariables(talk: Talk, variables: ReadonlyMap<string, string>): void {
  const changes: [string, string][] = [];
  for (const [name, value] of variables) {
    if (name === IGNORED) continue;
    if (name === 'last_insert_id' || name === 'identity') talk.insertId = BigInt(value);
    else if (OURS.test(name) || UNMOVABLE.test(name)) talk.pins.add('hidden');
    else changes.push([name, value]);
  }
  if (changes.length > 0) change(talk, changes);
  // SET NAMES chooses a collation too, and does not say which.
  if (!variables.has('character_set_connection') || variables.has('collation_connection')) return;
  talk.asks.set('@@session.collation_connection', (value) =>
    change(talk, [['collation_connection', value ?? '']]),
  );
}

function change(talk: Talk, values: [string, string][]): void {
  const { origin } = talk;
  const changes = values.map(([name, value]): [string, string | null] => [
    name,
    origin?.fresh.get(name) === value ? null : value,
  ]);
  talk.settings = talk.settings.with(changes);
  if (origin) origin.settings = talk.settings;
}

/** A statement of the driver's has been answered to its end. */
export function statementEnded(talk: Talk, facts: StatementFacts, { failed }: { failed: boolean }): void {
  const { pins, asks, origin } = talk;
  const wasForNext = pins.has('next transaction');
  pins.ran(facts, { failed, database: talk.database });
  // The transaction that it was for has come and gone.
  const isForNext = facts.begins.includes('next transaction');
  if (wasForNext && !isForNext && !talk.isInTransaction) pins.delete('next transaction');
  if (facts.sets && origin && !origin.isTracking) pins.add('hidden');
  if (facts.setsInsertId) {
    asks.set('LAST_INSERT_ID()', (value) => {
      talk.insertId = BigInt(value ?? 0);
    });
  }
  if (facts.locks) for (const name of pins.locks) askForLock(talk, name);
}

function askForLock({ asks, pins }: Talk, name: string): void {
  asks.set(`IS_USED_LOCK('${name}') <=> CONNECTION_ID()`, (value) => {
    if (value === '0') pins.delete(`lock:${name}`);
  });
}
