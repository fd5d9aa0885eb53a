/** What a statement may change, while it is being followed: what is found, and what is still to be looked at. */
import type { Action, Body, Relation } from './catalog-facts.ts';

export interface Effects {
  /** Relations by their ids. */
  readonly written: ReadonlySet<string> | 'everything';
  /** Why `everything`. */
  readonly because: string | undefined;
  readonly mayDefine: boolean;
  readonly mayCommit: boolean;
}

type Item =
  | { does: 'write'; relation: Relation; action: Action }
  | { does: 'read'; relation: Relation }
  | { does: 'call'; name: string }
  | { does: 'run'; body: Body; what: string };

/** Each thing is followed once, so that keys, triggers and functions may go round in circles. */
export class WriteWalk implements Effects {
  readonly #written = new Set<string>();
  because: string | undefined;
  mayDefine = false;
  mayCommit = false;
  readonly #seen = new Set<string>();
  readonly #bodies = new Set<Body>();
  readonly #open: Item[] = [];

  get written(): ReadonlySet<string> | 'everything' {
    return this.because === undefined ? this.#written : 'everything';
  }

  next(): Item | undefined {
    return this.#open.pop();
  }

  wrote({ id }: Relation): void {
    this.#written.add(id);
  }

  write(relation: Relation, ...actions: Action[]): void {
    for (const action of actions) this.#add(`w${action}${relation.id}`, { does: 'write', relation, action });
  }

  read(relation: Relation): void {
    this.#add(`r${relation.id}`, { does: 'read', relation });
  }

  /** A routine, or something that we do not know. */
  call(name: string): void {
    this.#add(`c${name}`, { does: 'call', name });
  }

  run(body: Body, what: string): void {
    if (this.#bodies.has(body)) return;
    this.#bodies.add(body);
    this.#open.push({ does: 'run', body, what });
  }

  /** It may change anything. The first reason is told. */
  giveUp(because: string, { mayDefine = false }: { mayDefine?: boolean } = {}): void {
    this.because ??= because;
    this.mayDefine ||= mayDefine;
    this.mayCommit = true;
  }

  #add(key: string, item: Item): void {
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#open.push(item);
  }
}
