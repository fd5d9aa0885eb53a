/** A small origin by hand: what it would answer to the catalog's questions. */

import { builtIns } from '../../../src/protocols/postgres/built-in-functions.ts';
import { PostgresCatalog } from '../../../src/protocols/postgres/catalog.ts';
import type { QuestionName } from '../../../src/protocols/postgres/catalog-facts.ts';
import { parse } from '../../../src/protocols/postgres/parser.ts';
import type { Answer, Answers } from '../../../src/protocols/sql/answers.ts';

/** Schemas: 11 pg_catalog, 2200 public, 20 shop. Relations from 100 on, functions from 20000 on. */
export const ANSWERS: Answers<QuestionName> = {
  session: [['app', '"$user", public']],
  schemas: [
    ['11', 'pg_catalog', 't'],
    ['2200', 'public', 't'],
    ['20', 'shop', 't'],
    ['21', 'app', 'f'],
  ],
  relations: [
    ['50', '11', 'pg_class', 'r', null],
    ['100', '2200', 'users', 'r', null],
    ['101', '2200', 'orders', 'r', null],
    ['102', '20', 'users', 'r', null],
    ['103', '2200', 'recent', 'v', null],
    ['104', '2200', 'Odd', 'r', null],
    ['105', '21', 'secret', 'r', null],
    ['106', '2200', 'log', 'r', null],
    ['107', '2200', 'naïve☃', 'r', null],
  ],
  columns: [['1', '20', '-12345']],
  definitions: [['103', ' SELECT users.id FROM public.users WHERE users.id > 5;']],
  inheritance: [],
  triggers: [['101', '5', '20001']],
  rules: [],
  foreignKeys: [['100', '101', 'c', 'a']],
  policies: [],
  functions: [
    fn('20001', 'log_it', {
      language: 'plpgsql',
      source: 'begin insert into log values (1); return new; end',
    }),
    fn('20002', 'pure', { volatility: 'i', source: 'select 1' }),
    fn('20003', 'of_c', { language: 'c' }),
    fn('20004', 'uuid', { language: 'c', extension: 'uuid-ossp' }),
    fn('20005', 'too_long', { source: null }),
  ],
  builtIns: [
    ['lower', 'i'],
    ['now', 's'],
    ['invented_later', 'v'],
    ['random', 'v'],
    ['age', 'i'],
    ['concat', 'i'],
  ],
  operators: [],
  casts: [],
  calls: [],
};

export function fn(
  oid: string,
  name: string,
  more: {
    volatility?: string;
    language?: string;
    extension?: string | null;
    source?: string | null;
    takesRow?: string;
  } = {},
): (string | null)[] {
  const { volatility = 'v', language = 'sql', extension = null, source = null, takesRow = 'f' } = more;
  return [oid, '2200', name, volatility, language, extension, source, 'f', takesRow];
}

export function catalogOf(
  changes: Partial<Record<QuestionName, Answer>> = {},
  options: { rowsMax?: number; systemCatalogs?: boolean } = {},
): PostgresCatalog {
  const { rowsMax = 1000, systemCatalogs = false } = options;
  return new PostgresCatalog({
    answers: { ...ANSWERS, ...changes },
    rowsMax,
    systemCatalogs,
    language: { parse, builtIns },
  });
}
