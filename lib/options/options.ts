/**
 * The options of a `Redis`. Constructor forms, URL forms and defaults match ioredis 6.0; hawser's additions come last.
 */
import { hasScheme, isTlsUrl, urlParts } from '../connection_url';
import type { UrlHost, UrlParts } from '../contract.generated';
import { copyOptions, ownOptions, shield } from '../names';
import type { ConnectionOptions } from 'node:tls';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { HawserError } from '../errors';
import type { CredentialsFunction } from './credentials';
import { hideSecrets } from '../observe/secrets';
import type { ReplyMappingMode } from './reply_mapping';
import type { SentinelConnectionOptions } from './sentinel_options';
import { tlsProfiles } from './tls_profiles';

/** The interface of a custom connector, as in ioredis. */
export interface ConnectorLike {
  /** Opens a stream. `emit('error', error)` reports errors on the way. */
  connect(emit: (event: string, error: Error) => void): Promise<Socket>;
  disconnect(): void;
  check?(info: Record<string, unknown>): boolean;
}

/** A named list of fields for HIMPORT, prepared on every connection. */
export interface HimportFieldset {
  readonly name: string | Buffer;
  readonly fields: readonly (string | Buffer)[];
}

/** Options that all connections share. Names, units and defaults match ioredis, except for options marked hawser. */
export interface CommonRedisOptions {
  /**
   * Returns the delay before attempt number `times`, in ms; any other value stops reconnecting. Default: 50 ms doubling to 5 s, plus
   * jitter.
   */
  retryStrategy?: ((times: number) => number | void | null) | null | undefined;
  /** Time limit for a command, from its call, in ms. Blocking commands are exempt. Default: none. */
  commandTimeout?: number | undefined;
  /** Optional time limit for blocking commands, in ms; after it they resolve with `null`. */
  blockingTimeout?: number | undefined;
  /** Extra time on top of a blocking command's own time-out, in ms. Default 100. */
  blockingTimeoutGrace?: number | undefined;
  /** Destroys the socket if no data arrives for this time while replies are due, in ms. */
  socketTimeout?: number | undefined;
  /**
   * Delay before TCP keepalive probes, in ms; 0 uses the system's delay, and any other type disables keepalive. Default 30000; with that
   * default and the watchdog on (`watchdogMs`), the connection uses 5000.
   */
  keepAlive?: number | undefined;
  /** TCP_NODELAY. Default true. */
  noDelay?: boolean | undefined;
  /** The connection's name (CLIENT SETNAME). */
  connectionName?: string | undefined;
  /** Omits CLIENT SETINFO when connecting. Default false. */
  disableClientInfo?: boolean | undefined;
  /** Shows the library's name in CLIENT LIST as `ioredis(tag)`. */
  clientInfoTag?: string | undefined;
  /** The ACL user. Default: the server's `default`. */
  username?: string | undefined;
  /** Sent with HELLO or AUTH. It never appears in a log or an error. */
  password?: string | undefined;
  /** Database. Default 0. */
  db?: number | undefined;
  /** 3 (HELLO 3, or RESP2 if the server refuses it) or 2. Default 3. */
  protocol?: 2 | 3 | undefined;
  /** `'legacy'`: replies have RESP2's shapes under RESP3, too. */
  replyMapping?: ReplyMappingMode | undefined;
  /** Subscribes again after a reconnect. Default true. */
  autoResubscribe?: boolean | undefined;
  /** Sends commands again if the connection was cut before their reply; see `resend`. Default true. */
  autoResendUnfulfilledCommands?: boolean | undefined;
  /** 1 or true reconnects; 2 reconnects and sends the command again. */
  reconnectOnError?: ((error: Error) => boolean | 1 | 2) | null | undefined;
  /** Sends READONLY when connecting, for replicas of a cluster. Default false. */
  readOnly?: boolean | undefined;
  /** Returns integers as strings. */
  stringNumbers?: boolean | undefined;
  /** Time limit for connecting, in ms. Default 10000. */
  connectTimeout?: number | undefined;
  /** Destroys the socket of a closing connection after this time, in ms. Default 2000. */
  disconnectTimeout?: number | undefined;
  /** Enters monitor mode when ready. `monitor()` sets this. */
  monitor?: boolean | undefined;
  /** Rejects waiting commands after this many reconnects; null: never. Default 20. */
  maxRetriesPerRequest?: number | null | undefined;
  /** Maximum delay between checks of a loading server, in ms. Default 10000. */
  maxLoadingRetryTime?: number | undefined;
  /** Sends the commands of one event loop turn as one pipeline. Default false; they go out in one write either way. */
  enableAutoPipelining?: boolean | undefined;
  /** Lower-case names of commands that are not auto-pipelined. */
  autoPipeliningIgnoredCommands?: string[] | undefined;
  /** Part of ioredis's types; neither client reads it. */
  offlineQueue?: boolean | undefined;
  /** Part of ioredis's types; neither client reads it. */
  commandQueue?: boolean | undefined;
  /** Queues commands while there is no connection. Default true. */
  enableOfflineQueue?: boolean | undefined;
  /** Sends INFO before `ready`, and repeats it while the server is loading. Default true. */
  enableReadyCheck?: boolean | undefined;
  /** Connects on the first command or on `connect()`. Default false. */
  lazyConnect?: boolean | undefined;
  /** Lua scripts by name; each becomes a method. See `defineCommand`. */
  scripts?: Record<string, { lua: string; numberOfKeys?: number | undefined; readOnly?: boolean | undefined }> | undefined;
  /**
   * A prefix for all keys in commands. Patterns and channels get no prefix, except the channels of SSUBSCRIBE and SPUBLISH, which count
   * as keys. Default: none.
   */
  keyPrefix?: string | undefined;
  /** Appends the caller's stack to errors. This costs time for every command. Default false. */
  showFriendlyErrorStack?: boolean | undefined;
  /** Opens the connection instead of host, port, path and tls. */
  Connector?: (new (options: unknown) => ConnectorLike) | undefined;
  /**
   * hawser: the commands to send again after a connection was cut: all (as in ioredis), those that are safe to run twice, or none.
   * Default `'all'`.
   */
  resend?: 'all' | 'idempotent' | 'none' | undefined;
  /**
   * hawser: reject commands for a database that the server does not select (`E_NO_DATABASE`), instead of running them in another one as
   * ioredis does. Default: true unless `resend` is `'all'`.
   */
  strictDatabase?: boolean | undefined;
  /**
   * hawser: a function that returns or resolves `{ username?, password, expiresAt?, expiresInMs? }`, in the place of `username` and
   * `password`. It is asked at each connection, and a little before the credentials expire; the connection then takes the new ones over
   * between two commands. If it fails or takes longer than `connectTimeout`, that is an `error` event, and `retryStrategy` decides when it is
   * asked again. Default: none.
   */
  credentials?: CredentialsFunction | null | undefined;
  /** hawser: a function with the signature of `dns.lookup`. It finds the address of `host` at each connection. Default `dns.lookup`. */
  lookup?: LookupFunction | null | undefined;
  /** hawser: maximum number of commands that wait or are in flight; 0: no limit. Default 0. */
  maxQueueCommands?: number | undefined;
  /** hawser: maximum number of bytes that wait or are in flight; 0: no limit. Default 0. */
  maxQueueBytes?: number | undefined;
  /** hawser: checks the server after this much silence, in ms; 0: never. Default 4000. */
  watchdogMs?: number | undefined;
  /**
   * hawser: what the client does while replies are due. `'auto'`: it measures whether looking at its socket again and again costs less than
   * sleeping, and does what costs less. `performance.eventLoopUtilization()` counts the looking as busy time. `false`: it always sleeps, for
   * processes whose event loop utilization is read, for example by an autoscaler. Default `'auto'`.
   */
  poll?: 'auto' | false | undefined;
  /** hawser: sends commands again if the server refused them (LOADING, READONLY, TRYAGAIN ...). Default false. */
  retryRefused?: boolean | undefined;
  /** hawser: maximum nesting depth of a reply. Default 128. */
  maxReplyDepth?: number | undefined;
  /** hawser: maximum number of elements in one reply, over all levels. Default 2^30. */
  maxReplyElements?: number | undefined;
  /** hawser: maximum size of one reply in bytes. Default 1 GiB. */
  maxReplyBytes?: number | undefined;
  /**
   * hawser: which thread moves the bytes of the connection. `'socket'`: this one, with Node's own sockets. `'thread'`: a thread of its own, which also
   * does the TLS, so that this one has more time for other work. It pays for values of 100 kB and more. Default `'socket'`.
   */
  transport?: 'socket' | 'thread' | undefined;
}

