/** BullMQ's connection options, from the manager's URL. */
import { HawserError } from '../errors';
import { hideSecrets } from '../observe/secrets';
import type { SentinelAddress } from '../options/sentinel_options';
import { endpointOptions } from './endpoint';
import { reconnectDelay, type Settings } from './options';

/** Options for BullMQ's `connection`: plain data and the reconnect policy. BullMQ opens and closes its own connections. */
export interface BullMQConnectionOptions {
  /** Absent if `path` or `sentinels` is set. */
  host?: string;
  /** Absent if `path` or `sentinels` is set. */
  port?: number;
  /** A unix socket. */
  path?: string;
  /** Sentinels, which find the master of the group `name`. */
  sentinels?: Partial<SentinelAddress>[];
  /** The group that the Sentinels watch. */
  name?: string;
  /** The ACL user, percent-decoded. */
  username?: string;
  /** Percent-decoded. */
  password?: string;
  /** The database's number. */
  db: number;
  /** TLS options, present for `rediss://`. */
  tls?: Record<string, unknown>;
  /** Always `null`, because a worker waits without a limit. */
  maxRetriesPerRequest: null;
  /** Always `false`. */
  enableReadyCheck: false;
  /** The manager's delay before attempt `times`, in ms. */
  retryStrategy: (times: number) => number;
  /** Client options from the URL's query and from `ManagerOptions.redis`. */
  [option: string]: unknown;
}

/** The options of BullMQ's connections, of one server or a group. Errors: HawserError `E_NEEDS_SERVER` on `memory://`. */
export function bullMQOptions(settings: Settings): BullMQConnectionOptions {
  const { endpoint, redis, retryDelayMs } = settings;
  if (endpoint.memory) {
    throw new HawserError('E_NEEDS_SERVER', 'BullMQ needs a server, and the URL is memory://; set REDIS_URL to a redis:// or rediss:// URL');
  }
  const options: Record<string, unknown> = { ...redis, ...endpointOptions(endpoint) };
  if (endpoint.tls && ['object', 'function'].includes(typeof redis.tls)) options.tls = redis.tls;
  if (endpoint.sentinel !== undefined && options.tls) options.enableTLSForSentinelMode ??= true;
  return hideSecrets({
    ...(options as { db: number }),
    maxRetriesPerRequest: null,
    enableReadyCheck: false as const,
    retryStrategy: (times: number) => reconnectDelay(retryDelayMs, Math.max(times, 1)),
  });
}
