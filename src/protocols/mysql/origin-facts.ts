/**
 * What a server says of itself at login, as the contract's facts and back. Facts are the same on every connection,
 * whatever was agreed on there.
 */
import type { OriginFacts } from '../contract.ts';
import { Capability, ServerStatus } from './capabilities.ts';
import { COLLATION_UTF8MB4 } from './dialect.ts';

export interface OriginGreeting {
  serverVersion: string;
  capabilities: number;
  extended: number;
  collation: number;
  status: number;
}

/** For a driver of whom nobody can know which origin it wants: what every server since MySQL 5.7 can do. */
export const NEUTRAL: OriginGreeting = {
  serverVersion: '8.0.0-Warmpool',
  capabilities: (0xffff_ffff & ~(Capability.OPTIONAL_RESULTSET_METADATA | Capability.QUERY_ATTRIBUTES)) >>> 0,
  extended: 0,
  collation: COLLATION_UTF8MB4,
  status: ServerStatus.AUTOCOMMIT,
};

export function factsOf(greeting: OriginGreeting, variables: ReadonlyMap<string, string>): OriginFacts {
  const { serverVersion, capabilities, extended, collation, status } = greeting;
  const numbers = { capabilities, extended, collation, status };
  const parameters = Object.entries(numbers).map(([name, value]) => [`greeting.${name}`, String(value)]);
  return { serverVersion, parameters: Object.fromEntries([...parameters, ...commonOf(variables)]) };
}

/** Those that do not come from the session's own dialect: its collation, and IGNORE_SPACE in the SQL mode. */
function commonOf(variables: ReadonlyMap<string, string>): [string, string][] {
  const common = [...variables].filter(([name]) => !/^(character_set|collation)_/.test(name));
  return common.map(([name, value]) => [name, name === 'sql_mode' ? withoutIgnoreSpace(value) : value]);
}

function withoutIgnoreSpace(sqlMode: string): string {
  return sqlMode
    .split(',')
    .filter((mode) => mode !== 'IGNORE_SPACE')
    .join();
}

export function greetingOf({ serverVersion, parameters }: OriginFacts): OriginGreeting {
  const number = (name: string, otherwise: number): number =>
    Number(parameters[`greeting.${name}`] ?? otherwise) >>> 0;
  return {
    serverVersion,
    capabilities: number('capabilities', NEUTRAL.capabilities),
    extended: number('extended', NEUTRAL.extended),
    collation: number('collation', NEUTRAL.collation),
    status: number('status', NEUTRAL.status),
  };
}

export function isMariaDb(serverVersion: string): boolean {
  return /mariadb/i.test(serverVersion);
}
