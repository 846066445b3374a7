/** Options of a client as what the core and the socket are told. */
import type { ConnectionOptions } from 'node:tls';
import type { ClientOptions, ResolvedOptions } from './options';
import type { SocketOptions } from './socket';

/** The client's version, as CLIENT SETINFO reports it. */
const VERSION = (require('../../package.json') as { version: string }).version;

export const isMemoryUrl = (argument: unknown): boolean => typeof argument === 'string' && /^memory:\/\//i.test(argument);

export function clientConfig(options: ResolvedOptions): {
  core: object;
  socket: SocketOptions & { disconnectTimeout?: number };
  shape: { resp3: boolean; stringNumbers: boolean; maxRetriesPerRequest: number | null };
} {
  const tag = options.clientInfoTag;
  // As in ioredis, a user name without a password has an empty one, and an empty user name is none.
  const username = options.username || null;
  const password = username === null ? options.password || null : (options.password ?? '');
  return {
    core: {
      protocol: options.protocol,
      username,
      password,
      db: options.db,
      connectionName: options.connectionName,
      readOnly: options.readOnly,
      clientInfo: options.disableClientInfo === true ? null : { name: tag ? `ioredis(${tag})` : 'ioredis', version: VERSION },
      readyCheck: options.enableReadyCheck,
      maxLoadingRetryMs: options.maxLoadingRetryTime,
      offlineQueue: options.enableOfflineQueue,
      resend: options.resend,
      autoResend: options.autoResendUnfulfilledCommands,
      maxRetriesPerRequest: options.maxRetriesPerRequest,
      commandTimeoutMs: options.commandTimeout,
      autoResubscribe: options.autoResubscribe,
      maxQueueCommands: options.maxQueueCommands,
      maxQueueBytes: options.maxQueueBytes,
      watchdogMs: options.watchdogMs,
      retryRefused: options.retryRefused,
      maxReplyDepth: options.maxReplyDepth,
      maxReplyElements: options.maxReplyElements,
      maxReplyBytes: options.maxReplyBytes,
    },
    socket: {
      host: options.host,
      port: options.port,
      family: options.family,
      path: options.path,
      tls: tlsOptions(options.tls),
      connectTimeout: options.connectTimeout,
      socketTimeout: options.socketTimeout,
      keepAlive: options.keepAlive,
      noDelay: options.noDelay,
      disconnectTimeout: options.disconnectTimeout,
    },
    shape: {
      resp3: options.replyMapping === 'resp3',
      stringNumbers: options.stringNumbers === true,
      maxRetriesPerRequest: options.maxRetriesPerRequest,
    },
  };
}

function tlsOptions(tls: ClientOptions['tls'] | null): ConnectionOptions | undefined {
  if (tls === undefined || tls === null || tls === false) return undefined;
  return typeof tls === 'object' ? tls : {};
}
