/**
 * DateStyle is two settings in one: the style of output and the order of day, month and year. Naming one leaves the
 * other as it was. These are the rules of check_datestyle (src/backend/commands/variable.c).
 * https://www.postgresql.org/docs/18/runtime-config-client.html#GUC-DATESTYLE
 */

interface DateStyle {
  style?: string;
  order?: string;
}

/** `asked` laid over `current`, spelled as the server reports it. Undefined: not a DateStyle. */
export function mergeDateStyle(options: { asked: string; current: string }): string | undefined {
  const asked = readWords(options.asked, options.current);
  const current = readWords(options.current, '');
  return asked && `${asked.style ?? current?.style ?? 'ISO'}, ${asked.order ?? current?.order ?? 'MDY'}`;
}

function readWords(text: string, current: string): DateStyle | undefined {
  const words = text.trim() === '' ? [] : text.split(',').map((word) => word.trim().toUpperCase());
  const explicit: DateStyle = {};
  // What a word brings along, where no other word says it outright.
  let implied: DateStyle = {};
  for (const word of words) {
    const meaning = meaningOf(word);
    if (word === 'DEFAULT') implied = { ...implied, ...readWords(current, '') };
    else if (meaning === undefined || isConflict(explicit, meaning)) return undefined;
    Object.assign(explicit, meaning);
    if (word === 'GERMAN') implied = { ...implied, order: 'DMY' };
  }
  return { ...implied, ...explicit };
}

function meaningOf(word: string): DateStyle | undefined {
  if (word === 'ISO' || word === 'SQL') return { style: word };
  if (word.startsWith('POSTGRES')) return { style: 'Postgres' };
  if (word === 'GERMAN') return { style: 'German' };
  if (word === 'YMD') return { order: 'YMD' };
  if (word === 'DMY' || word.startsWith('EURO')) return { order: 'DMY' };
  if (word === 'MDY' || word === 'US' || word.startsWith('NONEURO')) return { order: 'MDY' };
  return undefined;
}

function isConflict(left: DateStyle, right: DateStyle): boolean {
  const differs = (key: keyof DateStyle): boolean =>
    left[key] !== undefined && right[key] !== undefined && left[key] !== right[key];
  return differs('style') || differs('order');
}