/** The address of the server. */
export interface StandaloneConnectionOptions {
  /** Default `'localhost'`. */
  host?: string | undefined;
  /** Default 6379. */
  port?: number | undefined;
  /** 4, 6, or 0 for every address of the name. */
  family?: number | undefined;
  /** A unix socket; wins over host and port. */
  path?: string | undefined;
  /** TLS options of Node. */
  tls?: ConnectionOptions | undefined;
}

type SentinelOptions = Omit<SentinelConnectionOptions, keyof CommonRedisOptions | keyof StandaloneConnectionOptions>;

/** The options of `new Redis`, with ioredis's names. */
export interface RedisOptions extends CommonRedisOptions, StandaloneConnectionOptions, SentinelOptions {
  /**
   * Fieldsets for HIMPORT SET (Redis 8.10 and newer), experimental in ioredis. They are copied, and each connection prepares them in its
   * handshake; a refusal is an `error` event. If the connection has no such fieldset, HIMPORT SET waits until it is prepared, and commands
   * that you issue later may be sent before it. A pipeline waits as a whole.
   */
  himportFieldsets?: readonly HimportFieldset[] | undefined;
}

type TlsOptions = ConnectionOptions & { profile?: string };

/** The options that the constructor accepts: `RedisOptions`, and values that ioredis accepts but its types omit. */
export interface ClientOptions<Mode extends ReplyMappingMode = ReplyMappingMode>
  extends Omit<RedisOptions, 'connectionName' | 'username' | 'password' | 'keyPrefix' | 'tls' | 'reconnectOnError' | 'replyMapping'> {
  /** The connection's name (CLIENT SETNAME). */
  connectionName?: string | null | undefined;
  /** The ACL user. Default: the server's `default`. */
  username?: string | null | undefined;
  /** Sent with HELLO or AUTH. It never appears in a log or an error. */
  password?: string | null | undefined;
  /** A prefix for all keys. Default: none. */
  keyPrefix?: string | Buffer | undefined;
  /**
   * Node's TLS options; `true` for its defaults; a profile (`'RedisCloudFixed'`, `'RedisCloudFlexible'`), which includes its
   * certificate authorities; or a function that returns or resolves the options. It is asked at each connection, so that certificates can
   * be replaced while the process runs. If it fails, that is an `error` event and `retryStrategy` decides.
   */
  tls?: TlsOptions | (() => TlsOptions | Promise<TlsOptions>) | string | boolean | undefined;
  /**
   * Called for each error reply. 1 or true reconnects; 2 reconnects and sends the command again; 0 or false does nothing. Default:
   * nothing.
   */
  reconnectOnError?: ((error: Error) => boolean | 0 | 1 | 2) | null | undefined;
  /** `'legacy'` (default): RESP2's shapes. `'resp3'`: the shapes that the server sends under protocol 3. */
  replyMapping?: Mode | undefined;
}

