/**
 * A model of many sessions at several edges, one endpoint and one origin, in which everything that takes time is
 * two steps with anything in between: a write is sent, commits at the origin, and is heard of; a read is sent, takes
 * its snapshot, and ends; news and replies arrive when they arrive. Caches are as bad as they may be: any reply that
 * was ever stored may be offered. What may be given out is decided by the real `Versions`, `NewsFeed` and
 * `Knowledge`; the model knows the truth and throws when a promise is broken.
 */
import { Knowledge } from '../../src/cache/knowledge.ts';
import { NewsFeed } from '../../src/cache/news-feed.ts';
import { Versions } from '../../src/cache/versions.ts';
import type { Dependency, WriteNews } from '../../src/protocols/caching.ts';

const TABLES = 4;
const SESSIONS = 5;
const EDGES = 2;
/** Fewer than there are tables: what has no room collapses. */
const DEPENDENCIES_MAX = 3;

/** How often the commits have touched each table. */
type Values = number[];

interface StoredReply {
  tables: number[];
  values: Values;
  reads: Dependency[];
  asOf: number;
  seenUpTo: number;
  provenUpTo: number;
}

interface Write {
  ticket: number;
  tables: number[];
  fate: 'commit' | 'roll back' | 'uncertain';
  committed?: Values;
}

interface Read {
  tables: number[];
  asOf: number;
  values?: Values;
  waiters: { session: Session; acknowledged: Values }[];
}

type Message = { news: WriteNews } | { floor: number; seen: Values; entry?: StoredReply };

interface Session {
  edge: number;
  floor: number;
  /** What it has written or read. */
  seen: Values;
  isBusy: boolean;
  feed: NewsFeed;
  inFlight: Message[];
}

/** How often each kind of step is taken. */
export const STEPS = {
  write: 3,
  commit: 6,
  'end write': 6,
  read: 14,
  snapshot: 8,
  'end read': 8,
  deliver: 30,
  push: 3,
  reconnect: 0.6,
  restart: 0.15,
} as const;

export interface Step {
  kind: keyof typeof STEPS;
  session: number;
  which: number;
  choice: number;
}

/** What is read and written together. */
const TABLE_SETS = [[0], [0], [1], [1], [0, 1], [2, 3], [1, 2], [0, 1, 2, 3]];

