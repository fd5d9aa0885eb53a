/**
 * PostgreSQL's names of encodings. What a driver asks for as `utf8` it is told as `UTF8`.
 * https://www.postgresql.org/docs/18/multibyte.html#MULTIBYTE-CHARSET-SUPPORTED and src/common/encnames.c.
 */

/** Canonical name, and the other names that mean it, without case and without what is neither letter nor digit. */
const ENCODINGS: readonly (readonly [canonical: string, ...aliases: string[]])[] = [
  ['BIG5', 'win950', 'windows950'],
  ['EUC_CN'],
  ['EUC_JIS_2004'],
  ['EUC_JP'],
  ['EUC_KR'],
  ['EUC_TW'],
  ['GB18030'],
  ['GBK', 'win936', 'windows936'],
  ['ISO_8859_5'],
  ['ISO_8859_6'],
  ['ISO_8859_7'],
  ['ISO_8859_8'],
  ['JOHAB'],
  ['KOI8R', 'koi8'],
  ['KOI8U'],
  ['LATIN1', 'iso88591'],
  ['LATIN2', 'iso88592'],
  ['LATIN3', 'iso88593'],
  ['LATIN4', 'iso88594'],
  ['LATIN5', 'iso88599'],
  ['LATIN6', 'iso885910'],
  ['LATIN7', 'iso885913'],
  ['LATIN8', 'iso885914'],
  ['LATIN9', 'iso885915'],
  ['LATIN10', 'iso885916'],
  ['MULE_INTERNAL'],
  ['SHIFT_JIS_2004'],
  ['SJIS', 'mskanji', 'shiftjis', 'win932', 'windows932'],
  ['SQL_ASCII'],
  ['UHC', 'win949', 'windows949'],
  ['UTF8', 'unicode'],
  ['WIN866', 'alt', 'windows866'],
  ['WIN874', 'windows874'],
  ['WIN1250', 'windows1250'],
  ['WIN1251', 'win', 'windows1251'],
  ['WIN1252', 'windows1252'],
  ['WIN1253', 'windows1253'],
  ['WIN1254', 'windows1254'],
  ['WIN1255', 'windows1255'],
  ['WIN1256', 'windows1256'],
  ['WIN1257', 'windows1257'],
  ['WIN1258', 'abc', 'tcvn', 'tcvn5712', 'vscii', 'windows1258'],
];

const CANONICAL_NAMES = new Map(
  ENCODINGS.flatMap((names) => names.map((name) => [cleanName(name), names[0]] as const)),
);

/** Undefined: PostgreSQL knows no such encoding. */
export function canonicalEncoding(name: string): string | undefined {
  return CANONICAL_NAMES.get(cleanName(name));
}

function cleanName(name: string): string {
  return name.replace(/[^A-Za-z0-9]/g, '').toLowerCase();
}
