/**
 * What an edge knows of configs and users without asking each time. Kept for 5 s: no longer does an edge let a
 * revoked token or a deleted config pass. Bounded, because names come from drivers.
 */
import type { Login } from '../config/login.ts';
import { ConfigStore } from '../config/store.ts';
import type { OriginFacts } from '../protocols/contract.ts';

const KEPT_MS = 5_000;
const ENTRIES_MAX = 1_000;

interface Entry {
  login: Login | undefined;
  until: number;
}

const entries = new Map<string, Entry>();

interface CommonFacts {
  facts: OriginFacts | undefined;
  until: number;
}

/** By scheme. There are few. */
const commonFacts = new Map<string, CommonFacts>();

/** Configs or tokens may have changed: this edge knows at once, others within 5 s. */
export function forgetLogins(): void {
  entries.clear();
  commonFacts.clear();
}

/** Of all configs of these schemes. Undefined: there is none, or they differ, or nobody has looked at one yet. */
export async function findCommonFacts(
  db: D1Database,
  schemes: readonly string[],
): Promise<OriginFacts | undefined> {
  const key = schemes.join();
  const now = Date.now();
  const known = commonFacts.get(key);
  if (known && known.until > now) return known.facts;
  const facts = await new ConfigStore(db).findCommonFacts(schemes);
  commonFacts.set(key, { facts, until: now + KEPT_MS });
  return facts;
}

/** `database` is a config's name or id. Undefined: there is no such config. */
export async function findLogin(
  db: D1Database,
  { database, user }: { database: string; user: string },
): Promise<Login | undefined> {
  const key = `${database}\0${user}`;
  const now = Date.now();
  const known = entries.get(key);
  if (known && known.until > now) return known.login;
  // The answer is kept, not the question: that belongs to one invocation, and may never end with it.
  const login = await new ConfigStore(db).findLogin({ database, user });
  entries.delete(key);
  entries.set(key, { login, until: now + KEPT_MS });
  if (entries.size > ENTRIES_MAX) {
    const [oldest] = entries.keys();
    if (oldest !== undefined) entries.delete(oldest);
  }
  return login;
}
