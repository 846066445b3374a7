/** Where Redis is, from a connection URL. */
import { urlParts } from '../connection_url';
import type { UrlParts } from '../contract.generated';
import { HawserError } from '../errors';
import { sentinelOf } from '../options/options';
import type { SentinelAddress } from '../options/sentinel_options';

/** Sentinels, and the group whose master is meant. */
export interface SentinelEndpoint {
  readonly sentinels: readonly Partial<SentinelAddress>[];
  readonly name: string;
}

/** A node of a cluster. */
export interface ClusterAddress {
  readonly host: string;
  readonly port: number;
}

export interface ServerEndpoint {
  readonly memory: false;
  readonly host: string | undefined;
  readonly port: number | undefined;
  /** A unix socket's path, instead of host and port. */
  readonly path: string | undefined;
  /** A group under Sentinels, instead of host and port. */
  readonly sentinel: SentinelEndpoint | undefined;
  /** The start nodes of a cluster, instead of host and port. */
  readonly cluster: readonly ClusterAddress[] | undefined;
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
  const sentinel = kind === 'sentinel' ? sentinelEndpoint(parts, source) : undefined;
  if (kind === 'tcp' && host === null) throw refused(source, 'the connection URL has no host');
  return {
    memory: false,
    host: host ?? undefined,
    port: kind === 'tcp' ? (port ?? DEFAULT_PORT) : undefined,
    path: isSocket ? path : undefined,
    sentinel,
    cluster: undefined,
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
  const text = kind === 'sentinel' ? (path.split('/')[2] ?? '') : kind === 'tcp' ? path : '';
  const inPath = text.replace(/^\/|\/$/g, '');
  const db = inPath || query.find(([name]) => name === 'db')?.[1] || '0';
  if (/^\d{1,9}$/.test(db)) return Number(db);
  throw refused(source, inPath ? 'the connection URL must end with the number of a database' : "db in the connection URL's query must be a whole number from 0");
}

function sentinelEndpoint({ hosts, path }: UrlParts, source: string): SentinelEndpoint {
  const [, name = '', , ...more] = path.split('/');
  if (name === '' || more.length > 0) throw refused(source, 'the connection URL must name the group: redis+sentinel://host:port,host:port/group, or /group/db');
  return { sentinels: hosts.map(sentinelOf), name };
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
  const { tls, username, password, db, query, sentinel } = endpoint;
  const options: Record<string, unknown> = { ...query, ...placeOf(endpoint), db };
  if (username !== undefined) options.username = username;
  if (password !== undefined) options.password = password;
  if (tls) options.tls = {};
  if (tls && sentinel !== undefined) Object.assign(options, { sentinelTLS: {}, enableTLSForSentinelMode: true });
  return options;
}

/** Where the server is. Under Sentinel, announcements are followed. */
function placeOf({ host, port, path, sentinel, cluster }: ServerEndpoint): Record<string, unknown> {
  if (cluster !== undefined) return {};
  if (sentinel !== undefined) return { sentinels: sentinel.sentinels, name: sentinel.name, failoverDetector: true };
  return path === undefined ? { host, port } : { path };
}
