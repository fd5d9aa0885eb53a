/**
 * Logging in to an origin: answers what its authentication plugin asks. A server names a plugin in its greeting and
 * may name others later (AuthSwitchRequest). A password goes in clear over TLS only; without TLS, which
 * `tls: 'require'` never allows, it goes encrypted for the RSA key that the server shows.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_authentication_methods.html
 */
import { constants, publicEncrypt } from 'node:crypto';
import { PoolerError } from '../../errors.ts';
import { encodeText } from '../bytes/join.ts';
import { decodeText } from '../bytes/reader.ts';
import { ed25519Response, parsecResponse, SIGNATURE_NONCE_BYTES } from './authentication-ed25519.ts';
import { ErrorNumber } from './errors.ts';
import { type AuthSwitch, NONCE_BYTES } from './handshake.ts';
import { CACHING_SHA2, cachingSha2Response, NATIVE, nativeResponse, xor } from './passwords.ts';

/** An account of MariaDB may have several plugins, which are tried one after the other. */
const SWITCHES_MAX = 5;

/** Of caching_sha2_password, towards the server and from it; sha256_password asks with another number. */
const REQUEST_PUBLIC_KEY = { [CACHING_SHA2]: 0x02, sha256_password: 0x01 } as const;
const FAST_AUTH_SUCCESS = 0x03;
const PERFORM_FULL_AUTHENTICATION = 0x04;

const PLUGINS = [
  NATIVE,
  CACHING_SHA2,
  'sha256_password',
  'mysql_clear_password',
  'client_ed25519',
  'parsec',
] as const;
type Plugin = (typeof PLUGINS)[number];

export interface AuthenticationOptions {
  password: string;
  isSecure: boolean;
  /** At least 32 random bytes. */
  random: Uint8Array;
}

export class Authentication {
  readonly #options: AuthenticationOptions;
  #plugin: Plugin = NATIVE;
  #nonce: Uint8Array = new Uint8Array();
  #switches = 0;

  constructor(options: AuthenticationOptions) {
    this.#options = options;
  }

  /** The answer to the greeting: as its plugin wants it, or as some plugin does. The server then switches. */
  first({ plugin, nonce }: AuthSwitch): { plugin: string; response: Uint8Array } {
    const known = pluginOf(plugin);
    // Never in clear before the server has said that this account needs it.
    this.#plugin = known === undefined || known === 'mysql_clear_password' ? NATIVE : known;
    this.#nonce = nonce;
    return { plugin: this.#plugin, response: this.#respond() };
  }

  /** The answer to an AuthSwitchRequest. */
  switch({ plugin, nonce }: AuthSwitch): Uint8Array {
    this.#switches += 1;
    if (this.#switches > SWITCHES_MAX)
      throw refused('The database asks for one authentication plugin after another.');
    const known = pluginOf(plugin);
    if (known === undefined) throw refused(`The database asks for ${plugin}, which is not supported.`);
    this.#plugin = known;
    this.#nonce = nonce;
    return this.#respond();
  }

  /** The answer to AuthMoreData. Undefined: there is none, the server goes on by itself. */
  more(data: Uint8Array): Uint8Array | undefined {
    switch (this.#plugin) {
      case CACHING_SHA2:
        return this.#continueCachingSha2(data);
      case 'sha256_password':
        return this.#encrypted(data);
      case 'parsec':
        return this.#signed(data);
      default:
        throw refused(`The database asks for more than ${this.#plugin} has.`);
    }
  }

  #respond(): Uint8Array {
    const { password, isSecure } = this.#options;
    switch (this.#plugin) {
      case NATIVE:
        return nativeResponse(password, this.#nonce.subarray(0, NONCE_BYTES));
      case CACHING_SHA2:
        return cachingSha2Response(password, this.#nonce.subarray(0, NONCE_BYTES));
      case 'sha256_password':
        if (password === '') return Uint8Array.of(0);
        return isSecure ? inClear(password) : Uint8Array.of(REQUEST_PUBLIC_KEY.sha256_password);
      case 'mysql_clear_password':
        if (!isSecure) throw refused('The database asks for the password in clear, without TLS.');
        return inClear(password);
      case 'client_ed25519':
        return ed25519Response(password, this.#nonce.subarray(0, SIGNATURE_NONCE_BYTES));
      case 'parsec':
        return new Uint8Array(); // asks for the salt
    }
  }

  #continueCachingSha2(data: Uint8Array): Uint8Array | undefined {
    if (data.length > 1) return this.#encrypted(data);
    switch (data[0]) {
      case FAST_AUTH_SUCCESS:
        return undefined;
      case PERFORM_FULL_AUTHENTICATION:
        if (this.#options.isSecure) return inClear(this.#options.password);
        return Uint8Array.of(REQUEST_PUBLIC_KEY[CACHING_SHA2]);
      default:
        throw refused('The database sent something unknown in the middle of caching_sha2_password.');
    }
  }

  /** `key`: in PEM. RSA-OAEP with SHA-1, of the password in clear under the nonce. */
  #encrypted(key: Uint8Array): Uint8Array {
    const masked = xor(inClear(this.#options.password), this.#nonce.subarray(0, NONCE_BYTES));
    // The hash is Node's default, but not that of workerd 1.20261102.1.
    const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' };
    try {
      return publicEncrypt({ key: decodeText(key), ...padding }, masked);
    } catch (cause) {
      throw refused('The database sent something that is no RSA key.', cause);
    }
  }

  #signed(salt: Uint8Array): Uint8Array {
    const { password, random } = this.#options;
    const clientNonce = random.subarray(0, SIGNATURE_NONCE_BYTES);
    const serverNonce = this.#nonce.subarray(0, SIGNATURE_NONCE_BYTES);
    return parsecResponse({ password, serverNonce, clientNonce, salt });
  }
}

function pluginOf(name: string): Plugin | undefined {
  return PLUGINS.find((plugin) => plugin === name);
}

function inClear(password: string): Uint8Array {
  return encodeText(`${password}\0`);
}

function refused(text: string, cause?: unknown): PoolerError {
  return new PoolerError(text, {
    fault: 'origin',
    sqlState: '28000',
    errno: ErrorNumber.ER_ACCESS_DENIED_ERROR,
    apiCode: 2015,
    fatal: true,
    cause,
  });
}
