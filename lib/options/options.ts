/**
 * The options of a `Redis`: constructor forms, URL forms and defaults are ioredis's (6.0), what hawser adds is at the end.
 */
import type { ConnectionOptions } from 'node:tls';
import { isIP, type Socket } from 'node:net';
import { HawserError } from '../errors';
import type { ReplyMappingMode } from './reply_mapping';
import type { SentinelConnectionOptions } from './sentinel_options';
import { tlsProfiles } from './tls_profiles';

/** What a custom connector has to offer, as in ioredis. */
export interface ConnectorLike {
  /** Opens a stream; `emit('error', error)` says what went wrong on the way. */
  connect(emit: (event: string, error: Error) => void): Promise<Socket>;
  disconnect(): void;
  check?(info: Record<string, unknown>): boolean;
}

/** A list of fields that HIMPORT knows by name; prepared on every connection. */
export interface HimportFieldset {
  readonly name: string | Buffer;
  readonly fields: readonly (string | Buffer)[];
}

/** Options that all connections share. Names, units and defaults are ioredis's unless they are marked hawser. */
export interface CommonRedisOptions {
  /** How long to wait before attempt number `times`, in ms; anything but a number: never again. Default: 50 ms doubling to 5 s, plus jitter. */
  retryStrategy?: ((times: number) => number | void | null) | null | undefined;
  /** Deadline of a command from its call on, in ms; blocking commands are exempt. Default: none. */
  commandTimeout?: number | undefined;
  /** Opt-in deadline of blocking commands, in ms: they resolve `null`. */
  blockingTimeout?: number | undefined;
  /** Added to a blocking command's own time-out, in ms. Default 100. */
  blockingTimeoutGrace?: number | undefined;
  /** Destroys the socket when no data came for so long while replies are due, in ms. */
  socketTimeout?: number | undefined;
  /** Delay of TCP keepalive probes in ms, 0 for the system's; anything but a number: none. Default 30000. */
  keepAlive?: number | undefined;
  /** TCP_NODELAY. Default true. */
  noDelay?: boolean | undefined;
  /** CLIENT SETNAME. */
  connectionName?: string | undefined;
  /** No CLIENT SETINFO when connecting. Default false. */
  disableClientInfo?: boolean | undefined;
  /** The library's name in CLIENT LIST becomes `ioredis(tag)`. */
  clientInfoTag?: string | undefined;
  /** ACL user. Default: the server's `default`. */
  username?: string | undefined;
  /** Sent with HELLO, or by AUTH; never written to a log or an error. */
  password?: string | undefined;
  /** Database. Default 0. */
  db?: number | undefined;
  /** 3 (HELLO 3, RESP2 where the server refuses it) or 2. Default 3. */
  protocol?: 2 | 3 | undefined;
  /** `'legacy'`: RESP2's shapes under RESP3 too. */
  replyMapping?: ReplyMappingMode | undefined;
  /** Subscribes again after a reconnect. Default true. */
  autoResubscribe?: boolean | undefined;
  /** Sends commands again whose reply a cut took away; see `resend`. Default true. */
  autoResendUnfulfilledCommands?: boolean | undefined;
  /** 1 or true: reconnect; 2: and send the command again. */
  reconnectOnError?: ((error: Error) => boolean | 1 | 2) | null | undefined;
  /** READONLY when connecting: for replicas of a cluster. Default false. */
  readOnly?: boolean | undefined;
  /** Integers as strings. */
  stringNumbers?: boolean | undefined;
  /** Time a connection may take, in ms. Default 10000. */
  connectTimeout?: number | undefined;
  /** How long a closed connection may take until its socket is destroyed, in ms. Default 2000. */
  disconnectTimeout?: number | undefined;
  /** Enters monitor mode when ready. `monitor()` sets it. */
  monitor?: boolean | undefined;
  /** Reconnects after which waiting commands are rejected; null: never. Default 20. */
  maxRetriesPerRequest?: number | null | undefined;
  /** Longest wait for a loading server, in ms. Default 10000. */
  maxLoadingRetryTime?: number | undefined;
  /** Commands of one turn of the event loop go out as one pipeline. Default false: they go out in one write all the same. */
  enableAutoPipelining?: boolean | undefined;
  /** Names of commands that do not join it, lower-case. */
  autoPipeliningIgnoredCommands?: string[] | undefined;
  /** In ioredis's types; neither client reads it. */
  offlineQueue?: boolean | undefined;
  /** In ioredis's types; neither client reads it. */
  commandQueue?: boolean | undefined;
  /** Whether commands wait while there is no connection. Default true. */
  enableOfflineQueue?: boolean | undefined;
  /** INFO before `ready`, and again while the server is loading. Default true. */
  enableReadyCheck?: boolean | undefined;
  /** Connects with the first command or `connect()`. Default false. */
  lazyConnect?: boolean | undefined;
  /** Lua scripts that become methods, by name; see `defineCommand`. */
  scripts?: Record<string, { lua: string; numberOfKeys?: number | undefined; readOnly?: boolean | undefined }> | undefined;
  /** Put before keys, wherever a command has them. Not before patterns and channels; those of SSUBSCRIBE and SPUBLISH are keys. Default none. */
  keyPrefix?: string | undefined;
  /** Errors end with the stack of the call. Costs time per command. Default false. */
  showFriendlyErrorStack?: boolean | undefined;
  /** Opens the connection in place of host, port, path and tls. */
  Connector?: (new (options: unknown) => ConnectorLike) | undefined;
  /** hawser: which commands are sent again after a cut: all (as ioredis does), those that are safe to run twice, or none. Default `'all'`. */
  resend?: 'all' | 'idempotent' | 'none' | undefined;
  /** hawser: most commands waiting or in flight; 0: no bound. Default 0. */
  maxQueueCommands?: number | undefined;
  /** hawser: most bytes waiting or in flight; 0: no bound. Default 0. */
  maxQueueBytes?: number | undefined;
  /** hawser: silence after which the server is asked for a sign of life, in ms; 0: never. Default 4000. */
  watchdogMs?: number | undefined;
  /** hawser: send commands again that the server refused (LOADING, READONLY, TRYAGAIN ...). Default false. */
  retryRefused?: boolean | undefined;
  /** hawser: how deep a reply may nest. Default 128. */
  maxReplyDepth?: number | undefined;
  /** hawser: elements that one reply may announce, all levels together. Default 2^30. */
  maxReplyElements?: number | undefined;
  /** hawser: bytes that one reply may take. Default 1 GiB. */
  maxReplyBytes?: number | undefined;
  /** hawser: `'socket'`, Node's own sockets. A thread of its own comes with a later version. */
  transport?: 'socket' | undefined;
}