/** Options with any name: unknown options are kept, as in ioredis. */
type AnyOptions = ClientOptions & { [unknown: string]: unknown };

/**
 * Options with their defaults. The types are those of `RedisOptions`, but a Buffer, a null or a TLS profile that you pass is kept as it
 * is.
 */
export type ResolvedOptions = RedisOptions & {
  [unknown: string]: unknown;
  host: string;
  port: number;
  db: number;
  protocol: 2 | 3;
  keyPrefix: string;
  maxRetriesPerRequest: number | null;
};

const JITTER_MS = 200;

export const DEFAULT_REDIS_OPTIONS = {
  port: 6379,
  host: 'localhost',
  family: 0,
  connectTimeout: 10000,
  disconnectTimeout: 2000,
  retryStrategy: (times: number): number => Math.min(50 * 2 ** (times - 1), 5000) + Math.floor(Math.random() * JITTER_MS),
  keepAlive: 30000,
  noDelay: true,
  connectionName: null,
  disableClientInfo: false,
  clientInfoTag: undefined,
  sentinels: null,
  name: null,
  role: 'master',
  sentinelRetryStrategy: (times: number): number => Math.min(times * 10, 1000),
  sentinelReconnectStrategy: (): number => 60000,
  natMap: null,
  enableTLSForSentinelMode: false,
  updateSentinels: true,
  failoverDetector: false,
  username: null,
  password: null,
  db: 0,
  protocol: 3,
  replyMapping: 'legacy',
  enableOfflineQueue: true,
  enableReadyCheck: true,
  autoResubscribe: true,
  autoResendUnfulfilledCommands: true,
  lazyConnect: false,
  keyPrefix: '',
  reconnectOnError: null,
  readOnly: false,
  stringNumbers: false,
  maxRetriesPerRequest: 20,
  maxLoadingRetryTime: 10000,
  enableAutoPipelining: false,
  autoPipeliningIgnoredCommands: [] as string[],
  sentinelMaxConnections: 10,
  blockingTimeoutGrace: 100,
  resend: 'all',
  maxQueueCommands: 0,
  maxQueueBytes: 0,
  watchdogMs: 4000,
  poll: 'auto',
  retryRefused: false,
};

const isInteger = (text: string): boolean => /^-?\d+$/.test(text);

