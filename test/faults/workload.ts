/** One client of the consistency test: reads and writes at random, comes and goes, and has what it gets checked. */
import {
  type CacheDriver,
  type CacheDriverOptions,
  type Manner,
  openNodePostgres,
  openPostgresJs,
} from './cache-drivers.ts';
import type { Chance } from './chance.ts';
import type { Consistency, History, Transaction, Values } from './history.ts';
import { inlined, type Statement, someRead, someWrite, valuesOf, type Write } from './tables.ts';

const WRITES_PERCENT = 8;
const LEAVES_PERCENT = 2;
const ANSWER_MS = 20_000;
const TRAIL = 12;

export interface Workload {
  /** Of the edges. */
  urls: readonly string[];
  consistency: Consistency;
  history: History;
  counts: Counts;
  /** PostgreSQL's, where nothing else is said. */
  open?: readonly ((options: CacheDriverOptions) => Promise<CacheDriver>)[];
  someRead?: (chance: Chance) => Statement;
  someWrite?: (chance: Chance) => Write;
}

export class Counts {
  reads = 0;
  writes = 0;
  rollbacks = 0;
  /** By what the driver was told. */
  readonly failures: Record<string, number> = {};
  sessions = 0;
  /** By where they came from. */
  readonly hits = { memory: 0, 'cache api': 0, endpoint: 0 };

  failed(cause: unknown): void {
    const { code = '', message = '' } = cause as { code?: string; message?: string };
    const what = `${code} ${message}`;
    this.failures[what] = (this.failures[what] ?? 0) + 1;
  }

  heard(notice: string): void {
    const [, tier] = /^warmpool: hit(?: \((memory|cache api),.*)?$/.exec(notice) ?? ['', undefined];
    if (tier === 'memory' || tier === 'cache api') this.hits[tier] += 1;
    else if (notice === 'warmpool: hit') this.hits.endpoint += 1;
  }
}

const MANNERS: readonly Manner[] = ['simple', 'extended', 'named'];

export class WorkloadClient {
  readonly #workload: Workload;
  readonly #chance: Chance;
  #driver: CacheDriver | undefined;
  /** What the session has seen. */
  #seen: Values = new Map();
  #bookmark = '0';
  /** What was said and heard last. */
  readonly #trail: string[] = [];

  constructor(workload: Workload, chance: Chance) {
    this.#workload = workload;
    this.#chance = chance;
  }

  /** One operation. Faults of the network are no errors; broken promises are. */
  async step(): Promise<void> {
    const driver = await this.#present();
    if (!driver) return;
    if (this.#chance.percent(WRITES_PERCENT)) await this.#write(driver);
    else await this.#read(driver);
    if (this.#chance.percent(LEAVES_PERCENT)) await this.leave();
  }

  async leave(): Promise<void> {
    const driver = this.#driver;
    this.#driver = undefined;
    // A connection that is cut already cannot be ended.
    await driver?.end().catch(() => undefined);
  }

  async #present(): Promise<CacheDriver | undefined> {
    if (this.#driver?.isOver()) await this.leave();
    if (this.#driver) return this.#driver;
    const { urls, counts } = this.#workload;
    // Half of those who come again say what they have seen.
    if (this.#chance.percent(50)) {
      this.#bookmark = '0';
      this.#seen = new Map();
    }
    const open = this.#chance.of(this.#workload.open ?? [openNodePostgres, openPostgresJs]);
    const options = {
      url: this.#chance.of(urls),
      bookmark: this.#bookmark,
      heard: (notice: string) => {
        counts.heard(notice);
        this.#note(notice);
      },
    };
    counts.sessions += 1;
    this.#note('a new session');
    this.#driver = await this.#tried(within(open(options), ['a login']));
    return this.#driver;
  }

  /** Undefined: it failed, and the session is over. */
  async #tried<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await work;
    } catch (cause) {
      if (cause instanceof Late) throw cause;
      this.#workload.counts.failed(cause);
      // The bookmark may be older than the last words of the session: what it saw then is not promised.
      this.#seen = new Map();
      this.#bookmark = '0';
      await this.leave();
      return undefined;
    }
  }

  #note(words: string): void {
    this.#trail.push(words);
    if (this.#trail.length > TRAIL) this.#trail.shift();
  }

  async #run(driver: CacheDriver, statement: Statement, manner: Manner) {
    this.#note(`${driver.name}, ${manner}: ${inlined(statement)}`);
    const rows = await within(driver.query(statement, manner), this.#trail);
    this.#bookmark = driver.bookmark();
    return rows;
  }

  // --- reads ------------------------------------------------------------------------------------------------

  async #read(driver: CacheDriver, own?: number): Promise<boolean> {
    const { history, consistency, counts } = this.#workload;
    const statement = (this.#workload.someRead ?? someRead)(this.#chance);
    const manner = this.#chance.of(MANNERS);
    const began = history.now();
    const rows = await this.#tried(this.#run(driver, statement, manner));
    // It may have connected anew for this.
    if (!rows || driver.isOver()) return false;
    counts.reads += 1;
    history.check({
      values: valuesOf(rows),
      seen: consistency === 'eventual' ? undefined : this.#seen,
      own,
      began,
      consistency,
      what: this.#trail.join('\n'),
    });
    return true;
  }

  // --- writes -----------------------------------------------------------------------------------------------

  async #write(driver: CacheDriver): Promise<void> {
    const { history, counts } = this.#workload;
    const { rows, statements } = (this.#workload.someWrite ?? someWrite)(this.#chance);
    const transaction = history.begin({ rows, past: this.#seen });
    const [first, ...others] = statements(transaction.number);
    if (!first) return;
    counts.writes += 1;
    if (others.length > 0) return this.#transact(driver, transaction, [first, ...others]);
    if (await this.#tried(this.#run(driver, first, this.#chance.of(MANNERS))))
      this.#committed(driver, transaction);
  }

  async #transact(driver: CacheDriver, transaction: Transaction, statements: Statement[]): Promise<void> {
    if (this.#chance.percent(20)) {
      const text = ['begin', ...statements.map(inlined), 'commit'].join('; ');
      if (await this.#tried(this.#run(driver, { text, values: [] }, 'simple')))
        this.#committed(driver, transaction);
      return;
    }
    const { history, counts } = this.#workload;
    const say = (text: string) =>
      this.#tried(this.#run(driver, { text, values: [] }, this.#chance.of(MANNERS)));
    const isDone =
      (await say('begin')) !== undefined && (await this.#statements(driver, transaction, statements));
    if (!isDone) return history.rolledBack(transaction);
    if (this.#chance.percent(30)) {
      counts.rollbacks += 1;
      history.rolledBack(transaction);
      await say('rollback');
    } else if (await say('commit')) this.#committed(driver, transaction);
  }

  async #statements(driver: CacheDriver, { number }: Transaction, statements: Statement[]): Promise<boolean> {
    for (const statement of statements) {
      if (!(await this.#tried(this.#run(driver, statement, this.#chance.of(MANNERS))))) return false;
      if (this.#chance.percent(30) && !(await this.#read(driver, number))) return false;
    }
    return true;
  }

  #committed(driver: CacheDriver, transaction: Transaction): void {
    const { history } = this.#workload;
    history.committed(transaction);
    if (!driver.isOver()) history.sawOwn(this.#seen, transaction);
  }
}

class Late extends Error {}

async function within<T>(work: Promise<T>, trail: readonly string[]): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Late(`no answer in ${ANSWER_MS} ms\nto: ${trail.join('\n')}`)),
      ANSWER_MS,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