/** Where the server is. */
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

/** Sentinel's options are typed for code that has them; this version refuses `sentinels`. */
type SentinelOptions = Omit<SentinelConnectionOptions, keyof CommonRedisOptions | keyof StandaloneConnectionOptions>;

/** The options of `new Redis`, by ioredis's names. */
export interface RedisOptions extends CommonRedisOptions, StandaloneConnectionOptions, SentinelOptions {
  /** Experimental in ioredis: lists of fields that are prepared on every connection. Redis 8.10 and newer. */
  himportFieldsets?: readonly HimportFieldset[] | undefined;
}

/** What the constructor takes: besides what `RedisOptions` names, what ioredis takes and its types leave out. */
export interface ClientOptions<Mode extends ReplyMappingMode = ReplyMappingMode>
  extends Omit<RedisOptions, 'connectionName' | 'username' | 'password' | 'keyPrefix' | 'tls' | 'reconnectOnError' | 'replyMapping'> {
  /** CLIENT SETNAME. */
  connectionName?: string | null | undefined;
  username?: string | null | undefined;
  password?: string | null | undefined;
  /** Put before keys. Default none. */
  keyPrefix?: string | Buffer | undefined;
  /** TLS options of Node; `true`: its defaults; a profile (`'RedisCloudFixed'`, `'RedisCloudFlexible'`) brings its certificate authorities along. */
  tls?: (ConnectionOptions & { profile?: string }) | string | boolean | undefined;
  /** For each error that the server replies: 1 or true: reconnect; 2: and send the command again; 0 or false: neither. Default: neither. */
  reconnectOnError?: ((error: Error) => boolean | 0 | 1 | 2) | null | undefined;
  /** `'legacy'` (default): RESP2's shapes. `'resp3'`: what the server sends under protocol 3. */
  replyMapping?: Mode | undefined;
}

/** Options by any name: what is unknown is kept, as in ioredis. */
type AnyOptions = ClientOptions & { [unknown: string]: unknown };

/** Options with their defaults. Types are those of `RedisOptions`; a Buffer, a null or a TLS profile that was given is there all the same. */
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
  retryRefused: false,
};

const isInteger = (text: string): boolean => /^-?\d+$/.test(text);