export class ConsistencyModel {
  readonly counts = { edgeHits: 0, endpointHits: 0, joins: 0, runs: 0, restarts: 0 };
  #versions = new Versions({ startAt: 1, dependenciesMax: DEPENDENCIES_MAX });
  readonly #origin: Values = zeros();
  /** What writers have been told to be committed. */
  readonly #acknowledged: Values = zeros();
  readonly #knowledge = Array.from(
    { length: EDGES },
    () => new Knowledge({ dependenciesMax: DEPENDENCIES_MAX }),
  );
  /** Of all edges and the Cache API together. */
  readonly #atEdges: StoredReply[] = [];
  #atEndpoint: StoredReply[] = [];
  #writes: Write[] = [];
  #reads: Read[] = [];
  readonly #writers = new Map<Write, Session>();
  readonly #sessions: Session[];

  constructor() {
    this.#sessions = Array.from({ length: SESSIONS }, (_, index) => this.#newSession(index % EDGES));
  }

  step({ kind, session: index, which, choice }: Step): void {
    const session = pick(this.#sessions, index) as Session;
    const tables = pick(TABLE_SETS, which) as number[];
    const steps: Record<Step['kind'], () => void> = {
      write: () => this.#startWrite(session, tables, choice),
      commit: () => this.#commit(pick(this.#writes, which)),
      'end write': () => this.#endWrite(pick(this.#writes, which)),
      read: () => this.#askEdge(session, tables, choice),
      snapshot: () => this.#snapshot(pick(this.#reads, which)),
      'end read': () => this.#endRead(pick(this.#reads, which)),
      deliver: () => this.#deliver(session),
      push: () => this.#push(session),
      reconnect: () => this.#reconnect(session),
      restart: () => this.#restart(choice),
    };
    steps[kind]();
  }

  // --- writes

  #startWrite(session: Session, tables: number[], choice: number): void {
    if (session.isBusy) return;
    const fate =
      pick<Write['fate']>(['commit', 'commit', 'commit', 'roll back', 'uncertain'], choice) ?? 'commit';
    const isAll = tables.length === TABLES;
    const writes = isAll ? 'everything' : tables.map(dependencyOf);
    const write = { ticket: this.#versions.writeStarted(writes, { changesSchema: isAll }), tables, fate };
    this.#writes.push(write);
    this.#writers.set(write, session);
    session.isBusy = true;
  }

  /** The origin commits, and nobody has heard of it yet. */
  #commit(write: Write | undefined): void {
    if (write?.fate !== 'commit' || write.committed !== undefined) return;
    for (const table of write.tables) this.#origin[table] = (this.#origin[table] ?? 0) + 1;
    write.committed = only(this.#origin, write.tables);
  }

  #endWrite(write: Write | undefined): void {
    if (write === undefined || (write.fate === 'commit' && write.committed === undefined)) return;
    this.#versions.writeEnded(write.ticket, { isCommitted: write.fate !== 'roll back' });
    this.#writes = this.#writes.filter((other) => other !== write);
    const seen = write.committed ?? zeros();
    raise(this.#acknowledged, seen);
    const session = this.#writers.get(write);
    if (session !== undefined) this.#reply(session, { floor: this.#versions.now(), seen });
  }

  // --- reads

  #askEdge(session: Session, tables: number[], choice: number): void {
    if (session.isBusy) return;
    const knowledge = this.#knowledgeOf(session);
    const { floor } = session;
    const offers = this.#atEdges.filter(
      (entry) => sameTables(entry, tables) && knowledge.mayServe(entry, { floor, consistency: 'session' }),
    );
    const entry = choice % 4 === 0 ? undefined : pick(offers, choice);
    if (entry === undefined) {
      this.#askEndpoint(session, tables, choice);
      return;
    }
    this.counts.edgeHits += 1;
    mustShow(entry.values, {
      seen: session.seen,
      what: 'an edge gave out a reply from before what was seen',
    });
    raise(session.seen, entry.values);
    session.floor = Math.max(session.floor, entry.seenUpTo);
  }

  #askEndpoint(session: Session, tables: number[], choice: number): void {
    const versions = this.#versions;
    const isGood = ({ asOf }: { asOf: number }): boolean =>
      versions.isFresh(tables.map(dependencyOf), asOf) &&
      !versions.isOpen(tables.map(dependencyOf), session.floor);
    session.isBusy = true;
    const offers = this.#atEndpoint.filter((entry) => sameTables(entry, tables) && isGood(entry));
    const entry = choice % 4 === 1 ? undefined : pick(offers, choice);
    if (entry !== undefined) {
      this.counts.endpointHits += 1;
      mustShow(entry.values, {
        seen: session.seen,
        what: 'the endpoint gave out a reply from before what was seen',
      });
      const acknowledged = only(this.#acknowledged, tables);
      mustShow(entry.values, {
        seen: acknowledged,
        what: 'the endpoint gave out a reply from before a commit',
      });
      this.#reply(session, { floor: entry.seenUpTo, seen: entry.values, entry });
      return;
    }
    const waiter = { session, acknowledged: only(this.#acknowledged, tables) };
    const underWay = this.#reads.filter((read) => sameTables(read, tables) && isGood(read));
    const joined = pick(underWay, choice);
    if (joined !== undefined) this.counts.joins += 1;
    else this.counts.runs += 1;
    if (joined === undefined) this.#reads.push({ tables, asOf: versions.now(), waiters: [waiter] });
    else joined.waiters.push(waiter);
  }

  #snapshot(read: Read | undefined): void {
    if (read !== undefined) read.values ??= only(this.#origin, read.tables);
  }

  #endRead(read: Read | undefined): void {
    if (read?.values === undefined) return;
    const { tables, values, asOf, waiters } = read;
    this.#reads = this.#reads.filter((other) => other !== read);
    const reads = tables.map(dependencyOf);
    const entry = { tables, values, reads, asOf, seenUpTo: this.#versions.now(), provenUpTo: 0 };
    this.#atEndpoint.push(entry);
    for (const { session, acknowledged } of waiters) {
      mustShow(values, { seen: only(session.seen, tables), what: 'a run showed less than what was seen' });
      mustShow(values, { seen: acknowledged, what: 'a run that was joined showed less than was committed' });
      this.#reply(session, { floor: entry.seenUpTo, seen: values, entry });
    }
  }

  // --- links

  #reply(session: Session, message: Message): void {
    this.#push(session);
    session.inFlight.push(message);
  }

  #push(session: Session): void {
    const news = session.feed.take();
    if (news !== undefined) session.inFlight.push({ news });
  }

  #deliver(session: Session): void {
    const message = session.inFlight.shift();
    if (message === undefined) return;
    const knowledge = this.#knowledgeOf(session);
    if ('news' in message) {
      knowledge.heard(message.news);
      return;
    }
    session.floor = Math.max(session.floor, message.floor);
    raise(session.seen, message.seen);
    session.isBusy = false;
    const { entry } = message;
    if (entry !== undefined && knowledge.isFresh(entry.reads, entry.asOf))
      this.#atEdges.push({ ...entry, provenUpTo: knowledge.settledUpTo });
  }

  /** The driver leaves and comes again: it remembers nothing. What it had begun goes on without it. */
  #reconnect(session: Session): void {
    this.#forget(session);
    Object.assign(session, this.#newSession(session.edge));
  }

  /** The endpoint's life ends, and with it all links; what has not committed by then never will. */
  #restart(jump: number): void {
    this.counts.restarts += 1;
    this.#versions = new Versions({
      startAt: this.#versions.now() + 1 + (jump % 3),
      dependenciesMax: DEPENDENCIES_MAX,
    });
    this.#atEndpoint = [];
    this.#writes = [];
    this.#reads = [];
    for (const session of this.#sessions) {
      const { floor, seen } = session;
      // A session that carries its bookmark.
      Object.assign(session, this.#newSession(session.edge), { floor, seen });
    }
  }

  #newSession(edge: number): Session {
    const feed = new NewsFeed(this.#versions, { knownUpTo: this.#knowledge[edge]?.settledUpTo ?? 0 });
    return { edge, floor: 0, seen: zeros(), isBusy: false, feed, inFlight: [] };
  }

  #forget(session: Session): void {
    for (const [write, writer] of this.#writers) if (writer === session) this.#writers.delete(write);
    for (const read of this.#reads)
      read.waiters = read.waiters.filter((waiter) => waiter.session !== session);
  }

  #knowledgeOf(session: Session): Knowledge {
    return this.#knowledge[session.edge] as Knowledge;
  }
}

function mustShow(values: Values, { seen, what }: { seen: Values; what: string }): void {
  // Of tables that the reply does not read, it says nothing.
  const isOlder = values.some((value, table) => value >= 0 && value < (seen[table] ?? 0));
  if (isOlder) throw new Error(`${what}: ${values} is older than ${seen}`);
}

/** -1: not looked at. */
function only(values: Values, tables: readonly number[]): Values {
  return values.map((value, table) => (tables.includes(table) ? value : -1));
}

function raise(known: Values, by: Values): void {
  for (const [table, value] of by.entries()) known[table] = Math.max(known[table] ?? 0, value);
}

function zeros(): Values {
  return new Array<number>(TABLES).fill(0);
}

function dependencyOf(table: number): Dependency {
  return `r${table}`;
}

function sameTables(one: { tables: number[] }, tables: number[]): boolean {
  return one.tables.join() === tables.join();
}

function pick<T>(from: readonly T[], choice: number): T | undefined {
  return from[choice % Math.max(1, from.length)];
}
