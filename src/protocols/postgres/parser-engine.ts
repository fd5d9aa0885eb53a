/**
 * PostgreSQL's own parser (libpg_query, compiled to WebAssembly), and what it needs of JavaScript: memory that grows
 * and C's longjmp, by which PostgreSQL reports errors. Knows bytes and the parser's structs, nothing of SQL.
 *
 * An instance is bounded and mortal: it may take so much memory, is given up when it keeps much, and after anything
 * that PostgreSQL did not mean to happen (a trap, a stack that ran over) nothing of it is used again.
 */
import { Buffer } from 'node:buffer';
import { latin1 } from '../bytes/latin1.ts';
import parserModule from './parser.wasm';

/** A statement that needs more is refused. */
const MEMORY_BYTES_MAX = 96 * 1024 * 1024;
/** What may stay between two statements: WebAssembly gives nothing back but all at once. */
const MEMORY_BYTES_KEPT_MAX = 16 * 1024 * 1024;
const PAGE_BYTES = 65_536;
/** The far end of the stack. What runs over it would write into the parser's tables; nothing else writes here. */
const STACK_GUARD_WORDS = 1024;
/** As build-parser.mjs lays it out. */
const STACK_BYTES = 2 * 1024 * 1024;

/** The parse tree as JSON, or what PostgreSQL says against the text. */
export type EngineResult = { tree: string } | { error: string };

let engine: ParserEngine | undefined;

/** One character a byte. The engine is made by the first statement: who never parses pays nothing. */
export function parseToJson(text: string): EngineResult {
  engine ??= new ParserEngine();
  const result = engine.parse(text);
  if (engine.isSpent) engine = undefined;
  return result;
}

interface ParserExports {
  memory: WebAssembly.Memory;
  indirect_function_table: WebAssembly.Table;
  initialize(): void;
  malloc(bytes: number): number;
  free(pointer: number): void;
  wasm_parse_query_raw(text: number): number;
  wasm_free_parse_result(result: number): void;
  setThrew(threw: number, value: number): void;
  emscripten_stack_restore(pointer: number): void;
  emscripten_stack_get_current(): number;
}

export class ParserEngine {
  readonly #exports: ParserExports;
  readonly #stackEnd: number;
  #isBroken = false;

  constructor() {
    const { exports } = new WebAssembly.Instance(parserModule, { parser: this.#imports() });
    this.#exports = exports as unknown as ParserExports;
    this.#exports.initialize();
    this.#stackEnd = this.#exports.emscripten_stack_get_current() - STACK_BYTES;
  }

  get memoryBytes(): number {
    return this.#exports.memory.buffer.byteLength;
  }

  /** It must not be used again. */
  get isSpent(): boolean {
    return this.#isBroken || this.memoryBytes > MEMORY_BYTES_KEPT_MAX;
  }

  /** Never throws: whatever goes wrong in there, the statement is one that we cannot read. */
  parse(text: string): EngineResult {
    try {
      const result = this.#parse(text);
      if (!this.#hasStackRunOver()) return result;
    } catch {
      // RuntimeError of a trap, RangeError of JavaScript's stack: the parser was left in the middle of something.
    }
    this.#isBroken = true;
    return { error: 'statement is too complex for the parser' };
  }

  #parse(text: string): EngineResult {
    const parser = this.#exports;
    const pointer = parser.malloc(text.length + 1);
    if (pointer === 0) return { error: 'statement is too long for the parser' };
    const bytes = Buffer.from(parser.memory.buffer, pointer, text.length + 1);
    bytes.latin1Write(text);
    bytes[text.length] = 0;
    const result = parser.wasm_parse_query_raw(pointer);
    // PgQueryParseResult: parse_tree, stderr_buffer, error. PgQueryError: message first.
    const read = new DataView(parser.memory.buffer);
    const error = read.getUint32(result + 8, true);
    const answer =
      error === 0
        ? { tree: this.#text(read.getUint32(result, true)) }
        : { error: this.#text(read.getUint32(error, true)) };
    parser.free(pointer);
    parser.wasm_free_parse_result(result);
    return answer;
  }

  /** Ends with a zero. What is no UTF-8 becomes U+FFFD, which no name in a catalog has. */
  #text(pointer: number): string {
    const memory = new Uint8Array(this.#exports.memory.buffer);
    const bytes = memory.subarray(pointer, memory.indexOf(0, pointer));
    const text = latin1(bytes);
    return isAscii(text) ? text : Buffer.prototype.utf8Slice.call(bytes, 0, bytes.byteLength);
  }

  #hasStackRunOver(): boolean {
    const guard = new Uint32Array(this.#exports.memory.buffer, this.#stackEnd, STACK_GUARD_WORDS);
    return guard.some((word) => word !== 0);
  }

  #imports(): Record<string, (...args: number[]) => unknown> {
    const names = WebAssembly.Module.imports(parserModule).map(({ name }) => name);
    return Object.fromEntries(names.map((name) => [name, this.#import(name)]));
  }

  #import(name: string): (...args: number[]) => unknown {
    if (name.startsWith('invoke_')) return this.#invokeThatCatches(name === 'invoke_ji' ? 0n : undefined);
    if (name === 'emscripten_resize_heap') return (bytes) => this.#grow((bytes ?? 0) >>> 0);
    if (name === 'emscripten_throw_longjmp') {
      return () => {
        throw new LongJump();
      };
    }
    // Files, timers, exit and abort: a parser that asks for one of them is lost.
    return () => {
      throw new Error(`the parser called ${name}`);
    };
  }

  /** A call between C's setjmp and longjmp: a jump unwinds to here, and the caller then looks whether one came. */
  #invokeThatCatches(nothing: bigint | undefined): (...args: number[]) => unknown {
    return (index, ...args) => {
      const parser = this.#exports;
      const stack = parser.emscripten_stack_get_current();
      try {
        return parser.indirect_function_table.get(index ?? 0)(...args);
      } catch (error) {
        if (!(error instanceof LongJump)) throw error;
        parser.emscripten_stack_restore(stack);
        parser.setThrew(1, 0);
        return nothing;
      }
    };
  }

  /** As C's sbrk asks for it. Returns whether it was done; else `malloc` returns 0 and PostgreSQL says so. */
  #grow(bytes: number): 0 | 1 {
    if (bytes > MEMORY_BYTES_MAX) return 0;
    try {
      this.#exports.memory.grow(Math.ceil((bytes - this.memoryBytes) / PAGE_BYTES));
      return 1;
    } catch {
      return 0; // The runtime has none to give.
    }
  }
}

class LongJump extends Error {}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) > 0x7f) return false;
  }
  return true;
}
