/**
 * A policy may ask for a setting. The key of a reply holds the settings that we know the session has: so a policy's
 * question is harmless only if it is certain that we know this one, and that no function sets it behind our back.
 */
import type { CatalogFacts, UserFunction } from './catalog-facts.ts';
import { type Token, tokensOf } from './tokens.ts';

/** Names of settings in lower case. `any`: it cannot be told which. */
type Touched = ReadonlySet<string> | 'any';

const NONE: Touched = new Set();
/** They decide who `current_user` is. */
const IDENTITY = ['role', 'session_authorization'];
/** The edge leaves them out of its keys (read-key.ts). */
const NOT_IN_KEYS = /^(application_name$|warmpool\.)/;
/** pg_get_expr writes plain names of settings as they are; others are not looked for. */
const PLAIN_NAME = /^[a-z_][\w$]*(\.[a-z_][\w$]*)*$/;

const STATEMENT_BEGINS_BEHIND = new Set([undefined, ';', 'begin', 'atomic', 'then', 'else', 'loop', '>']);
/** EXECUTE of a text that begins with one of these sets nothing by itself. */
const SETS_NOTHING =
  /^\s*(select|insert|update|delete|merge|with|create|alter|drop|truncate|analyze|vacuum|grant|revoke|comment|refresh|copy|lock|notify|explain)\s/i;

export class SettingsJudge {
  readonly #functions: CatalogFacts['functions'];
  #touchers: { fn: UserFunction; touched: Touched }[] | undefined;

  constructor({ functions }: CatalogFacts) {
    this.#functions = functions;
  }

  /** Why a policy whose condition has this text must not decide what is kept. `settings`: names that are known. */
  whyUnknown(condition: string, settings: ReadonlySet<string>): string | undefined {
    const names = settingsAskedFor(condition);
    if (names === undefined) return 'looks at a setting that cannot be told';
    for (const name of names) {
      if (NOT_IN_KEYS.test(name)) return `looks at the setting ${name}, which is in no key`;
      if (!settings.has(name)) return `looks at the setting ${name}, which this session has not set`;
      const toucher = this.#toucherOf(name);
      if (toucher) return `looks at the setting ${name}, which the function ${toucher}() may set unseen`;
    }
    return undefined;
  }

  /** Why it is not certain who the current user is. */
  whyAnonymous(): string | undefined {
    const toucher = IDENTITY.map((name) => this.#toucherOf(name)).find((name) => name !== undefined);
    return toucher && `asks for the user, and the function ${toucher}() may change the role unseen`;
  }

  #toucherOf(name: string): string | undefined {
    this.#touchers ??= [...this.#functions.values()]
      .map((fn) => ({ fn, touched: settingsTouchedBy(fn) }))
      .filter(({ touched }) => touched !== NONE);
    return this.#touchers.find(({ touched }) => touched === 'any' || touched.has(name))?.fn.name;
  }
}

/** Literals of each current_setting. Undefined: one of them is not a plain literal. */
export function settingsAskedFor(condition: string): string[] | undefined {
  const tokens = tokensOf(condition);
  const names: string[] = [];
  for (const [at, { kind, text }] of tokens.entries()) {
    if (kind === 'string' || text.toLowerCase() !== 'current_setting') continue;
    const name = literalArgument(tokens, at + 1);
    if (name === undefined) return undefined;
    names.push(name);
  }
  return names;
}

/** `('app.tenant'::text, ...`: what stands in front of the first comma, if it is nothing but a name in a literal. */
function literalArgument(tokens: readonly Token[], from: number): string | undefined {
  const [open, literal, ...behind] = tokens.slice(from, from + 6);
  if (open?.text !== '(' || literal?.kind !== 'string') return undefined;
  const [a, b, c, d] = behind.map(({ text }) => text);
  const end = a === ':' && b === ':' && c === 'text' ? d : a;
  const name = literal.text.toLowerCase();
  return (end === ',' || end === ')') && PLAIN_NAME.test(name) ? name : undefined;
}

/** Too much where it cannot be told; what extensions bring is believed to set nothing unless it says so. */
export function settingsTouchedBy({ language, source, extension }: UserFunction): Touched {
  const isOwn = extension === undefined;
  if (language === 'c' || language === 'internal') return NONE;
  if (source === undefined || !['sql', 'plpgsql'].includes(language)) return isOwn ? 'any' : NONE;
  if (!/set|execute|discard|to_xml|u&"/i.test(source) || !(isOwn || /set_config/i.test(source))) return NONE;
  return settingsTouchedByText(source);
}

function settingsTouchedByText(source: string): Touched {
  const tokens = tokensOf(source);
  const names = new Set<string>();
  for (const [at, token] of tokens.entries()) {
    const touched = settingsTouchedAt(tokens, at);
    if (touched === 'any' || isDisguised(token, source)) return 'any';
    for (const name of touched) names.add(name);
  }
  return names.size === 0 ? NONE : names;
}

function isDisguised({ kind, text, start }: Token, source: string): boolean {
  if (kind === 'string') return /set_config|to_xml/i.test(text);
  return (kind === 'quoted' && source.charAt(start) !== '"') || /to_xml/i.test(text);
}

function settingsTouchedAt(tokens: readonly Token[], at: number): readonly string[] | 'any' {
  const { kind, text = '' } = tokens[at] ?? {};
  if (kind === 'string') return [];
  if (text.toLowerCase() === 'set_config') return listed(literalArgument(tokens, at + 1));
  if (kind !== 'word') return [];
  if (text === 'execute') return runsHarmless(tokens, at + 1) ? [] : 'any';
  const begins = STATEMENT_BEGINS_BEHIND.has(tokens[at - 1]?.text);
  if (!begins) return [];
  if (text === 'set' || text === 'reset') return settingsOfSet(tokens, at + 1);
  return text === 'discard' ? 'any' : [];
}

function listed(name: string | undefined): readonly string[] | 'any' {
  return name === undefined ? 'any' : [name];
}

/** `EXECUTE 'insert ...' || ...`, `EXECUTE format('insert ...', ...)`. */
function runsHarmless(tokens: readonly Token[], from: number): boolean {
  const isFormat = tokens[from]?.text === 'format' && tokens[from + 1]?.text === '(';
  const literal = tokens[isFormat ? from + 2 : from];
  return literal?.kind === 'string' && SETS_NOTHING.test(literal.text);
}

/** SET [SESSION | LOCAL] name = ..., SET ROLE, SET SESSION AUTHORIZATION, RESET name. */
function settingsOfSet(tokens: readonly Token[], from: number): readonly string[] | 'any' {
  const word = (at: number): string => tokens[at]?.text.toLowerCase() ?? '';
  const at = word(from) === 'local' || word(from) === 'session' ? from + 1 : from;
  if (word(at) === 'authorization' || word(at) === 'role') return IDENTITY;
  if (word(at) === 'constraints' || word(at) === 'transaction') return [];
  if (word(at) === 'time') return ['timezone'];
  let name = word(at);
  for (let dot = at + 1; word(dot) === '.'; dot += 2) name += `.${word(dot + 1)}`;
  return PLAIN_NAME.test(name) && name !== 'all' ? [name] : 'any';
}
