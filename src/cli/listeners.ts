/** Where drivers of each protocol connect to a Warmpool on this machine. */
export const LISTENERS = [
  { protocol: 'postgres', title: 'PostgreSQL', option: '--postgres-port', port: 6432 },
  // Not 3306: a database server may be here too.
  { protocol: 'mysql', title: 'MySQL', option: '--mysql-port', port: 3307 },
] as const;

export type ProtocolName = (typeof LISTENERS)[number]['protocol'];

/** By the scheme of a config or of a connection string. */
export function protocolOfScheme(scheme: string): ProtocolName {
  return scheme === 'mysql' ? 'mysql' : 'postgres';
}

export function defaultPortOf(protocol: ProtocolName): number {
  return protocol === 'mysql' ? LISTENERS[1].port : LISTENERS[0].port;
}
