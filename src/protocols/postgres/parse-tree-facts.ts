/** Gathers the facts of one statement while its tree is walked; each name once, in the order of the text's tree. */
import { isMovingText } from './moving-literal.ts';
import type { ParsedStatement, QualifiedName, WrittenRelation } from './parsed-statement.ts';

export type Facts = Omit<ParsedStatement, 'kind' | 'endsTransaction'>;

export class FactGatherer {
  readonly #reads = new Map<string, QualifiedName>();
  readonly #writes = new Map<string, WrittenRelation>();
  readonly #functions = new Map<string, QualifiedName>();
  readonly #operators = new Map<string, QualifiedName>();
  readonly #types = new Map<string, QualifiedName>();
  readonly #valueFunctions = new Set<string>();
  readonly #attributes = new Set<string>();
  #hasInto = false;
  #hasLocks = false;
  #hasSample = false;
  #hasMovingLiteral = false;

  reads(name: QualifiedName): void {
    this.#reads.set(keyOf(name), name);
  }

  writes(name: QualifiedName, action: WrittenRelation['action']): void {
    this.#writes.set(`${action} ${keyOf(name)}`, { ...name, action });
  }

  calls(name: QualifiedName | undefined): void {
    if (name !== undefined) this.#functions.set(keyOf(name), name);
  }

  compares(...names: (QualifiedName | undefined)[]): void {
    for (const name of names) if (name !== undefined) this.#operators.set(keyOf(name), name);
  }

  casts(name: QualifiedName | undefined): void {
    if (name !== undefined) this.#types.set(keyOf(name), name);
  }

  asksValue(name: string): void {
    this.#valueFunctions.add(name);
  }

  takesAttribute(name: string): void {
    this.#attributes.add(name);
  }

  holdsText(text: string): void {
    this.#hasMovingLiteral ||= isMovingText(text);
  }

  makesTable(): void {
    this.#hasInto = true;
  }

  locks(): void {
    this.#hasLocks = true;
  }

  samples(): void {
    this.#hasSample = true;
  }

  facts(): Facts {
    return {
      reads: [...this.#reads.values()],
      writes: [...this.#writes.values()],
      functions: [...this.#functions.values()],
      operators: [...this.#operators.values()],
      types: [...this.#types.values()],
      valueFunctions: [...this.#valueFunctions],
      attributes: [...this.#attributes],
      hasInto: this.#hasInto,
      hasLocks: this.#hasLocks,
      hasSample: this.#hasSample,
      hasMovingLiteral: this.#hasMovingLiteral,
    };
  }
}

/** Names may hold any character but zero. */
function keyOf({ schema, name }: QualifiedName): string {
  return `${schema ?? ''}\0${name}`;
}
