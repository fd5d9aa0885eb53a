/** Why an exchange is ended from outside, in the words and codes that drivers know. */
import { PoolerError } from '../errors.ts';

export function byUserRequest(): PoolerError {
  return new PoolerError('canceling statement due to user request', { fault: 'driver', sqlState: '57014' });
}

export function byStatementTimeout(limitMs: number): PoolerError {
  return new PoolerError('canceling statement due to statement timeout', {
    fault: 'driver',
    sqlState: '57014',
    hint: `The limit is ${limitMs} ms (pool.statement_timeout_ms).`,
  });
}

export function byIdleInTransactionTimeout(limitMs: number): PoolerError {
  return new PoolerError('terminating connection due to idle-in-transaction timeout', {
    fault: 'driver',
    sqlState: '25P03',
    fatal: true,
    hint: `The limit is ${limitMs} ms (pool.idle_in_transaction_timeout_ms).`,
  });
}

export function byUserEnd(): PoolerError {
  const options = { fault: 'driver', sqlState: '57P01', fatal: true } as const;
  return new PoolerError('terminating connection due to administrator command', options);
}

export function byLeaving(): PoolerError {
  return new PoolerError('The driver left.', { fault: 'driver', sqlState: '08006', fatal: true });
}
