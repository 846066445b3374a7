/** Converts a client's options to those of the core and the socket. */
import type { ConnectionOptions } from 'node:tls';
import { badOption } from '../errors';
import { DEFAULT_REDIS_OPTIONS, withProfile, type ClientOptions, type ResolvedOptions } from '../options/options';
import type { Asks } from '../link/asks';
import type { LinkConfig } from '../link/link_client';
import type { SentinelConnectionOptions } from '../options/sentinel_options';
import { VERSION } from '../version';

export const isMemoryUrl = (argument: unknown): boolean => typeof argument === 'string' && /^memory:\/\//i.test(argument);

export function clientConfig(options: ResolvedOptions): LinkConfig {
  checkOwnOptions(options);
  const usesSentinel = Boolean(options.sentinels) && !options.Connector;
  const tag = options.clientInfoTag;
  const asks = asksOf(options);
  return {
    core: {
      protocol: options.protocol === 3 ? 3 : 2,
      ...(asks?.credentials === undefined ? fixedCredentials(options) : { bringsCredentials: true }),
      db: options.db,
      strictDatabase: options.strictDatabase ?? options.resend !== 'all',
      connectionName: textOf(options.connectionName),
      readOnly: Boolean(options.readOnly),
      clientInfo: options.disableClientInfo ? null : { name: tag ? `ioredis(${tag})` : 'ioredis', version: VERSION },
      // A server that Sentinel names counts only if it says itself that it has the role.
      readyCheck: Boolean(options.enableReadyCheck) || usesSentinel,
      asksDriver: Boolean(options.Connector) || usesSentinel,
      leavesReplicas: usesSentinel && options.role !== 'slave',
      maxLoadingRetryMs: Number(options.maxLoadingRetryTime),
      offlineQueue: Boolean(options.enableOfflineQueue),
      resend: options.resend,
      autoResend: Boolean(options.autoResendUnfulfilledCommands),
      maxRetriesPerRequest: numberOf(options.maxRetriesPerRequest),
      commandTimeoutMs: numberOf(options.commandTimeout),
      autoResubscribe: Boolean(options.autoResubscribe),
      maxQueueCommands: options.maxQueueCommands,
      maxQueueBytes: options.maxQueueBytes,
      watchdogMs: options.watchdogMs,
      retryRefused: options.retryRefused === true,
      maxReplyDepth: options.maxReplyDepth,
      maxReplyElements: options.maxReplyElements,
      maxReplyBytes: options.maxReplyBytes,
    },
    socket: {
      host: options.host ?? 'localhost',
      port: options.port,
      family: options.family,
      path: options.sentinels ? undefined : options.path || undefined,
      tls: usesTls(options) ? tlsOptions(options.tls) : undefined,
      transport: options.transport,
      lookup: options.lookup ?? undefined,
      connectTimeout: options.connectTimeout,
      socketTimeout: options.socketTimeout,
      ...keepAlive(options),
      noDelay: Boolean(options.noDelay),
      // As text in a URL: `?poll=false`.
      poll: options.poll === 'auto',
      disconnectTimeout: options.disconnectTimeout,
    },
    asks,
    shape: {
      resp3: options.replyMapping === 'resp3',
      stringNumbers: Boolean(options.stringNumbers),
      maxRetriesPerRequest: numberOf(options.maxRetriesPerRequest),
    },
  };
}

/** How long a Sentinel has to answer if `sentinelCommandTimeout` does not say it; as long as it has to accept the connection. */
const ANSWER_MS = 10_000;
/** What a Sentinel tells is small. */
const SENTINEL_REPLY = { maxReplyDepth: 8, maxReplyElements: 1 << 16, maxReplyBytes: 1 << 22 };

