/** What makes two drivers' statements one: equal texts and types, parsed under equal settings. */

import { latin1 } from '../bytes/latin1.ts';
import { factsOf } from './facts.ts';
import type { SharedStatement } from './prepared.ts';
import type { Talk } from './talk.ts';

export function intern(talk: Talk, { text, body }: { text: string; body: Uint8Array }): SharedStatement {
  const key = keyOf(talk, body);
  return talk.registry.known(key) ?? talk.registry.intern(key, { parseBody: body, facts: factsOf(text) });
}

/** The statement of this Parse body, if some driver has made it already. */
export function interned(talk: Talk, parseBody: Uint8Array): SharedStatement | undefined {
  return talk.registry.known(keyOf(talk, parseBody));
}

/** A literal is read when the statement is parsed, under the settings of that moment. */
function keyOf(talk: Talk, parseBody: Uint8Array): string {
  return `${talk.settings.parsingKey}\0${latin1(parseBody)}`;
}
