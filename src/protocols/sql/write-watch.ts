/**
 * What a driver writes, and when it becomes true for others. Statements are noted as they go out; before anything
 * that may commit them goes out a ticket is opened, and the ReadyForQuery behind it ends the ticket: committed,
 * unless it is certain that all was rolled back.
 *
 * A driver may run ahead of its replies: then nobody knows whether a transaction is open, and each exchange is
 * taken for one that may commit all that was noted.
 */
import type { CacheHooks, CacheStatus, Verdict } from '../caching.ts';
import { judgedBy, NOTHING_NOTED, type Noted, noting, union } from './noted.ts';

const SYNTAX_ERROR = '42601';
/** With more exchanges under way it is not counted anew what is still open: too much is noted then, never too little. */
const RECOUNTED_MAX = 100;

/** What ends with one ReadyForQuery. They make a list, in the order in which they were sent. */
class Exchange {
  noted: Noted = NOTHING_NOTED;
  tickets: number[] = [];
  /** What its last ticket covers. */
  covered: Noted = NOTHING_NOTED;
  statements = 0;
  status: CacheStatus = 'notaquery';
  mayCommit = false;
  /** It binds what may commit: a later exchange may execute it. */
  bindsCommit = false;
  /** CommandCompletes, and whether the last one said ROLLBACK. */
  completions = 0;
  isRollback = false;
  /** SQLSTATE of its first error. */
  failure: string | undefined;
  isFailedAtOnce = false;
  next: Exchange | undefined;
}

export class WriteWatch {
  readonly #hooks: CacheHooks;
  /** Whose replies come now. It may be the last, which is still being sent. */
  #first = new Exchange();
  #last = this.#first;
  #underWay = 0;
  /** Of the transaction that is open, by exchanges that have ended. */
  #open = NOTHING_NOTED;
  /** All that may still be committed. */
  #noted = NOTHING_NOTED;
  #hasCommitBound = false;

  constructor(hooks: CacheHooks) {
    this.#hooks = hooks;
  }

  /** A statement is about to go out. */
  runs(verdict: Verdict, { isBound }: { isBound: boolean }): void {
    const exchange = this.#last;
    exchange.statements += 1;
    exchange.status = exchange.statements === 1 ? verdict.status : 'multiplestatements';
    const { catalog } = this.#hooks;
    exchange.noted = noting(exchange.noted, verdict, catalog);
    this.#noted = noting(this.#noted, verdict, catalog);
    if (!verdict.mayCommit) return;
    exchange.mayCommit = true;
    exchange.bindsCommit ||= isBound;
    this.#openTicket();
  }

