/** Where drivers of each protocol connect to a Warmpool on this machine, unless told otherwise. */
const PORTS = {
  postgres: 6432,
  // Not 3306: a database server may be here too.
  mysql: 3307,
};

export type ProtocolName = keyof typeof PORTS;

export function defaultPortOf(protocol: ProtocolName): number {
  return PORTS[protocol];
}

/** By the scheme of a config or of a connection string. */
export function protocolOfScheme(scheme: string): ProtocolName {
  return scheme === 'mysql' ? 'mysql' : 'postgres';
}