/** Parses a URL, a host with a port, or the path of a unix socket into options. */
export function parseConnectionString(text: string): AnyOptions {
  if (isInteger(text)) return { port: Number(text) };
  if (text.startsWith('/') && !text.startsWith('//')) {
    // A file name: no percent-decoding.
    const [path, query = ''] = text.split('?', 2);
    return { path, ...queryOptions(new URLSearchParams(query), copyOptions({ path })) };
  }
  const { kind, username, password, host, port, hosts, path, query } = clientUrl(text);
  const options: AnyOptions = copyOptions({});
  if (username !== null || password !== null) Object.assign(options, { username: username ?? '', password: password ?? '' });
  if (host !== null) options.host = host;
  if (port !== null) options.port = port;
  // As in ioredis, a path is a database only in a URL.
  if (kind === 'tcp' && path.length > 1 && text.includes('//')) options.db = Number.parseInt(path.slice(1), 10);
  else if (kind === 'sentinel') Object.assign(options, { sentinels: hosts.map(sentinelOf), ...groupOf(path) });
  else if (path.length > 1) options.path = path;
  return { ...options, ...queryOptions(query, options) };
}

/** A Sentinel of a URL, with Sentinel's own default port. */
export const sentinelOf = ({ host, port }: UrlHost): { host: string; port: number } => ({ host, port: port ?? 26379 });

/** The group and the database in the path of a URL: `/group/3`. */
function groupOf(path: string): { name: string; db?: number } {
  const [, name = '', db] = path.split('/');
  return db ? { name, db: Number.parseInt(db, 10) } : { name };
}

/** The parts of a URL, of `//host:port/1`, or of `host:port`. */
function clientUrl(text: string): UrlParts {
  try {
    return urlParts(text.startsWith('//') ? `redis:${text}` : hasScheme(text) ? text : `redis://${text}`);
  } catch (cause) {
    const forms = 'give redis://[user:password@]host:port/db, host:port or a socket path';
    throw new HawserError('E_BAD_OPTION', `The connection string cannot be parsed; ${forms}`, { cause });
  }
}

/** The options in a URL's query, except those that another part of the URL sets. */
function queryOptions(query: Iterable<[string, string]>, said: AnyOptions): AnyOptions {
  const options: AnyOptions = {};
  for (const [name, value] of query) {
    if (said[name] !== undefined) continue;
    const number = name === 'family' || name === 'db' ? Number.parseInt(value, 10) : NaN;
    options[name] = Number.isNaN(number) ? value : number;
  }
  return options;
}

/** Merges constructor arguments. Earlier arguments win over later ones, and all win over the defaults. */
export function parseArguments(args: unknown[]): ResolvedOptions {
  const options = Object.create(null) as AnyOptions;
  const add = (more: AnyOptions): void => {
    // Inherited properties count too, as in ioredis.
    const own = ownOptions(more);
    for (const key in own) {
      if (options[key] === undefined) options[key] = own[key];
    }
  };
  let isTls = false;
  for (const arg of args) {
    if (arg === null || arg === undefined) continue;
    if (typeof arg === 'object') add(arg as AnyOptions);
    else if (typeof arg === 'number') options.port = arg;
    else if (typeof arg === 'string') {
      isTls ||= isTlsUrl(arg);
      add(typeof options.port === 'number' && isIP(arg) !== 0 ? { host: arg } : parseConnectionString(arg));
    } else throw new Error(`Invalid argument ${String(arg)}`);
  }
  if (isTls) add({ tls: true, ...(options.sentinels ? { sentinelTLS: {}, enableTLSForSentinelMode: true } : {}) });
  const merged = { ...DEFAULT_REDIS_OPTIONS } as unknown as ResolvedOptions;
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined) merged[name] = value;
  }
  shield(merged);
  if (typeof merged.port === 'string') merged.port = Number.parseInt(merged.port, 10);
  if (typeof merged.db === 'string') merged.db = Number.parseInt(merged.db, 10);
  merged.db ??= 0;
  if (merged.replyMapping === 'resp3' && merged.protocol !== 3) {
    throw new Error('The "resp3" replyMapping is only supported with protocol 3');
  }
  refuse(merged);
  resolveTlsProfile(merged);
  return hideSecrets(merged);
}

/** Adds the certificate authorities for `tls: 'RedisCloudFixed'` and `tls: { profile: 'RedisCloudFixed' }`. */
export function resolveTlsProfile(options: ClientOptions): void {
  const tls = typeof options.tls === 'string' ? { profile: options.tls } : options.tls;
  const resolved = withProfile(tls);
  if (resolved !== tls) options.tls = resolved as TlsOptions;
}

/** TLS options with the certificate authorities of their profile. */
export function withProfile(tls: unknown): unknown {
  if (typeof tls !== 'object' || tls === null || (tls as { profile?: string }).profile === undefined) return tls;
  const { profile, ...rest } = tls as { profile: string };
  const found = tlsProfiles[profile];
  return found === undefined ? tls : { ...found, ...rest };
}

/** Refuses options that this version does not support, so that it never connects to something else. */
function refuse(options: ResolvedOptions): void {
  if (!Number.isInteger(options.db) || options.db < 0) {
    throw Object.assign(new RangeError(`db must be an integer from 0 on, got ${String(options.db)}`), { code: 'E_BAD_OPTION' });
  }
}
