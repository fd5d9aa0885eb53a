/** What is left of a driver's socket where the driver may speak TLS inside of it. */
export type DriverSocket = Pick<Socket, 'readable' | 'writable' | 'close'>;
