/** The connection options that BullMQ takes, from the manager's URL. */
import { HawserError } from '../errors';
import { endpointOptions } from './endpoint';
import { reconnectDelay, type Settings } from './options';

/** Options for BullMQ's `connection`: plain data and the reconnect policy. BullMQ opens and closes its own connections. */
export interface BullMQConnectionOptions {
  /** Absent with `path`. */
  host?: string;
  /** Absent with `path`. */
  port?: number;
  /** A unix socket. */
  path?: string;
  username?: string;
  /** Decoded: the URL's percent signs are gone. */
  password?: string;
  db: number;
  /** Present for `rediss://`: TLS options. */
  tls?: Record<string, unknown>;
  /** Always `null`: a worker waits for as long as it takes. */
  maxRetriesPerRequest: null;
  /** Always `false`. */
  enableReadyCheck: false;
  retryStrategy: (times: number) => number;
  /** Client options from the URL's query and from `ManagerOptions.redis`. */
  [option: string]: unknown;
}

/** Errors: HawserError `E_NEEDS_SERVER` on `memory://`. */
export function bullMQOptions(settings: Settings): BullMQConnectionOptions {
  const { endpoint, redis, retryDelayMs } = settings;
  if (endpoint.memory) {
    throw new HawserError('E_NEEDS_SERVER', 'BullMQ needs a server, and the URL is memory://; set REDIS_URL to a redis:// or rediss:// URL');
  }
  const options = { ...redis, ...endpointOptions(endpoint) };
  if (endpoint.tls && typeof redis.tls === 'object') options.tls = redis.tls;
  return {
    ...(options as { db: number }),
    maxRetriesPerRequest: null,
    enableReadyCheck: false,
    retryStrategy: (times) => reconnectDelay(retryDelayMs, Math.max(times, 1)),
  };
}
