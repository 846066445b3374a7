/** The address of Redis, from a connection URL. The core parses it. No error quotes the URL, because it may hold a password. */
import { thrownByCore } from '../core_error';
import { HawserError } from '../errors';
import { native } from '../native';

export interface ServerEndpoint {
  readonly memory: false;
  readonly host: string | undefined;
  readonly port: number | undefined;
  /** A unix socket's path, instead of host and port. */
  readonly path: string | undefined;
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  /** Client options from the URL's query, as in ioredis: `redis://host?family=6`. */
  readonly query: Readonly<Record<string, string | number>>;
}

export type Endpoint = { readonly memory: true } | ServerEndpoint;

const NOT_A_URL = 'not a connection URL; allowed are redis://, rediss://, unix:// and memory://';

/** Query parameters that the core reads; they are not client options. */
const NOT_OPTIONS = new Set(['db', 'user', 'pass', 'protocol']);

/** Parses a connection URL. Errors: HawserError `E_BAD_OPTION` whose message begins with `source` (the variable's or option's name). */
export function parseEndpoint(url: string, source: string): Endpoint {
  let parts: Record<string, unknown>;
  const [, scheme, user, rest] = /^((?:redis\+|valkey\+)?unix:\/\/)([^@/?]*)@(\/.*)$/i.exec(url) ?? [];
  if (scheme !== undefined && user !== undefined && rest !== undefined) return withUser(parseEndpoint(scheme + rest, source), user, source);
  try {
    parts = JSON.parse(native.parseUrl(url)) as Record<string, unknown>;
  } catch (error) {
    const reason = thrownByCore(error).message ?? NOT_A_URL;
    throw new HawserError('E_BAD_OPTION', `${source}: ${reason.includes(url) ? NOT_A_URL : reason}`);
  }
  if (parts.memory === true) return { memory: true };
  const given = <T>(value: unknown): T | undefined => (value === null ? undefined : (value as T));
  return {
    memory: false,
    host: given(parts.host),
    port: given(parts.port),
    path: given(parts.path),
    tls: parts.tls === true,
    username: given(parts.username),
    password: given(parts.password),
    db: given<string>(parts.path) === undefined ? (databaseInQuery(url, source) ?? (parts.db as number)) : ((parts.db as number | null) ?? 0),
    query: queryOf(url, source),
  };
}

/** Adds a unix socket's user and password, which the URL standard does not allow. */
function withUser(endpoint: Endpoint, text: string, source: string): Endpoint {
  if (endpoint.memory) return endpoint;
  const [username = '', ...password] = text.split(':');
  try {
    return { ...endpoint, username: decodeURIComponent(username) || undefined, password: decodeURIComponent(password.join(':')) || undefined };
  } catch {
    throw new HawserError('E_BAD_OPTION', `${source}: user or password in the connection URL is not percent-encoded`);
  }
}

function queryOf(url: string, source: string): Record<string, string | number> {
  const mark = url.indexOf('?');
  const query: Record<string, string | number> = {};
  if (mark < 0) return query;
  for (const [name, value] of new URLSearchParams(url.slice(mark + 1).replace(/#.*$/, ''))) {
    if (NOT_OPTIONS.has(name)) continue;
    if (name === 'keyPrefix') throw keyPrefixRefused(source);
    query[name] = name === 'family' ? Number(value) : value;
  }
  return query;
}

/** `redis://host?db=2`, as in ioredis. A database in the URL's path takes precedence. (For a unix socket, the core reads the query.) */
function databaseInQuery(url: string, source: string): number | undefined {
  const [, path = '', query = ''] = /^[^/?#]*\/\/[^/?#]*\/?([^?#]*)(?:\?([^#]*))?/.exec(url) ?? [];
  const db = new URLSearchParams(query).get('db');
  if (path !== '' || db === null) return undefined;
  if (!/^\d{1,9}$/.test(db)) throw new HawserError('E_BAD_OPTION', `${source}: db in the connection URL's query must be a whole number from 0`);
  return Number(db);
}

export function keyPrefixRefused(path: string): HawserError {
  return new HawserError(
    'E_BAD_OPTION',
    `${path}: keyPrefix is refused by the manager, because its connections are shared; pass a prefix to a CacheRepository, or keyPrefix to a client that you make with new Redis`,
  );
}

/** The endpoint as client options. */
export function endpointOptions(endpoint: ServerEndpoint): Record<string, unknown> {
  const { host, port, path, tls, username, password, db, query } = endpoint;
  const options: Record<string, unknown> = { ...query, ...(path === undefined ? { host, port } : { path }), db };
  if (username !== undefined) options.username = username;
  if (password !== undefined) options.password = password;
  if (tls) options.tls = {};
  return options;
}
