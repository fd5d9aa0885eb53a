/** Why a driver is not let in, in the server's own numbers and words where it has some. */
import { PoolerError } from '../../errors.ts';
import { ErrorNumber } from './errors.ts';

/** What cannot be read before the login is over is a bad handshake. */
export function asHandshakeError(error: PoolerError): PoolerError {
  return error.errno === ErrorNumber.ER_MALFORMED_PACKET ? badHandshake('malformed packet') : error;
}

export function badHandshake(why: string): PoolerError {
  return new PoolerError(`Bad handshake: ${why}.`, {
    fault: 'driver',
    sqlState: '08S01',
    errno: ErrorNumber.ER_HANDSHAKE_ERROR,
    fatal: true,
  });
}

export function accessDenied({ user, hasPassword }: { user: string; hasPassword: boolean }): PoolerError {
  return new PoolerError(`Access denied for user '${user}' (using password: ${hasPassword ? 'YES' : 'NO'})`, {
    fault: 'driver',
    sqlState: '28000',
    errno: ErrorNumber.ER_ACCESS_DENIED_ERROR,
    hint: 'Check the user, the client token and the config name in the connection string.',
    fatal: true,
  });
}

export function unknownDatabase(database: string): PoolerError {
  return new PoolerError(`Unknown database '${database}'`, {
    fault: 'driver',
    sqlState: '42000',
    errno: ErrorNumber.ER_BAD_DB_ERROR,
    fatal: true,
  });
}

export function tooOld(): PoolerError {
  return new PoolerError('Client does not support authentication protocol requested by server', {
    fault: 'driver',
    sqlState: '08004',
    errno: ErrorNumber.ER_NOT_SUPPORTED_AUTH_MODE,
    hint: 'Drivers since MySQL 4.1 do.',
    fatal: true,
  });
}
