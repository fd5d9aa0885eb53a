/**
 * ErrorResponse and NoticeResponse, and what they mean as a PoolerError.
 * https://www.postgresql.org/docs/18/protocol-error-fields.html
 */
import { PoolerError, type PoolerErrorOptions } from '../../errors.ts';
import { encodeText } from '../bytes/join.ts';
import { decodeText } from '../bytes/reader.ts';
import { Backend, message } from './messages.ts';

/** Field code (`S`, `V`, `C`, `M`, `H`, ...) to value. Any of them may be missing. */
export type ErrorFields = Partial<Record<string, string>>;

/** What stands for a SQLSTATE that the origin did not send: internal_error. */
const UNKNOWN_SQL_STATE = 'XX000';

export function encodeErrorResponse(
  error: PoolerError,
  severity: 'ERROR' | 'FATAL' = error.fatal ? 'FATAL' : 'ERROR',
): Uint8Array {
  return message(
    Backend.ErrorResponse,
    encodeFields({ S: severity, V: severity, C: error.sqlState, M: error.message, H: error.hint }),
  );
}

export function encodeNoticeResponse(notice: {
  sqlState: string;
  message: string;
  hint?: string;
}): Uint8Array {
  return message(
    Backend.NoticeResponse,
    encodeFields({ S: 'NOTICE', V: 'NOTICE', C: notice.sqlState, M: notice.message, H: notice.hint }),
  );
}

/** Takes what can be read. Nothing is relied on, neither terminators nor fields (CVE-2026-6665, -6666). */
export function decodeErrorFields(body: Uint8Array): ErrorFields {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const terminator = body.indexOf(0, at + 1);
    const end = terminator < 0 ? body.length : terminator;
    fields.set(String.fromCharCode(body[at] ?? 0), decodeText(body.subarray(at + 1, end)));
    at = end + 1;
  }
  return Object.fromEntries(fields);
}

/** An error of the origin in its own words. `options` says what the place where it came up knows of it. */
export function originError(
  fields: ErrorFields,
  options: Pick<PoolerErrorOptions, 'apiCode' | 'fatal'> = {},
): PoolerError {
  const severity = fields.V ?? fields.S;
  return new PoolerError(fields.M || 'The origin reported an error without a message.', {
    fault: 'origin',
    sqlState: sqlStateOf(fields),
    fatal: severity === 'FATAL' || severity === 'PANIC',
    ...(fields.H === undefined ? {} : { hint: fields.H }),
    ...options,
  });
}

function sqlStateOf(fields: ErrorFields): string {
  const code = fields.C;
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : UNKNOWN_SQL_STATE;
}

function encodeFields(fields: ErrorFields): Uint8Array {
  const encoded = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    // A zero byte would end the field early and turn what follows into fields.
    .map(([code, value = '']) => `${code}${value.replaceAll('\0', '')}\0`);
  return encodeText(`${encoded.join('')}\0`);
}
