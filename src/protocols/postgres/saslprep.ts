/**
 * SASLprep (RFC 4013) as PostgreSQL applies it to passwords: what it cannot normalize it takes as it is
 * (pg_saslprep and its callers, src/common/saslprep.c). Left out: the tables of Unicode 3.2 for unassigned
 * code points; newer characters are normalized here and taken raw there, which differs only for passwords
 * that mix them with compatibility characters.
 */

// Tables C.1.2, B.1, C.2 to C.9 and D.1 of RFC 3454.
const NON_ASCII_SPACE = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
const MAPPED_TO_NOTHING =
  /\u00ad|\u034f|\u1806|[\u180b-\u180d]|[\u200c\u200d]|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;
const PROHIBITED =
  /\p{Cc}|\p{Co}|\p{Cs}|\p{Noncharacter_Code_Point}|\u00a0|\u0340|\u0341|\u06dd|\u070f|\u1680|\u180e|[\u2000-\u200f]|[\u2028-\u202f]|[\u205f-\u2063]|[\u206a-\u206f]|[\u2ff0-\u2ffb]|\u3000|\ufeff|[\ufff9-\uffff]|[\u{1d173}-\u{1d17a}]|\u{e0001}|[\u{e0020}-\u{e007f}]/u;
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u;
const LEFT_TO_RIGHT = /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}]/u;

export function saslPrep(password: string): string {
  if (/^\p{ASCII}*$/u.test(password)) return password;
  const prepared = password.replace(NON_ASCII_SPACE, ' ').replace(MAPPED_TO_NOTHING, '').normalize('NFKC');
  return isAllowed(prepared) ? prepared : password;
}

function isAllowed(prepared: string): boolean {
  return prepared !== '' && !PROHIBITED.test(prepared) && hasOneDirection(prepared);
}

/** RFC 3454 chapter 6: text from right to left holds nothing from left to right, and begins and ends so. */
function hasOneDirection(text: string): boolean {
  if (!RIGHT_TO_LEFT.test(text)) return true;
  const characters = [...text];
  return (
    !LEFT_TO_RIGHT.test(text) &&
    RIGHT_TO_LEFT.test(characters[0] ?? '') &&
    RIGHT_TO_LEFT.test(characters.at(-1) ?? '')
  );
}
