/** Credentials from a function of the application: their type, and the checks of what the function returns. */
import { badOption } from '../errors';

/** What a `credentials` function resolves. */
export interface Credentials {
  /** ACL user. Default: the server's default user. */
  username?: string | undefined;
  /** The password, or a token that stands for one. */
  password: string;
  /** When they expire, as a Date or in milliseconds since 1970. Default: never. */
  expiresAt?: Date | number | undefined;
  /** In how many milliseconds they expire. Default: never. */
  expiresInMs?: number | undefined;
}

/** Returns the credentials for a connection. */
export type CredentialsFunction = () => Credentials | Promise<Credentials>;

/** Throws an error that shows nothing of what was returned. */
export function checkCredentials(given: unknown): Credentials {
  if (typeof given !== 'object' || given === null) badOption('The result of credentials()', '{ username?, password, expiresAt?, expiresInMs? }', given);
  const { username, password, expiresAt, expiresInMs } = given as { [name in keyof Credentials]: unknown };
  if (typeof password !== 'string') badOption('password of credentials()', 'a string', password);
  if (username !== undefined && username !== null && typeof username !== 'string') badOption('username of credentials()', 'a string', username);
  const at = expiresAt instanceof Date ? expiresAt.getTime() : expiresAt;
  if (!isAbsent(at) && (typeof at !== 'number' || Number.isNaN(at))) badOption('expiresAt of credentials()', 'a Date or a number of milliseconds', at);
  if (!isAbsent(expiresInMs) && (typeof expiresInMs !== 'number' || Number.isNaN(expiresInMs))) {
    badOption('expiresInMs of credentials()', 'a number of milliseconds', expiresInMs);
  }
  return { username: username ?? undefined, password, expiresAt: (at as number | null) ?? undefined, expiresInMs: (expiresInMs as number | null) ?? undefined };
}

const isAbsent = (value: unknown): boolean => value === undefined || value === null;

/** How long they are valid from now on, in milliseconds; undefined: forever. */
export function lifeOf({ expiresAt, expiresInMs }: Credentials): number | undefined {
  const lives = [expiresAt === undefined ? undefined : Number(expiresAt) - Date.now(), expiresInMs].filter((life) => life !== undefined);
  const life = Math.min(...lives);
  return Number.isFinite(life) ? life : undefined;
}
