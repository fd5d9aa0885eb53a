/**
 * The truth about rows that only grow, for checking what readers are given. Each transaction has a number of its
 * own, higher than all before it, and raises each of its rows to that number (`greatest`): so a row's value says
 * which transaction it shows, and what is higher is newer, in whichever order transactions commit.
 */

/** `table:id`. */
export type RowName = string;
export type Values = Map<RowName, number>;
export type Consistency = 'session' | 'strict' | 'eventual';

export interface Transaction {
  readonly number: number;
  readonly rows: readonly RowName[];
  /** What its session had seen before it: who sees the transaction must not miss that either. */
  readonly past: Values;
}

export interface Reading {
  values: Values;
  /** What the session has seen; raised by what it sees now. Undefined: nothing is promised to it. */
  seen: Values | undefined;
  /** Inside of a transaction its own changes are seen; they count once they are committed. */
  own?: number | undefined;
  began: Moment;
  consistency: Consistency;
  /** For the error. */
  what: string;
}

/** The moment in which a read began. */
export interface Moment {
  atMs: number;
  acknowledged: Values;
}

export class History {
  readonly #agedMs: number;
  readonly #transactions = new Map<number, Transaction>();
  readonly #rolledBack = new Set<number>();
  /** Whose drivers have heard of the commit. */
  readonly #acknowledged: Values = new Map();
  /** Of each row, in the order of their acknowledgement. */
  readonly #log = new Map<RowName, { number: number; atMs: number }[]>();
  readonly #seenByAnyone = new Set<number>();

  /** `agedMs`: how old what `eventual` gives out may be. */
  constructor({ agedMs }: { agedMs: number }) {
    this.#agedMs = agedMs;
  }

  begin({ rows, past }: { rows: readonly RowName[]; past: Values }): Transaction {
    const transaction = { number: this.#transactions.size + 1, rows, past: new Map(past) };
    this.#transactions.set(transaction.number, transaction);
    return transaction;
  }

  committed(transaction: Transaction): void {
    const { rows, number } = transaction;
    const atMs = performance.now();
    for (const row of rows) {
      raise(this.#acknowledged, row, number);
      const log = this.#log.get(row) ?? [];
      this.#log.set(row, log);
      log.push({ number, atMs });
    }
  }

  /** For certain. Of what is never called committed or rolled back, nobody knows. */
  rolledBack({ number }: Transaction): void {
    this.#rolledBack.add(number);
  }

  get acknowledged(): ReadonlyMap<RowName, number> {
    return this.#acknowledged;
  }

  now(): Moment {
    return { atMs: performance.now(), acknowledged: new Map(this.#acknowledged) };
  }

  /** Throws when a promise is broken. */
  check(reading: Reading): void {
    const { values, seen, own, began, consistency, what } = reading;
    for (const [row, number] of values) {
      const fault =
        (number === own ? undefined : this.#impossible(row, number, values)) ??
        (consistency === 'eventual' ? this.#tooOld(row, number, began) : undefined) ??
        (consistency === 'strict' ? older(row, number, began.acknowledged, 'a commit') : undefined) ??
        (seen && older(row, number, seen, 'what this session had seen'));
      if (fault) throw new Error(`${fault}\nby: ${what}\ngot: ${JSON.stringify([...values])}`);
    }
    for (const [row, number] of values) {
      if (number === own) continue;
      if (number > 0) this.#seenByAnyone.add(number);
      if (seen) this.#see(seen, row, number);
    }
  }

  /** To be called at the end: what was rolled back later must not have been seen either. */
  checkSeen(): void {
    const wrong = [...this.#seenByAnyone].filter((number) => this.#rolledBack.has(number));
    if (wrong.length > 0) throw new Error(`seen, but rolled back: ${wrong}`);
  }

  /** A session sees a transaction whole, and what its session had seen. */
  #see(seen: Values, row: RowName, number: number): void {
    raise(seen, row, number);
    const { rows, past } = this.#transactions.get(number) ?? { rows: [], past: [] };
    for (const other of rows) raise(seen, other, number);
    for (const [other, before] of past) raise(seen, other, before);
  }

  sawOwn(seen: Values, { rows, number }: Transaction): void {
    for (const row of rows) this.#see(seen, row, number);
  }

  #impossible(row: RowName, number: number, values: Values): string | undefined {
    if (number === 0) return undefined;
    const transaction = this.#transactions.get(number);
    if (!transaction?.rows.includes(row)) return `${row} is ${number}, which was never written`;
    if (this.#rolledBack.has(number)) return `${row} is ${number}, which was rolled back`;
    const torn = transaction.rows.find((other) => (values.get(other) ?? number) < number);
    return torn && `one reply shows ${row} of transaction ${number} and ${torn} from before it`;
  }

  #tooOld(row: RowName, number: number, began: Moment): string | undefined {
    const newer = this.#log.get(row)?.find((entry) => entry.number > number);
    const ageMs = newer ? began.atMs - newer.atMs : 0;
    if (newer === undefined || ageMs <= this.#agedMs) return undefined;
    return `${row} is ${number}, but ${newer.number} was committed ${Math.round(ageMs)} ms before`;
  }
}

function older(row: RowName, number: number, than: Values, what: string): string | undefined {
  const known = than.get(row) ?? 0;
  return number < known ? `${row} is ${number}, older than ${what}: ${known}` : undefined;
}

function raise(values: Values, row: RowName, number: number): void {
  if (number > (values.get(row) ?? 0)) values.set(row, number);
}
