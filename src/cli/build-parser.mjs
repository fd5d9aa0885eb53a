#!/usr/bin/env node
/**
 * Derives the parser that the Worker imports (src/protocols/postgres/parser.wasm) from npm's libpg-query, which was
 * built for a whole process of its own:
 *
 * - it asks for 128 MiB at once, all that a Worker's isolate may have. Here it begins with 4 MiB and grows;
 * - 32 MiB of that are its stack, which JavaScript's own stack limit (1 MiB) never lets it reach. Here it is 2 MiB;
 * - the names of its imports and exports are single letters, different in each version. Here they have their names,
 *   so that a few lines of TypeScript stand in for the 60 KB of JavaScript that come with it.
 *
 * Plain JavaScript for any Node from 20: wrangler runs it before it bundles, and the tests before they begin.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const source = join(root, 'node_modules', 'libpg-query', 'wasm');
const target = join(root, 'src', 'protocols', 'postgres', 'parser.wasm');

const PAGE_BYTES = 65_536;
const MEMORY_PAGES = (4 * 1024 * 1024) / PAGE_BYTES;
const MEMORY_PAGES_MAX = 32_768;
const STACK_BYTES_BUILT = 32 * 1024 * 1024;
const STACK_BYTES = 2 * 1024 * 1024;
const HEADER_BYTES = 8;

/** https://webassembly.github.io/spec/core/binary/modules.html */
const SECTION = { import: 2, memory: 5, global: 6, export: 7, code: 10, data: 11 };
const I32_CONST = 0x41;

if (!existsSync(source)) {
  console.error(`libpg-query is not in ${source}: run npm ci first.`);
  process.exit(1);
}
const glue = readFileSync(join(source, 'libpg-query.js'), 'utf8');
const derived = derive(readFileSync(join(source, 'libpg-query.wasm')));
// Several runs at a time read and write it: never half of it, and never without need, because wrangler watches it.
if (!existsSync(target) || !readFileSync(target).equals(derived)) {
  const draft = `${target}.${process.pid}`;
  writeFileSync(draft, derived);
  renameSync(draft, target);
}

function derive(wasm) {
  const sections = sectionsOf(wasm);
  const stackTop = stackTopOf(sections.find(({ id }) => id === SECTION.global).body);
  const change = {
    [SECTION.import]: (body) => renameImports(body, namesOfImports()),
    [SECTION.export]: (body) => renameExports(body, namesOfExports()),
    [SECTION.memory]: () => Buffer.from([1, 1, ...unsigned(MEMORY_PAGES), ...unsigned(MEMORY_PAGES_MAX)]),
    // The stack ends where the heap begins. That address stands in three places: where the stack pointer begins,
    // where the stack is described to the C library, and where `sbrk` begins.
    [SECTION.global]: (body) => replaceOnce(body, constant(stackTop), constant(stackTop + stackMove())),
    [SECTION.code]: (body) => replaceOnce(body, constant(stackTop), constant(stackTop + stackMove())),
    [SECTION.data]: (body) => replaceOnce(body, word(stackTop), word(stackTop + stackMove())),
  };
  const changed = sections.map(({ id, body }) => {
    const newBody = change[id]?.(body) ?? body;
    return Buffer.concat([Buffer.from([id, ...unsigned(newBody.length)]), newBody]);
  });
  return Buffer.concat([wasm.subarray(0, HEADER_BYTES), ...changed]);
}

function sectionsOf(wasm) {
  const reader = makeReader(wasm, HEADER_BYTES);
  const sections = [];
  while (!reader.isAtEnd()) sections.push({ id: reader.byte(), body: reader.bytes(reader.unsigned()) });
  return sections;
}

/** The first global is the stack pointer: a mutable i32 with a constant. */
function stackTopOf(body) {
  const reader = makeReader(body, 0);
  reader.unsigned();
  const [type, mutable, operation] = reader.bytes(3);
  require(type === 0x7f && mutable === 1 && operation === I32_CONST, 'the first global is no stack pointer');
  return reader.unsigned();
}

function stackMove() {
  return STACK_BYTES - STACK_BYTES_BUILT;
}

function namesOfImports() {
  const [, list] = /\bwasmImports=\{([^}]*)\}/.exec(glue) ?? [];
  require(list !== undefined, 'no list of imports');
  return new Map([...list.matchAll(/(\w+):_*(\w+)/g)].map(([, letter, name]) => [letter, name]));
}

function namesOfExports() {
  const list = [...glue.matchAll(/\b_*(\w+)=(?:\w+=|Module\["\w+"\]=)?wasmExports\["(\w+)"\]/g)];
  const constructors = /\bwasmExports\["(\w+)"\]\(\)/.exec(glue)?.[1];
  require(list.length > 0 && constructors !== undefined, 'no list of exports');
  return new Map([[constructors, 'initialize'], ...list.map(([, name, letter]) => [letter, name])]);
}

/** Each import is a function of the one module `a`. */
function renameImports(body, names) {
  const reader = makeReader(body, 0);
  const count = reader.unsigned();
  const renamed = [...unsigned(count)];
  for (let index = 0; index < count; index += 1) {
    reader.bytes(reader.unsigned());
    const name = nameOf(names, reader.text());
    require(reader.byte() === 0, `import ${name} is no function`);
    renamed.push(...text('parser'), ...text(name), 0, ...unsigned(reader.unsigned()));
  }
  return Buffer.from(renamed);
}

function renameExports(body, names) {
  const reader = makeReader(body, 0);
  const count = reader.unsigned();
  const renamed = [...unsigned(count)];
  for (let index = 0; index < count; index += 1) {
    const name = nameOf(names, reader.text());
    renamed.push(...text(name), reader.byte(), ...unsigned(reader.unsigned()));
  }
  return Buffer.from(renamed);
}

function nameOf(names, letter) {
  const name = names.get(letter);
  require(name !== undefined, `"${letter}" has no name`);
  return name;
}

function replaceOnce(body, old, replacement) {
  const at = body.indexOf(old);
  const isOnce = at !== -1 && body.indexOf(old, at + 1) === -1;
  require(isOnce && old.length === replacement.length, 'the stack is not where it was');
  return Buffer.concat([body.subarray(0, at), replacement, body.subarray(at + old.length)]);
}

function makeReader(bytes, start) {
  let at = start;
  const reader = {
    isAtEnd: () => at === bytes.length,
    byte: () => bytes[at++],
    bytes: (count) => {
      at += count;
      return bytes.subarray(at - count, at);
    },
    text: () => reader.bytes(reader.unsigned()).toString('utf8'),
    unsigned: () => {
      let value = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = reader.byte();
        value += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) return value;
      }
    },
  };
  return reader;
}

/** LEB128, https://webassembly.github.io/spec/core/binary/values.html */
function unsigned(value) {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** `i32.const` of an address below 128 MiB, as a signed LEB128 of always 4 bytes. */
function constant(value) {
  const groups = [0, 7, 14, 21].map((shift, index) => ((value >> shift) & 0x7f) | (index < 3 ? 0x80 : 0));
  return Buffer.from([I32_CONST, ...groups]);
}

function word(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function text(value) {
  return [...unsigned(value.length), ...Buffer.from(value)];
}

function require(isTrue, what) {
  if (isTrue) return;
  console.error(`libpg-query is not built as src/cli/build-parser.mjs expects it: ${what}.`);
  process.exit(1);
}
