/**
 * Scripts of an edge's conversation: what a driver or the endpoint says, and what must come out on each side. What is
 * looked up is found if the script says so. Each script runs whole, byte by byte, and with each step cut at each
 * offset; what comes out of a step must not depend on the cutting.
 */
import { expect, test } from 'vitest';
import type {
  CacheableRead,
  CacheStatus,
  EdgeHooks,
  ReplyFacts,
  WriteNews,
} from '../../../src/protocols/caching.ts';
import { PostgresEdgeConversation } from '../../../src/protocols/postgres/edge-conversation.ts';
import { complete, row } from './script.ts';
import { cuttings, framed, textOf, wire } from './wire.ts';

/** A note of the link. */
export const note = (said: object): Uint8Array => framed('\x01', JSON.stringify(said));
/** In front of the ReadyForQuery behind which nothing is owed. */
export const ending = (taken: number, more: object = {}): Uint8Array => note({ taken, at: 0, ...more });
export const facts = (more: Partial<ReplyFacts> = {}): Uint8Array =>
  note({ reply: { status: 'miss', reads: [], asOf: 5, ageMs: 0, tier: 'origin', ...more } });
export const rows = (columns: Uint8Array, ...values: string[]): Uint8Array =>
  wire(columns, ...values.map(row), complete(`SELECT ${values.length}`));

/** A message, or a note as it was meant, its key cut to the text that is read. */
type Heard = string | Record<string, unknown>;

export interface EdgeOutcome {
  toDriver?: Uint8Array;
  toEndpoint?: Heard[];
  /** Texts that are looked up. */
  looksUp?: string[];
  events?: string[];
  isQuiet?: boolean;
  isOver?: boolean;
}

export type EdgeStep =
  | ({ driver: Uint8Array } & EdgeOutcome)
  | ({ endpoint: Uint8Array } & EdgeOutcome)
  | ({ call: (conversation: PostgresEdgeConversation) => void } & EdgeOutcome);

export interface EdgeScript {
  settings?: Record<string, string>;
  /** Replies that are stored, by text. */
  stored?: Record<string, Uint8Array>;
  /** Of what is stored. */
  seenUpTo?: number;
  steps: EdgeStep[];
}

/** A read as it stands in what goes to the endpoint. */
export const flagged = (text: string, more: { bytes: number; answers: string; floor?: number }): object => ({
  ...more,
  floor: more.floor ?? 0,
  read: { wants: 'rows', key: text, textLength: text.length, control: {} },
});
export const flaggedDescription = (text: string, more: { bytes: number; answers: string }): object => ({
  ...more,
  floor: 0,
  read: { wants: 'description', key: text, textLength: text.length, control: {} },
});

export function edgeScripted(name: string, script: EdgeScript): void {
  test(name, () => {
    const whole = script.steps.map((step) => [bytesOf(step)]);
    const single = whole.map(([bytes = wire()]) => [...bytes].map((byte) => Uint8Array.of(byte)));
    const cut = whole.flatMap(([bytes = wire()], at) =>
      cuttings(bytes).map((pieces) => whole.map((others, index) => (index === at ? pieces : others))),
    );
    for (const feeding of [whole, single, ...cut]) new EdgeStage(script).play(feeding);
  });
}

function bytesOf(step: EdgeStep): Uint8Array {
  if ('driver' in step) return step.driver;
  return 'endpoint' in step ? step.endpoint : wire();
}

class EdgeStage {
  readonly #script: EdgeScript;
  readonly #conversation: PostgresEdgeConversation;
  #events: string[] = [];
  #looksUp: string[] = [];

  constructor(script: EdgeScript) {
    this.#script = script;
    const hooks = hooksThatTell((event) => this.#events.push(event));
    this.#conversation = new PostgresEdgeConversation({
      dialect: '',
      settings: script.settings ?? {},
      hooks,
    });
  }

  play(feeding: Uint8Array[][]): void {
    for (const [at, step] of this.#script.steps.entries()) this.#step(at, step, feeding[at] ?? []);
  }

  #step(at: number, step: EdgeStep, pieces: Uint8Array[]): void {
    const conversation = this.#conversation;
    this.#events = [];
    this.#looksUp = [];
    let toDriver = wire();
    let toEndpoint = wire();
    const collect = (): void => {
      toDriver = wire(toDriver, conversation.toDriver.take() ?? []);
      toEndpoint = wire(toEndpoint, conversation.toEndpoint.take() ?? []);
    };
    if ('call' in step) step.call(conversation);
    else
      for (const piece of pieces) {
        // What was fed may be overwritten once the outboxes have been emptied.
        const chunk = piece.slice();
        if ('driver' in step) conversation.fromDriver(chunk);
        else conversation.fromEndpoint(chunk);
        while (conversation.read) this.#lookUp(conversation.read);
        collect();
        chunk.fill(0xff);
      }
    collect();
    const { isOver } = conversation;
    const isQuiet = step.isQuiet ?? conversation.isQuiet;
    expect({
      at,
      toDriver: textOf(toDriver),
      toEndpoint: heardIn(toEndpoint),
      looksUp: this.#looksUp,
      events: this.#events,
      isQuiet: conversation.isQuiet,
      isOver,
    }).toEqual({
      at,
      toDriver: textOf(step.toDriver ?? wire()),
      toEndpoint: step.toEndpoint ?? [],
      looksUp: step.looksUp ?? [],
      events: step.events ?? [],
      isQuiet,
      isOver: step.isOver ?? false,
    });
  }

  #lookUp(read: CacheableRead): void {
    const text = read.key.slice(0, read.textLength);
    this.#looksUp.push(text);
    const { stored = {}, seenUpTo = 0 } = this.#script;
    const body = stored[text];
    if (body) this.#conversation.answer({ body }, { seenUpTo, ageMs: 1500, tier: 'memory' });
    else this.#conversation.forward();
  }
}

function hooksThatTell(tell: (event: string) => void): EdgeHooks {
  return {
    record: (read: CacheableRead, { status, tier }: ReplyFacts) => {
      const text = read.key.slice(0, read.textLength);
      tell(`records ${status} of ${tier}: ${text}`);
      let taken = wire();
      return {
        add: (bytes) => {
          taken = wire(taken, bytes);
        },
        complete: (seenUpTo) => tell(`recorded up to ${seenUpTo}: ${textOf(taken)}`),
        abandon: () => tell('abandoned'),
      };
    },
    refused: (read: CacheableRead, status: CacheStatus) =>
      tell(`refused ${status}: ${read.key.slice(0, read.textLength)}`),
    heard: (news: WriteNews) => tell(`heard ${JSON.stringify(news)}`),
  };
}

export function heardIn(bytes: Uint8Array): Heard[] {
  const heard: Heard[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.length < at + 5 ? bytes.length : at + 1 + new DataView(bytes.buffer).getUint32(at + 1);
    const whole = bytes.slice(at, end);
    heard.push(whole[0] === 1 ? readNote(whole) : textOf(whole));
    at = end;
  }
  return heard;
}

function readNote(whole: Uint8Array): Record<string, unknown> {
  const said = JSON.parse(new TextDecoder().decode(whole.subarray(5)));
  if (said.read) said.read.read.key = said.read.read.key.slice(0, said.read.read.textLength);
  return said;
}

/** Each message of its own, as what the endpoint hears. */
export const each = (...messages: Uint8Array[]): string[] => messages.map(textOf);
