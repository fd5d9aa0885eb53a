/**
 * Secrets at rest: AES-GCM under the key in the secret CONFIG_KEY. A sealed text is bound to its config and
 * field (additional data), so whoever can write the database still cannot move a password to another row.
 *
 * Format: `v1.<iv, base64>.<ciphertext and tag, base64>`.
 */
import { PoolerError } from '../errors.ts';

const FORMAT = 'v1';
const KEY_BYTES = 32;
/** NIST SP 800-38D: 96 random bits, of which one key may use 2^32 before a repetition becomes thinkable. */
const IV_BYTES = 12;

/** Which secret: part of what is authenticated. */
export type SecretPlace =
  | { configId: string; field: 'password' | 'access_client_secret' }
  | { certificateId: string; field: 'private_key' };

export class ConfigSecrets {
  readonly #keyText: string | undefined;
  #key: Promise<CryptoKey> | undefined;

  /** `key`: base64 of 32 bytes. It is looked at when first needed, so that what needs no secret works without. */
  constructor(key: string | undefined) {
    this.#keyText = key;
  }

  async seal(place: SecretPlace, text: string): Promise<string> {
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const ciphertext = await crypto.subtle.encrypt(
      algorithm(iv, place),
      await this.#importedKey(),
      new TextEncoder().encode(text),
    );
    return [FORMAT, encodeBase64(iv), encodeBase64(new Uint8Array(ciphertext))].join('.');
  }

  async open(place: SecretPlace, sealed: string): Promise<string> {
    const key = await this.#importedKey();
    const [format, iv, ciphertext, ...rest] = sealed.split('.');
    if (format !== FORMAT || iv === undefined || ciphertext === undefined || rest.length > 0) {
      throw notOpening(place);
    }
    try {
      const text = await crypto.subtle.decrypt(
        algorithm(decodeBase64(iv), place),
        key,
        decodeBase64(ciphertext),
      );
      return new TextDecoder().decode(text);
    } catch (cause) {
      throw notOpening(place, cause);
    }
  }

  #importedKey(): Promise<CryptoKey> {
    this.#key ??= importKey(this.#keyText);
    return this.#key;
  }
}

function algorithm(iv: Uint8Array, place: SecretPlace): SubtleCryptoEncryptAlgorithm {
  const additionalData = new TextEncoder().encode(`${rowOf(place)}.${place.field}`);
  return { name: 'AES-GCM', iv, additionalData };
}

async function importKey(text: string | undefined): Promise<CryptoKey> {
  if (text === undefined || text === '') throw keyError('The secret CONFIG_KEY is not set.');
  const bytes = keyBytes(text);
  if (bytes.length !== KEY_BYTES) {
    throw keyError(`The secret CONFIG_KEY holds ${bytes.length} bytes instead of ${KEY_BYTES}.`);
  }
  return crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
}

/** No cause is kept: it could quote the key. */
function keyBytes(text: string): Uint8Array {
  try {
    return decodeBase64(text.trim());
  } catch {
    throw keyError('The secret CONFIG_KEY is not base64.');
  }
}

function keyError(message: string): PoolerError {
  return new PoolerError(message, {
    fault: 'pooler',
    sqlState: '58000',
    hint: 'Make a key with `openssl rand -base64 32` and set it with `wrangler secret put CONFIG_KEY`.',
  });
}

function rowOf(place: SecretPlace): string {
  return 'configId' in place ? place.configId : place.certificateId;
}

function notOpening(place: SecretPlace, cause?: unknown): PoolerError {
  return new PoolerError(`The stored ${place.field} of ${rowOf(place)} does not open.`, {
    fault: 'pooler',
    sqlState: '58000',
    hint: 'Set CONFIG_KEY to the key that it was sealed with, or send the secret again.',
    cause,
  });
}

function encodeBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** Strict: of the texts that stand for the same bytes only the one that `encodeBase64` makes. */
function decodeBase64(text: string): Uint8Array {
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  if (encodeBase64(bytes) !== text) throw new Error('not canonical');
  return bytes;
}
