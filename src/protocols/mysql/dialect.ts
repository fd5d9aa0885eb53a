/**
 * What driver and server agree on at login and what shapes every reply behind it: flags, and the collation that the
 * session begins with. We log in to an origin as the driver logged in to us, so nothing is ever transcoded.
 */
import { Capability, ExtendedCapability } from './capabilities.ts';

export interface Dialect {
  capabilities: number;
  /** MariaDB's. */
  extended: number;
  /** Its id, of which a driver can send one byte. */
  collation: number;
}

const { FOUND_ROWS, ODBC, LOCAL_FILES, IGNORE_SPACE } = Capability;
const { MULTI_STATEMENTS, MULTI_RESULTS, PS_MULTI_RESULTS, DEPRECATE_EOF } = Capability;
const { OPTIONAL_RESULTSET_METADATA, QUERY_ATTRIBUTES } = Capability;

/** Those that make a server behave otherwise. Not NO_SCHEMA: MariaDB 10.11 cannot even SHOW VARIABLES with it. */
const SHAPING =
  FOUND_ROWS |
  ODBC |
  LOCAL_FILES |
  IGNORE_SPACE |
  MULTI_STATEMENTS |
  MULTI_RESULTS |
  PS_MULTI_RESULTS |
  DEPRECATE_EOF |
  OPTIONAL_RESULTSET_METADATA |
  QUERY_ATTRIBUTES;

/**
 * Not progress reports, which come in the middle of replies, nor COM_MULTI, which no released server has; nor
 * CACHE_METADATA: a statement at the origin may be many drivers', and not each has seen its columns.
 */
const EXTENDED_SHAPING =
  ExtendedCapability.STMT_BULK_OPERATIONS |
  ExtendedCapability.EXTENDED_METADATA |
  ExtendedCapability.BULK_UNIT_RESULTS;

/** Part of the login, which is between the driver and us, or of no consequence: any driver may have them. */
const LOGIN =
  Capability.LONG_FLAG |
  Capability.CONNECT_WITH_DB |
  Capability.PROTOCOL_41 |
  Capability.INTERACTIVE |
  Capability.IGNORE_SIGPIPE |
  Capability.TRANSACTIONS |
  Capability.RESERVED |
  Capability.SECURE_CONNECTION |
  Capability.PLUGIN_AUTH |
  Capability.CONNECT_ATTRS |
  Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA;

/** utf8mb4_general_ci: every server since 5.5.3 has it. */
export const COLLATION_UTF8MB4 = 45;

/** For connections that are for no driver: the one of most drivers. */
const OWN: Dialect = {
  capabilities: MULTI_STATEMENTS | MULTI_RESULTS | PS_MULTI_RESULTS | DEPRECATE_EOF,
  extended: 0,
  collation: COLLATION_UTF8MB4,
};

/** What a driver may choose from. COMPRESS, SSL and what we do not know are never in it. */
export function offerOf(origin: { capabilities: number; extended: number }): {
  capabilities: number;
  extended: number;
} {
  const extended = origin.extended & EXTENDED_SHAPING;
  // MariaDB's extended flags stand where a server says that it is no MySQL.
  const { LONG_PASSWORD, SESSION_TRACK } = Capability;
  const own = LOGIN | (extended === 0 ? LONG_PASSWORD : 0);
  return { capabilities: (own | (origin.capabilities & (SHAPING | SESSION_TRACK))) >>> 0, extended };
}

/** What we say to an origin that has these capabilities, where replies shall be of this dialect. */
export function requestOf(dialect: Dialect, origin: { capabilities: number }): number {
  const { SESSION_TRACK, LONG_PASSWORD, INTERACTIVE, IGNORE_SIGPIPE, RESERVED } = Capability;
  const login = (LOGIN | SESSION_TRACK) & ~(INTERACTIVE | IGNORE_SIGPIPE | RESERVED);
  const legacy = dialect.extended === 0 ? LONG_PASSWORD : 0;
  return (((login | dialect.capabilities) & origin.capabilities) | legacy) >>> 0;
}

export function dialectOf(agreed: Dialect): Dialect {
  return {
    capabilities: agreed.capabilities & SHAPING,
    extended: agreed.extended & EXTENDED_SHAPING,
    collation: agreed.collation,
  };
}

/** What of a dialect a server does not have, for people. Empty: nothing. */
export function missingIn(dialect: Dialect, origin: { capabilities: number; extended: number }): string {
  const capabilities = (dialect.capabilities & ~origin.capabilities) >>> 0;
  const extended = (dialect.extended & ~origin.extended) >>> 0;
  return capabilities === 0 && extended === 0
    ? ''
    : `0x${capabilities.toString(16)}, 0x${extended.toString(16)}`;
}

export function encodeDialect({ capabilities, extended, collation }: Dialect): string {
  return [capabilities, extended, collation].map((part) => part.toString(16)).join('.');
}

/** Empty: that of our own connections. */
export function decodeDialect(text: string): Dialect {
  if (text === '') return OWN;
  const numbers = text.split('.').map((part) => Number.parseInt(part, 16));
  const [capabilities = 0, extended = 0, collation = 0] = numbers;
  return dialectOf({ capabilities, extended, collation });
}
