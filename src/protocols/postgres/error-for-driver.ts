/** An origin's ErrorResponse in words that its driver understands: statements have other names there. */
import type { PoolerError } from '../../errors.ts';
import { encodeText } from '../bytes/join.ts';
import { type ErrorFields, encodeErrorResponse } from './errors.ts';
import type { Expected } from './expected.ts';
import { Backend, message } from './messages.ts';
import { NAME_PREFIX } from './prepared.ts';

/** invalid_sql_statement_name: what the origin says where we made it fail on purpose. */
const NO_SUCH_STATEMENT = '26000';
const QUERY_CANCELED = '57014';

export function errorForDriver(options: {
  fields: ErrorFields;
  body: Uint8Array;
  /** What failed. */
  about: Expected | undefined;
  cancelledBecause: PoolerError | undefined;
}): Uint8Array {
  const { fields, body, about, cancelledBecause } = options;
  if (about?.insteadOfError && fields['C'] === NO_SUCH_STATEMENT) return about.insteadOfError;
  if (cancelledBecause && fields['C'] === QUERY_CANCELED) return encodeErrorResponse(cancelledBecause);
  const { rename } = about ?? {};
  if (!rename || !fields['M']?.includes(NAME_PREFIX)) return message(Backend.ErrorResponse, body);
  const text = new TextDecoder().decode(body);
  return message(Backend.ErrorResponse, encodeText(text.replaceAll(`"${rename.from}"`, `"${rename.to}"`)));
}
