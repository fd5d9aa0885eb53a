/** What a statement may change, while it is being followed: what is found, and what is still to be looked at. */
import type { Relation } from './catalog-facts.ts';
import type { QualifiedName, WrittenRelation } from './parsed-statement.ts';

/** Relations by their object ids. */
export type Effects =
  | { relations: ReadonlySet<string> }
  /** Anything. `mayDefine`: definitions too. */
  | { everything: string; mayDefine: boolean };

export type Action = WrittenRelation['action'];

type Item =
  | { does: 'write'; relation: Relation; action: Action }
  | { does: 'read'; relation: Relation }
  | { does: 'call'; function: string };

/** Each thing is followed once, so that keys and triggers may go round in circles. */
export class WriteWalk {
  readonly #hasTemporary: boolean;
  readonly written = new Set<string>();
  opaque: { everything: string; mayDefine: boolean } | undefined;
  readonly #seen = new Set<string>();
  readonly #open: Item[] = [];

  constructor(options: { hasTemporary: boolean }) {
    this.#hasTemporary = options.hasTemporary;
  }

  /** It is a temporary table of the session. `found`: what the catalog knows by the name. */
  isOwn({ schema }: QualifiedName, found: readonly Relation[]): boolean {
    if (schema !== undefined) return /^pg_temp(_\d+)?$/.test(schema);
    return this.#hasTemporary && found.length === 0;
  }

  next(): Item | undefined {
    return this.#open.pop();
  }

  write(relation: Relation, action: Action): void {
    this.#add(`w${action}${relation.oid}`, { does: 'write', relation, action });
  }

  read(relation: Relation): void {
    this.#add(`r${relation.oid}`, { does: 'read', relation });
  }

  call(oid: string): void {
    this.#add(`c${oid}`, { does: 'call', function: oid });
  }

  hasSeenParent(oid: string, action: Action): boolean {
    const key = `p${action}${oid}`;
    const isSeen = this.#seen.has(key);
    this.#seen.add(key);
    return isSeen;
  }

  /** The first reason is told; that definitions may change counts from any. */
  giveUp(everything: string, { mayDefine }: { mayDefine: boolean }): void {
    this.opaque = {
      everything: this.opaque?.everything ?? everything,
      mayDefine: mayDefine || (this.opaque?.mayDefine ?? false),
    };
  }

  #add(key: string, item: Item): void {
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#open.push(item);
  }
}
