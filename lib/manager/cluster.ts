/** The manager's clients of a Redis Cluster. */
import { LIFE } from '../client/lifecycle';
import type { Redis } from '../client/redis';
import { Cluster } from '../cluster/cluster';
import { endpointOptions, type ServerEndpoint } from './endpoint';
import { logCluster, logCommands } from './logging';
import { reconnectDelay, type Settings } from './options';

/** Limits of the queues of the manager's clients, which fill while Redis is unavailable. */
const QUEUE = { maxQueueCommands: 100_000, maxQueueBytes: 64 << 20 };

/** How often the subscriber reads the map of slots. */
const REFRESH_MS = 10_000;

/** Options of a node's connection that a cluster has for all of them. */
const OF_CLUSTER = ['lazyConnect', 'enableOfflineQueue', 'enableAutoPipelining', 'autoPipeliningIgnoredCommands', 'scripts', 'showFriendlyErrorStack', 'himportFieldsets'];

/** Clusters that nobody uses: when one of them loses its nodes, it stays closed. */
const resting = new WeakSet<Cluster>();

/** The options of a connection to one server. */
export function clientOptions(role: string, s: Settings, endpoint: ServerEndpoint): Record<string, unknown> {
  const options: Record<string, unknown> = { ...endpointOptions(endpoint), ...s.redis };
  if (endpoint.tls && s.redis.tls === undefined) options.tls = {};
  // A manager that has TLS options never speaks in plain text.
  if (options.sentinels && options.tls) options.enableTLSForSentinelMode ??= true;
  return {
    maxRetriesPerRequest: s.maxRetries,
    resend: 'idempotent',
    retryRefused: true,
    ...QUEUE,
    ...options,
    connectionName: `${s.connectionName}:${role}`,
    ...(role === 'lent' ? { enableAutoPipelining: false } : {}),
  };
}

/** A client of the cluster, which connects on its own. */
export function openCluster(role: string, s: Settings): Cluster {
  const { endpoint } = s;
  if (endpoint.memory || endpoint.cluster === undefined) throw new Error('the settings name no cluster');
  const isForBullMQ = role === 'bullmq';
  const redisOptions = clientOptions(role, s, endpoint);
  const lifted: Record<string, unknown> = {};
  for (const name of OF_CLUSTER) {
    if (redisOptions[name] !== undefined) lifted[name] = redisOptions[name];
    delete redisOptions[name];
  }
  const { retryStrategy } = redisOptions as { retryStrategy?: (times: number) => unknown };
  const delay = s.cluster.clusterRetryStrategy ?? retryStrategy ?? ((times: number) => reconnectDelay(s.retryDelayMs, Math.max(times, 1)));
  delete redisOptions.retryStrategy;
  if (isForBullMQ) Object.assign(redisOptions, { maxRetriesPerRequest: null, enableReadyCheck: false, resend: s.redis.resend ?? 'all' });
  const { maxRetriesPerRequest: retries } = redisOptions as { maxRetriesPerRequest: number | null };
  const cluster: Cluster = new Cluster(endpoint.cluster, {
    ...lifted,
    // No command of its own tells the subscriber that its node has left.
    ...(role === 'subscriber' ? { slotsRefreshInterval: REFRESH_MS } : {}),
    ...s.cluster,
    // It would depend on one node that may be the one which hangs.
    enableReadyCheck: !isForBullMQ && s.cluster.enableReadyCheck === true,
    ...(role === 'lent' ? { enableAutoPipelining: false } : {}),
    clusterRetryStrategy: (times, reason) => {
      if (resting.has(cluster)) return null;
      if (retries !== null && times % (retries + 1) === 0) cluster[LIFE].routing.failWaiting({ code: 'E_MAX_RETRIES', node: '', maxRetriesPerRequest: retries });
      return delay(times, reason) as number;
    },
    redisOptions,
  });
  logCluster(cluster, role, s.logger);
  if (s.monitor) logCommands(cluster, role, s.logger);
  return cluster;
}

/** Whether the connections keep the process alive. */
export function rest(client: Redis | Cluster, isResting: boolean): void {
  if (client.isCluster) resting[isResting ? 'add' : 'delete'](client);
  for (const node of client.isCluster ? connectionsOf(client) : [client]) {
    if (isResting) node.unref();
    else node.ref();
  }
}

/** All connections that a cluster has to its nodes. */
export function connectionsOf(cluster: Cluster): Redis[] {
  const { routing } = cluster[LIFE];
  return [...routing.pool.list(), ...subscribersOf(cluster)];
}

/** Its connections for subscriptions. */
export function subscribersOf(cluster: Cluster): Redis[] {
  const { subscriber, shards } = cluster[LIFE].routing;
  return [...(subscriber.connection === undefined ? [] : [subscriber.connection]), ...shards.list()];
}

/**
 * Calls `listener` whenever a client has its subscriptions again after an interruption. Returns a function that ends this. The connection of a
 * cluster for subscriptions has no events of its own; a cluster has one such listener at a time.
 */
export function whenSubscribedAgain(client: Redis | Cluster, listener: () => void): () => void {
  if (!client.isCluster) {
    client.on('ready', listener);
    return () => client.off('ready', listener);
  }
  const { subscriber } = client[LIFE].routing;
  subscriber.onRestored = listener;
  return () => {
    if (subscriber.onRestored === listener) subscriber.onRestored = undefined;
  };
}
