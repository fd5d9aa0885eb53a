/**
 * Text that a date type reads as a moment of its own: '2024-01-01' is always the same, 'today 10:00' is not.
 * https://www.postgresql.org/docs/current/datatype-datetime.html#DATATYPE-DATETIME-SPECIAL-VALUES
 */

/** PostgreSQL's own bound on the fields of a date (MAXDATELEN + MAXDATEFIELDS); white space in front is not counted. */
const DATE_LENGTH_MAX = 153;

/** A word to PostgreSQL is letters: 'today10:00' holds one. */
const MOVING_WORD = /(?<![a-z])(?:now|today|tomorrow|yesterday)(?![a-z])/i;

/** Arrays, ranges, rows and JSON hold dates in their midst, at any length. */
const HOLDS_OTHERS = /^\s*[[({]/;

export function isMovingText(text: string): boolean {
  if (!MOVING_WORD.test(text)) return false;
  return HOLDS_OTHERS.test(text) || text.replace(/\s+/g, ' ').length <= DATE_LENGTH_MAX;
}
