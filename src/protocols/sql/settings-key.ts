/** The settings of a session as a part of keys. */

/**
 * What of a session's settings can change a reply, in one text. The name of the application cannot, nor can what
 * we are told ourselves.
 */
export function keyOfSettings(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .filter(([name]) => name !== 'application_name' && !name.startsWith('warmpool.'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}\0${value}\0`)
    .join('');
}