/** The configuration of a connection to a Sentinel. */
export function sentinelConfig(options: SentinelConnectionOptions, sentinel: { host: string; port: number; family?: number | null | undefined }): LinkConfig {
  const { sentinelUsername, sentinelPassword, sentinelTLS, connectTimeout = ANSWER_MS, sentinelCommandTimeout, family, path, protocol } = options;
  const { lookup } = options as { lookup?: ClientOptions['lookup'] };
  return clientConfig({
    ...(DEFAULT_REDIS_OPTIONS as unknown as ResolvedOptions),
    ...SENTINEL_REPLY,
    host: sentinel.host,
    port: sentinel.port,
    family: sentinel.family ?? (path ? undefined : family),
    username: sentinelUsername,
    password: sentinelPassword,
    tls: sentinelTLS,
    lookup,
    enableReadyCheck: false,
    protocol: protocol === 2 ? 2 : 3,
    connectTimeout,
    commandTimeout: sentinelCommandTimeout ?? (connectTimeout || ANSWER_MS),
  });
}

/** As in ioredis, a user name without a password has an empty one, and an empty user name is none. */
function fixedCredentials(options: ResolvedOptions): Pick<LinkConfig['core'], 'username' | 'password'> {
  const username = textOf(options.username);
  return { username, password: username === null ? textOf(options.password) : (textOf(options.password) ?? '') };
}

/** What each connection asks the application for. */
function asksOf(options: ResolvedOptions): Asks | undefined {
  const { credentials, connectTimeout } = options;
  const tls: unknown = usesTls(options) ? options.tls : undefined;
  const askTls = typeof tls === 'function' ? async () => withProfile(await (tls as () => unknown)()) : undefined;
  if (!credentials && askTls === undefined) return undefined;
  return { credentials: credentials ?? undefined, tls: askTls, limitMs: connectTimeout || ANSWER_MS };
}

function usesTls(options: ResolvedOptions): boolean {
  return !options.sentinels || Boolean(options.enableTLSForSentinelMode);
}

/** The options of a connection whose options are asked for are not known yet. */
function tlsOptions(tls: ClientOptions['tls'] | null): ConnectionOptions | undefined {
  if (!tls) return undefined;
  return typeof tls === 'object' ? tls : {};
}

/** First TCP keepalive probe of a connection that is watched. */
const KEEPALIVE_MS = 5000;

/** ioredis's default finds a dead connection after 40 seconds. Nobody has chosen it, and the watchdog promises less. */
function keepAlive(options: ResolvedOptions): Pick<LinkConfig['socket'], 'keepAlive' | 'isKeepAliveOwn'> {
  const isOwn = options.keepAlive === DEFAULT_REDIS_OPTIONS.keepAlive && (options.watchdogMs ?? 0) > 0;
  return isOwn ? { keepAlive: KEEPALIVE_MS, isKeepAliveOwn: true } : { keepAlive: options.keepAlive };
}

/** Converts as ioredis does: URL queries and careless configurations mix texts and numbers, and falsy values count as absent. */
const textOf = (value: unknown): string | null => (value ? String(value) : null);
const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null);

const FUNCTIONS = ['credentials', 'lookup'];
const BOUNDS = ['maxQueueCommands', 'maxQueueBytes', 'watchdogMs', 'maxReplyDepth', 'maxReplyElements', 'maxReplyBytes'];

/** Checks hawser's own options. ioredis's options are accepted as in ioredis. */
function checkOwnOptions(options: ResolvedOptions): void {
  const resend = options.resend as unknown;
  if (resend !== 'all' && resend !== 'idempotent' && resend !== 'none') badOption('resend', "'all', 'idempotent' or 'none'", resend);
  const poll = options.poll as unknown;
  if (poll !== 'auto' && poll !== false && poll !== 'false') badOption('poll', "'auto' or false", poll);
  const transport = options.transport as unknown;
  if (transport !== undefined && transport !== 'socket' && transport !== 'thread') badOption('transport', "'socket' or 'thread'", transport);
  for (const name of FUNCTIONS) {
    const value = options[name];
    if (value !== undefined && value !== null && typeof value !== 'function') badOption(name, 'a function', value);
  }
  for (const name of BOUNDS) {
    const value = options[name];
    if (value !== undefined && !(typeof value === 'number' && value >= 0)) badOption(name, 'a number from 0 on', value);
  }
}