/** A URL, a host with a port, or the path of a unix socket, as options. */
export function parseConnectionString(text: string): AnyOptions {
  if (isInteger(text)) return { port: Number(text) };
  const unix = unixUrl(text);
  if (unix !== undefined) return unix;
  let url: URL;
  if (text.startsWith('/') && !text.startsWith('//')) {
    // The file's name as it is.
    const [path, query = ''] = text.split('?', 2);
    return { path, ...queryOf(new URLSearchParams(query), { path }) };
  }
  try {
    url = new URL( text.startsWith('//') ? `redis:${text}` : /^[a-z][a-z+]*:\/\//i.test(text) ? text : `redis://${text}`);
  } catch {
    throw new HawserError('E_BAD_OPTION', 'The connection string cannot be parsed; give redis://[user:password@]host:port/db, host:port or a socket path');
  }
  const options: AnyOptions = {};
  if (url.username || url.password) {
    options.username = decodeURIComponent(url.username);
    options.password = decodeURIComponent(url.password);
  }
  const hasScheme = text.includes('//');
  if (url.protocol === 'unix:') options.path = decodeURIComponent(url.pathname);
  else {
    if (url.hostname) options.host = decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1');
    if (url.port) options.port = Number(url.port);
    if (url.pathname.length > 1 && hasScheme) options.db = Number.parseInt(url.pathname.slice(1), 10);
    else if (url.pathname.length > 1) options.path = url.pathname;
  }
  return { ...options, ...queryOf(url.searchParams, options) };
}

/** The options of a URL's query, but for those that it says elsewhere. */
function queryOf(query: URLSearchParams, said: AnyOptions): AnyOptions {
  const options: AnyOptions = {};
  for (const [name, value] of query) {
    if (said[name] !== undefined) continue;
    const number = name === 'family' || name === 'db' ? Number.parseInt(value, 10) : NaN;
    options[name] = Number.isNaN(number) ? value : number;
  }
  return options;
}

/** `unix://user:password@/path?db=1`, which is no URL by the standard: a host is missing where a user is named. */
function unixUrl(text: string): AnyOptions | undefined {
  const [, user, path, query] = /^unix:\/\/([^@/?]*)@(\/[^?]*)(\?.*)?$/i.exec(text) ?? [];
  if (user === undefined || path === undefined) return undefined;
  const [username = '', ...password] = user.split(':');
  return { username: decodeURIComponent(username), password: decodeURIComponent(password.join(':')), ...parseConnectionString(decodeURIComponent(path) + (query ?? '')) };
}

/** Merges constructor arguments: earlier ones win, all win over the defaults. */
export function parseArguments(args: unknown[]): ResolvedOptions {
  const options: AnyOptions = {};
  const add = (more: AnyOptions): void => {
    // What is inherited counts too, as in ioredis.
    for (const key in more) {
      if (options[key] === undefined) options[key] = more[key];
    }
  };
  let isTls = false;
  for (const arg of args) {
    if (arg === null || arg === undefined) continue;
    if (typeof arg === 'object') add(arg as AnyOptions);
    else if (typeof arg === 'number') options.port = arg;
    else if (typeof arg === 'string') {
      isTls ||= /^(rediss|valkeys):\/\//i.test(arg);
      add(typeof options.port === 'number' && isIP(arg) !== 0 ? { host: arg } : parseConnectionString(arg));
    } else throw new Error(`Invalid argument ${String(arg)}`);
  }
  if (isTls) add({ tls: true });
  const merged = { ...DEFAULT_REDIS_OPTIONS } as unknown as ResolvedOptions;
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined) merged[name] = value;
  }
  if (typeof merged.port === 'string') merged.port = Number.parseInt(merged.port, 10);
  if (typeof merged.db === 'string') merged.db = Number.parseInt(merged.db, 10);
  merged.db ??= 0;
  if (merged.replyMapping === 'resp3' && merged.protocol !== 3) {
    throw new Error('The "resp3" replyMapping is only supported with protocol 3');
  }
  refuse(merged);
  resolveTlsProfile(merged);
  return merged;
}

/** `tls: 'RedisCloudFixed'` and `tls: { profile: 'RedisCloudFixed' }` bring the certificate authorities along. */
function resolveTlsProfile(options: ClientOptions): void {
  const tls = typeof options.tls === 'string' ? { profile: options.tls } : options.tls;
  if (typeof tls !== 'object' || (tls as object | null) === null || tls.profile === undefined) return;
  const { profile, ...rest } = tls;
  const found = tlsProfiles[profile];
  if (found !== undefined) options.tls = { ...found, ...rest };
}

/** What a later version brings says so, rather than connecting to something else. */
function refuse(options: ResolvedOptions): void {
  if (options.sentinels) throw new HawserError('E_UNSUPPORTED', 'Sentinel is not supported by this version of hawser: give the address of the master');
  if ((options.transport as string | undefined) === 'thread') {
    throw new HawserError('E_UNSUPPORTED', "transport: 'thread' is not supported by this version of hawser: leave it out to use Node's own sockets");
  }
  if (!Number.isInteger(options.db) || options.db < 0) {
    throw Object.assign(new RangeError(`db must be an integer from 0 on, got ${String(options.db)}`), { code: 'E_BAD_OPTION' });
  }
}
