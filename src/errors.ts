/**
 * The one error class of Warmpool. It says whose fault an error is, which code it has and what to do next.
 * It is translated once, at the border: to the driver in its protocol, to HTTP in the API, to a hint in the CLI.
 */

/** Whose fault: the driver's (bad input), the origin's (it refused or left), or our own. */
export type Fault = 'driver' | 'origin' | 'pooler';

export interface PoolerErrorOptions {
  fault: Fault;
  /** SQLSTATE for what drivers see: PostgreSQL's (its manual, appendix A), or the origin's own. */
  sqlState: string;
  /** The number that the database itself gives the error, in a protocol that has numbers for them. */
  errno?: number;
  /** Code of Hyperdrive's REST API, for what is reported while a config is made: 2008 to 2016. */
  apiCode?: number;
  /** What to do next, one sentence. */
  hint?: string;
  /** True where the session cannot go on after it. */
  fatal?: boolean;
  cause?: unknown;
}

export class PoolerError extends Error {
  readonly fault: Fault;
  readonly sqlState: string;
  readonly errno: number | undefined;
  readonly apiCode: number | undefined;
  readonly hint: string | undefined;
  readonly fatal: boolean;

  constructor(message: string, options: PoolerErrorOptions) {
    super(message, { cause: options.cause });
    this.name = 'PoolerError';
    this.fault = options.fault;
    this.sqlState = options.sqlState;
    this.errno = options.errno;
    this.apiCode = options.apiCode;
    this.hint = options.hint;
    this.fatal = options.fatal ?? false;
  }

  /** The same error, after which the session cannot go on. */
  asFatal(): PoolerError {
    const { message, fault, sqlState, errno, hint } = this;
    return new PoolerError(message, {
      fault,
      sqlState,
      fatal: true,
      cause: this,
      ...(errno === undefined ? {} : { errno }),
      ...(hint ? { hint } : {}),
    });
  }

  /** Wraps what is not ours yet. An unknown error is the pooler's: SQLSTATE 58000 as in Hyperdrive. */
  static from(error: unknown): PoolerError {
    if (error instanceof PoolerError) return error;
    // A fault of our own: whoever runs this must be able to find it.
    logFailure('unexpected error', error);
    return new PoolerError('Internal error.', { fault: 'pooler', sqlState: '58000', cause: error });
  }
}

/** What a driver hears of a server that is being stopped, be it at rest or only just connecting. */
export function byShutdown(): PoolerError {
  return new PoolerError('terminating connection due to administrator command', {
    fault: 'pooler',
    sqlState: '57P01',
    fatal: true,
    hint: 'Warmpool is being stopped or replaced: connect again.',
  });
}

/** Logs where something failed, not what a foreign error said: its message may quote a secret. */
export function logFailure(what: string, error: unknown): void {
  console.error(`warmpool: ${what}: ${wordsOf(error)}`);
}

function wordsOf(error: unknown): string {
  if (error instanceof PoolerError) return error.message;
  if (!(error instanceof Error)) return typeof error;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return [error.name, ...frames].join('\n');
}
