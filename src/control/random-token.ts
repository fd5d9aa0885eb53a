/** A secret that we make up: 256 random bits. base64url without padding, so it stands in URLs as it is. */
const TOKEN_BYTES = 32;

export function randomToken(prefix: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
  const text = btoa(String.fromCharCode(...bytes));
  return prefix + text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
