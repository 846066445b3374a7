/** The address of Redis, from a connection URL. */
import { urlParts } from '../connection_url';
import type { UrlParts } from '../contract.generated';
import { HawserError } from '../errors';

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

const DEFAULT_PORT = 6379;
const PROTOCOLS = new Map<string, 2 | 3>([['2', 2], ['resp2', 2], ['3', 3], ['resp3', 3]]);

/** Parses a connection URL. Errors: HawserError `E_BAD_OPTION` whose message begins with `source` (the variable's or option's name). */
export function parseEndpoint(url: string, source: string): Endpoint {
  const parts = partsOf(url, source);
  const { kind, tls, username, password, host, port, path } = parts;
  if (kind === 'memory') return { memory: true };
  const isSocket = kind === 'unix';
  if (!isSocket && host === null) throw refused(source, 'the connection URL has no host');
  return {
    memory: false,
    host: host ?? undefined,
    port: isSocket ? undefined : (port ?? DEFAULT_PORT),
    path: isSocket ? path : undefined,
    tls,
    username: username ?? undefined,
    password: password ?? undefined,
    db: databaseOf(parts, source),
    query: queryOptions(parts, source),
  };
}

function partsOf(url: string, source: string): UrlParts {
  try {
    return urlParts(url);
  } catch (cause) {
    throw refused(source, (cause as Error).message);
  }
}

/** The database in the URL's path, else the one in its query. */
function databaseOf({ kind, path, query }: UrlParts, source: string): number {
  const inPath = kind === 'tcp' ? path.replace(/^\/|\/$/g, '') : '';
  const db = inPath || query.find(([name]) => name === 'db')?.[1] || '0';
  if (/^\d{1,9}$/.test(db)) return Number(db);
  throw refused(source, inPath ? 'the connection URL must end with the number of a database' : "db in the connection URL's query must be a whole number from 0");
}

function queryOptions({ query }: UrlParts, source: string): Record<string, string | number> {
  const options: Record<string, string | number> = {};
  for (const [name, value] of query) {
    if (name === 'keyPrefix') throw keyPrefixRefused(source);
    if (name === 'db') continue;
    if (name === 'family') options.family = Number(value);
    else if (name === 'protocol') options.protocol = protocolOf(value, source);
    else options[name] = value;
  }
  return options;
}

function protocolOf(value: string, source: string): 2 | 3 {
  const protocol = PROTOCOLS.get(value);
  if (protocol === undefined) throw refused(source, "protocol in the connection URL's query must be 2 or 3");
  return protocol;
}

const refused = (source: string, reason: string): HawserError => new HawserError('E_BAD_OPTION', `${source}: ${reason}`);

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
