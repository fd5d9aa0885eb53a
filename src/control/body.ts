/** Reads a request's body: bounded, JSON whatever the content type says (wrangler sends text/plain), checked. */
import type { Context } from 'hono';
import * as v from 'valibot';
import { noteFields } from './context.ts';
import { Code, type Failure, failed, type Problem } from './envelope.ts';

export const BODY_BYTES_MAX = 64 * 1024;

/** Names come back in messages; they are the caller's, so only so much of them. */
const FIELD_NAME_CHARS_MAX = 80;

export type Checked<T> = { ok: true; value: T } | { ok: false; failure: Failure };

export function refused(failure: Failure): { ok: false; failure: Failure } {
  return { ok: false, failure };
}

export async function readBody<S extends v.GenericSchema>(
  c: Context,
  schema: S,
  { mayHoldLists = false }: { mayHoldLists?: boolean } = {},
): Promise<Checked<v.InferOutput<S>>> {
  const bytes = await readBytes(c.req.raw.body);
  if (bytes === undefined) {
    return refused(
      failed(413, Code.bodyTooLarge, `The body is longer than ${BODY_BYTES_MAX} bytes. Send less.`),
    );
  }
  const json = parseJson(bytes);
  if (json === undefined) {
    return refused(failed(400, Code.badJson, 'The body is not JSON in UTF-8. Send one JSON object.'));
  }
  const list = listIn(json.value, { mayHoldLists });
  if (list !== undefined) return refused(failed(400, Code.badField, `${list} must not be a list.`));
  const checked = check(schema, json.value);
  if (checked.ok) noteFields(c, json.value);
  return checked;
}

export function check<S extends v.GenericSchema>(schema: S, value: unknown): Checked<v.InferOutput<S>> {
  const result = v.safeParse(schema, value, { abortPipeEarly: true });
  if (result.success) return { ok: true, value: result.output };
  return refused({ status: 400, errors: result.issues.map(problemOf) });
}

/** Undefined: longer than it may be. No length that the caller claims is believed. */
async function readBytes(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array | undefined> {
  if (body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop early cancels the stream.
  for await (const chunk of body) {
    length += chunk.length;
    if (length > BODY_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Not JSON is an expected outcome here, so the parser's error (it quotes the body) is dropped. */
function parseJson(bytes: Uint8Array): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)) };
  } catch {
    return undefined;
  }
}

/** valibot 1.5 takes a list for an object without keys, so one may stand only where no field is an object. */
function listIn(json: unknown, { mayHoldLists }: { mayHoldLists: boolean }): string | undefined {
  if (Array.isArray(json)) return 'The body';
  if (mayHoldLists || typeof json !== 'object' || json === null) return undefined;
  return Object.entries(json)
    .find(([, value]) => Array.isArray(value))?.[0]
    .slice(0, FIELD_NAME_CHARS_MAX);
}

/** Never quotes a value: it may be a password. */
function problemOf(issue: v.BaseIssue<unknown>): Problem {
  const field = (v.getDotPath(issue) ?? 'The body').slice(0, FIELD_NAME_CHARS_MAX);
  return { code: Code.badField, message: `${field} ${complaintOf(issue)}` };
}

function complaintOf(issue: v.BaseIssue<unknown>): string {
  if (issue.type !== 'strict_object') return issue.message;
  if (issue.expected === 'never') return 'is not a field of this request. Remove it.';
  if (issue.received === 'undefined') return 'is missing. Give it.';
  return 'must be a JSON object.';
}
