/** Functions of the application that a connection asks before it is opened: for credentials and for TLS options. */
import type { ConnectionOptions } from 'node:tls';
import { clearTimeout, setTimeout } from '../clock';
import { badOption, HawserError } from '../errors';
import { checkCredentials, type Credentials, type CredentialsFunction } from '../options/credentials';

export interface Asks {
  credentials?: CredentialsFunction | undefined;
  /** Resolves the options of each connection. */
  tls?: (() => unknown) | undefined;
  /** How long a function may take. */
  limitMs: number;
}

/** Rejects with HawserError `E_CREDENTIALS` if the function throws, rejects, is too slow, or returns something else. */
export function askCredentials(ask: CredentialsFunction, limitMs: number): Promise<Credentials> {
  return answerOf('credentials', ask, limitMs, checkCredentials);
}

/** The same for TLS options. */
export function askTls(ask: () => unknown, limitMs: number): Promise<ConnectionOptions> {
  return answerOf('tls', ask, limitMs, (given) => {
    // Anything else would open a connection without the certificates that the application means, or without TLS.
    if (typeof given !== 'object' || given === null) badOption('The result of tls()', 'an object with TLS options', given);
    return given;
  });
}

async function answerOf<T>(name: string, ask: () => unknown, limitMs: number, check: (given: unknown) => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new HawserError('E_CREDENTIALS', `${name}() has not answered within ${limitMs} ms (connectTimeout)`)), limitMs);
  });
  try {
    return check(await Promise.race([askNow(ask), late]));
  } catch (cause) {
    if (cause instanceof HawserError && cause.code === 'E_CREDENTIALS') throw cause;
    const isOurs = (cause as { code?: string } | undefined)?.code === 'E_BAD_OPTION';
    // The words of another error may show what it is about.
    const reason = isOurs ? (cause as Error).message : `${name}() has failed; the error's cause says why`;
    throw new HawserError('E_CREDENTIALS', reason, { cause });
  } finally {
    clearTimeout(timer);
  }
}

 
async function askNow(ask: () => unknown): Promise<unknown> {
  return ask();
}