  /** An Execute is about to go out: of what was bound in this exchange, or in an earlier one. */
  executes(): void {
    if (!this.#hasCommitBound && !this.#last.bindsCommit) return;
    this.#last.mayCommit = true;
    this.#openTicket();
  }

  /** The end of an exchange is about to go out. `isIdle`: the last ReadyForQuery said so. */
  sent({ isIdle }: { isIdle: boolean }): void {
    const exchange = this.#last;
    if (isIdle || this.#underWay > 0 || exchange.mayCommit) this.#openTicket();
    this.#last = exchange.next = new Exchange();
    this.#underWay += 1;
  }

  #openTicket(): void {
    const exchange = this.#last;
    // Definitions may have changed in the middle of the transaction.
    const noted = judgedBy(this.#noted, this.#hooks.catalog);
    this.#noted = noted;
    if (noted === NOTHING_NOTED || noted === exchange.covered) return;
    exchange.covered = noted;
    exchange.tickets.push(this.#hooks.writeStarted(noted.writes, { changesSchema: noted.changesSchema }));
  }

  // --- replies ----------------------------------------------------------------------------------------------

  completed({ isRollback }: { isRollback: boolean }): void {
    this.#first.completions += 1;
    this.#first.isRollback = isRollback;
  }

  failed(sqlState: string | undefined): void {
    const exchange = this.#first;
    if (exchange.failure === undefined) exchange.isFailedAtOnce = exchange.completions === 0;
    exchange.failure ??= sqlState ?? '';
  }

  /** The ends of so many exchanges have no reply: they are skipped after an error, or swallowed by a COPY. */
  swallowed(count: number): void {
    for (let left = count; left > 0; left -= 1) {
      const exchange = this.#first;
      if (exchange.next) this.#merge(exchange, exchange.next);
      this.#first = exchange.next ?? exchange;
    }
  }

  /** The same where the exchange that swallows them has its own end still to come. */
  absorbed(count: number): void {
    const exchange = this.#first;
    for (let left = count; left > 0; left -= 1) {
      const { next } = exchange;
      if (!next) return;
      this.#merge(next, exchange);
      exchange.next = next.next;
    }
  }

  /** What became of the first is decided by what becomes of the second. */
  #merge(from: Exchange, into: Exchange): void {
    this.#underWay -= 1;
    this.#hooks.count(from.status);
    into.noted = union(into.noted, from.noted);
    into.tickets.push(...from.tickets);
    into.statements += from.statements;
    into.mayCommit ||= from.mayCommit;
    into.bindsCommit ||= from.bindsCommit;
    into.completions += from.completions;
    into.failure ??= from.failure;
  }

  /** A ReadyForQuery has come. Returns what the exchange was. */
  ended({ wasIdle, isIdle }: { wasIdle: boolean; isIdle: boolean }): CacheStatus {
    const exchange = this.#first;
    this.#first = exchange.next ?? exchange;
    this.#underWay -= 1;
    const isCommitted = isIdle ? !isRolledBack(exchange, { wasIdle }) : exchange.mayCommit;
    for (const ticket of exchange.tickets) this.#hooks.writeEnded(ticket, { isCommitted });
    this.#open = isIdle ? NOTHING_NOTED : union(this.#open, exchange.noted);
    this.#hasCommitBound = !isIdle && (this.#hasCommitBound || exchange.bindsCommit);
    if (isIdle && this.#underWay <= RECOUNTED_MAX) this.#recount();
    return wasIdle ? exchange.status : 'transaction';
  }

  #recount(): void {
    this.#noted = this.#open;
    for (let at: Exchange | undefined = this.#first; at; at = at.next)
      this.#noted = union(this.#noted, at.noted);
  }

  // --- ends -------------------------------------------------------------------------------------------------

  /** The connection is lost: what was to be committed may have been. */
  lost(): void {
    for (let at: Exchange | undefined = this.#first; at; at = at.next) {
      for (const ticket of at.tickets) this.#hooks.writeEnded(ticket, { isCommitted: true, isLost: true });
      if (at !== this.#last) this.#hooks.count(at.status);
    }
    this.#first = this.#last = new Exchange();
    this.#underWay = 0;
    this.rolledBack();
  }

  /** Nothing is under way, and what was open has been rolled back. */
  rolledBack(): void {
    this.#open = NOTHING_NOTED;
    this.#hasCommitBound = false;
    this.#recount();
  }
}

/** Is it certain that all that was noted is undone? The transaction is over. */
function isRolledBack(exchange: Exchange, { wasIdle }: { wasIdle: boolean }): boolean {
  const { failure, statements, completions, isRollback, mayCommit, noted, status } = exchange;
  // A transaction of the driver's own, which this ended with a single ROLLBACK.
  if (!wasIdle) return isRollback && completions === 1 && statements <= 1 && failure === undefined;
  if (failure === undefined) return false;
  // A text that neither we nor the origin can read: nothing of it has run.
  if (status === 'parseerror' && failure === SYNTAX_ERROR && exchange.isFailedAtOnce) return true;
  // Some definitions are changed in steps, each of which is committed by itself.
  return !mayCommit && !noted.changesSchema;
}
