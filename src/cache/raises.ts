/**
 * When each dependency was last raised, in bounded memory. What has no room any more is forgotten towards the safe
 * side: all of its kind count as raised when it was, so an old reply may be called stale, never a stale one fresh.
 */
import type { Dependency, WriteNews } from '../protocols/caching.ts';

/** In news: all tags. A tag has at least one character. */
export const ALL_TAGS = 'tag:';
/** In news: all relations. Definitions and tags are raised apart. */
export const EVERYTHING = 'everything';
export const SCHEMA = 'schema';

export class Raises {
  /** In the order in which they were raised, as far as they were heard in order. */
  readonly #raised = new Map<Dependency, number>();
  readonly #dependenciesMax: number;
  #allRelations: number;
  #allTags: number;
  #schema: number;

  /** `startAt`: nothing is known of what was raised up to then, so all counts as raised then. */
  constructor(options: { startAt: number; dependenciesMax: number }) {
    this.#allRelations = options.startAt;
    this.#allTags = options.startAt;
    this.#schema = options.startAt;
    this.#dependenciesMax = options.dependenciesMax;
  }

  raise(dependency: Dependency | 'everything', at: number): void {
    if (dependency === EVERYTHING) this.#allRelations = Math.max(this.#allRelations, at);
    else if (dependency === ALL_TAGS) this.#allTags = Math.max(this.#allTags, at);
    else if (dependency === SCHEMA) this.#schema = Math.max(this.#schema, at);
    else if (at > this.#raisedAt(dependency)) {
      this.#raised.delete(dependency);
      this.#raised.set(dependency, at);
      this.#forgetBeyondBound();
    }
  }

  /** None of them was raised after `asOf`. */
  isFresh(dependencies: readonly Dependency[], asOf: number): boolean {
    for (const dependency of dependencies) if (this.#raisedAt(dependency) > asOf) return false;
    return true;
  }

  /** What was raised after `upTo`. */
  since(upTo: number): WriteNews['raised'] {
    const raised: [Dependency, number][] = [];
    if (this.#allRelations > upTo) raised.push([EVERYTHING, this.#allRelations]);
    if (this.#schema > upTo) raised.push([SCHEMA, this.#schema]);
    if (this.#allTags > upTo) raised.push([ALL_TAGS, this.#allTags]);
    for (const [dependency, at] of this.#raised)
      if (at > upTo && at > this.#allOfKind(dependency)) raised.push([dependency, at]);
    return raised;
  }

  #raisedAt(dependency: Dependency): number {
    if (dependency === SCHEMA) return this.#schema;
    return Math.max(this.#raised.get(dependency) ?? 0, this.#allOfKind(dependency));
  }

  #allOfKind(dependency: Dependency): number {
    return isTag(dependency) ? this.#allTags : this.#allRelations;
  }

  #forgetBeyondBound(): void {
    if (this.#raised.size <= this.#dependenciesMax) return;
    for (const [dependency, at] of this.#raised) {
      this.#raised.delete(dependency);
      this.raise(isTag(dependency) ? ALL_TAGS : EVERYTHING, at);
      return;
    }
  }
}

export function tagDependency(tag: string): Dependency {
  return `tag:${tag}`;
}

export function isTag(dependency: Dependency): boolean {
  return dependency.startsWith('tag:');
}
