/**
 * What both sides agree on at login, and what a server says of itself behind each statement. Flags are one
 * unsigned number: `1 << 31` alone would be negative.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/group__group__cs__capabilities__flags.html
 * https://mariadb.com/kb/en/connection/#capabilities
 */

export const Capability = {
  /** MariaDB calls it CLIENT_MYSQL: a server without it has extended capabilities. */
  LONG_PASSWORD: 0x0000_0001,
  FOUND_ROWS: 0x0000_0002,
  LONG_FLAG: 0x0000_0004,
  CONNECT_WITH_DB: 0x0000_0008,
  NO_SCHEMA: 0x0000_0010,
  COMPRESS: 0x0000_0020,
  ODBC: 0x0000_0040,
  LOCAL_FILES: 0x0000_0080,
  IGNORE_SPACE: 0x0000_0100,
  PROTOCOL_41: 0x0000_0200,
  INTERACTIVE: 0x0000_0400,
  SSL: 0x0000_0800,
  IGNORE_SIGPIPE: 0x0000_1000,
  TRANSACTIONS: 0x0000_2000,
  RESERVED: 0x0000_4000,
  SECURE_CONNECTION: 0x0000_8000,
  MULTI_STATEMENTS: 0x0001_0000,
  MULTI_RESULTS: 0x0002_0000,
  PS_MULTI_RESULTS: 0x0004_0000,
  PLUGIN_AUTH: 0x0008_0000,
  CONNECT_ATTRS: 0x0010_0000,
  PLUGIN_AUTH_LENENC_CLIENT_DATA: 0x0020_0000,
  CAN_HANDLE_EXPIRED_PASSWORDS: 0x0040_0000,
  SESSION_TRACK: 0x0080_0000,
  DEPRECATE_EOF: 0x0100_0000,
  OPTIONAL_RESULTSET_METADATA: 0x0200_0000,
  ZSTD_COMPRESSION: 0x0400_0000,
  QUERY_ATTRIBUTES: 0x0800_0000,
  MULTI_FACTOR_AUTHENTICATION: 0x1000_0000,
  CAPABILITY_EXTENSION: 0x2000_0000,
  SSL_VERIFY_SERVER_CERT: 0x4000_0000,
  REMEMBER_OPTIONS: 0x8000_0000,
} as const;

/** MariaDB's, as a number of their own: in its manual they are bits 32 and up. */
export const ExtendedCapability = {
  PROGRESS: 0x01,
  COM_MULTI: 0x02,
  STMT_BULK_OPERATIONS: 0x04,
  EXTENDED_METADATA: 0x08,
  CACHE_METADATA: 0x10,
  BULK_UNIT_RESULTS: 0x20,
} as const;

/** https://dev.mysql.com/doc/dev/mysql-server/latest/mysql__com_8h.html (SERVER_STATUS_flags_enum) */
export const ServerStatus = {
  IN_TRANS: 0x0001,
  AUTOCOMMIT: 0x0002,
  MORE_RESULTS_EXISTS: 0x0008,
  NO_GOOD_INDEX_USED: 0x0010,
  NO_INDEX_USED: 0x0020,
  CURSOR_EXISTS: 0x0040,
  LAST_ROW_SENT: 0x0080,
  DB_DROPPED: 0x0100,
  NO_BACKSLASH_ESCAPES: 0x0200,
  METADATA_CHANGED: 0x0400,
  QUERY_WAS_SLOW: 0x0800,
  PS_OUT_PARAMS: 0x1000,
  IN_TRANS_READONLY: 0x2000,
  SESSION_STATE_CHANGED: 0x4000,
  /** MariaDB only. */
  ANSI_QUOTES: 0x8000,
} as const;

export function hasFlag(flags: number, flag: number): boolean {
  return (flags & flag) !== 0;
}

export function withFlag(flags: number, flag: number): number {
  return (flags | flag) >>> 0;
}

export function withoutFlag(flags: number, flag: number): number {
  return (flags & ~flag) >>> 0;
}
