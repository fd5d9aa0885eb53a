/**
 * What a driver is told at login (ParameterStatus): what the origin reports, with the driver's own settings laid
 * over it as the origin would answer them. The driver must not see a difference to the real thing, so values are
 * spelled as PostgreSQL spells them.
 * https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-ASYNC
 */
import { PoolerError } from '../../errors.ts';
import type { OriginFacts } from '../contract.ts';
import { canonicalEncoding } from './client-encoding.ts';
import { mergeDateStyle } from './date-style.ts';

/** Reported, and not for a driver to choose. */
const FIXED = new Set([
  'in_hot_standby',
  'integer_datetimes',
  'is_superuser',
  'server_encoding',
  'server_version',
  'session_authorization',
]);

/** `settings`: lower-case name to value. Throws what the origin would say to a value that it knows not. */
export function parametersToReport(
  facts: OriginFacts,
  settings: Record<string, string>,
): Record<string, string> {
  const asked = new Map(Object.entries(settings));
  refuseFixed(asked);
  refuseUnknownEncoding(asked.get('client_encoding'));
  const reported = Object.entries({ server_version: facts.serverVersion, ...facts.parameters });
  return Object.fromEntries(
    reported.map(([name, current]) => [
      name,
      reportedValue({ name, current, asked: asked.get(name.toLowerCase()) }),
    ]),
  );
}

function reportedValue(parameter: { name: string; current: string; asked: string | undefined }): string {
  const { name, current, asked } = parameter;
  if (asked === undefined) return current;
  switch (name.toLowerCase()) {
    case 'client_encoding':
      return canonicalEncoding(asked) ?? current;
    case 'datestyle':
      return mergeDateStyle({ asked, current }) ?? refuseValue(name, asked);
    default:
      return asked;
  }
}

function refuseFixed(asked: ReadonlyMap<string, string>): void {
  for (const name of asked.keys()) {
    if (FIXED.has(name)) throw refused(`parameter "${name}" cannot be changed`, '55P02');
  }
}

/** In any case, also where the origin does not report its own: what the driver sends could not be read. */
function refuseUnknownEncoding(encoding: string | undefined): void {
  if (encoding !== undefined && canonicalEncoding(encoding) === undefined) {
    refuseValue('client_encoding', encoding);
  }
}

function refuseValue(name: string, value: string): never {
  throw refused(`invalid value for parameter "${name}": "${value}"`, '22023');
}

function refused(text: string, sqlState: string): PoolerError {
  return new PoolerError(text, { fault: 'driver', sqlState, fatal: true });
}
