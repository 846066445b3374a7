/** The packages that the audit knows: clients of Redis, and packages that open connections of their own. */

/** Packages whose export is a class like ioredis's. */
const CLASSES = new Set(['ioredis', 'iovalkey', 'ioredis-xyz', 'hawser']);
/** Packages with `createClient`. */
const FACTORIES = new Set(['redis', '@redis/client', 'async-redis', 'valkey', '@camaro/redis', 'redis-promisify']);

/** Bun's own client, which is part of the runtime. */
const BUN = 'bun';
const GLIDE = '@valkey/valkey-glide';

/** Members by which code tells clients apart, and whether a client of a library has them. */
const MARKERS: Readonly<Record<string, (library: string) => boolean>> = {
  defineCommand: (library) => CLASSES.has(library),
  ...Object.fromEntries(['status', 'isCluster'].map((name) => [name, (library: string) => CLASSES.has(library)])),
  ...Object.fromEntries(['isOpen', 'isReady'].map((name) => [name, (library: string) => FACTORIES.has(library)])),
  ...Object.fromEntries(['send', 'onconnect', 'onclose'].map((name) => [name, (library: string) => library === BUN])),
  ...Object.fromEntries(['customCommand', 'invokeScript'].map((name) => [name, (library: string) => library === GLIDE])),
};

/** Whether a client has a member that others have not; undefined if the member tells nothing. */
export const hasMarker = (library: string, name: string): boolean | undefined => (Object.hasOwn(MARKERS, name) ? MARKERS[name]?.(library) : undefined);

export const isClientPackage = (name: string): boolean => CLASSES.has(name) || FACTORIES.has(name);

export interface Made {
  readonly library: string;
  readonly cluster: boolean;
  /** How the code makes it, for people. */
  readonly how: string;
}

/** What `new x()` or `x()` of a package's export makes, if that is a client. `path` is as in `default.Cluster`; the whole module is ''. */
export function clientOf(name: string, path: string, isNew: boolean): Made | undefined {
  const parts = path.split('.').filter((part) => part !== '' && part !== 'default');
  const last = parts[parts.length - 1] ?? '';
  if (CLASSES.has(name)) {
    if (parts.length <= 2 && last === 'Cluster' && isNew) return { library: name, cluster: true, how: 'new Cluster' };
    if (parts.every((part) => part === 'Redis') && (isNew || name !== 'hawser')) return { library: name, cluster: false, how: isNew ? 'new Redis' : 'Redis()' };
    if (last === 'createClient' && parts.length <= 2 && !isNew) return { library: name, cluster: false, how: 'createClient' };
  }
  if (FACTORIES.has(name)) {
    if (!isNew && /^(createClient|createClientPool|createSentinel|createCluster)$/.test(last)) return { library: name, cluster: last === 'createCluster', how: last };
    if (isNew && last === 'RedisClient') return { library: name, cluster: false, how: 'new RedisClient' };
  }
  if (name === BUN && isNew && last === 'RedisClient') return { library: name, cluster: false, how: 'new RedisClient' };
  if (name === GLIDE && !isNew && /(^|\.)Glide(Cluster)?Client\.createClient$/.test(path)) return { library: name, cluster: path.includes('Cluster'), how: parts.slice(-2).join('.') };
  return undefined;
}

/** Whether a type of a package is a client, or a pipeline of one. */
export function clientType(name: string, path: string): 'client' | 'pipeline' | undefined {
  const parts = path.split('.').filter((part) => part !== '' && part !== 'default');
  const last = parts[parts.length - 1] ?? '';
  if (CLASSES.has(name)) {
    if (/^(ChainableCommander|Pipeline)$/.test(last)) return 'pipeline';
    if (/^(Redis|Cluster|RedisCommander|Commander|)$/.test(last)) return 'client';
  }
  if (FACTORIES.has(name) && /^(RedisClient|RedisCluster|RedisSentinel)\w*$/.test(last) && !/Options/.test(last)) return 'client';
  if ((name === BUN && last === 'RedisClient') || (name === GLIDE && /^Glide(Cluster)?Client$/.test(last))) return 'client';
  return undefined;
}

/** What a call of hawser's manager returns. */
export function managerResult(path: string): 'client' | 'bullmq' | undefined {
  if (/(^|\.)RedisManager\.get(Main|Subscriber|Publisher)Client$/.test(path)) return 'client';
  return /(^|\.)RedisManager\.getBullMQConnection$/.test(path) ? 'bullmq' : undefined;
}

interface Opener {
  readonly path: RegExp;
  readonly isNew: boolean;
}

/** Packages that open a connection where the code calls them, unless they are given a client. */
const OPENERS: Readonly<Record<string, readonly Opener[]>> = {
  'express-redis-cache': [{ path: /^(default)?$/, isNew: false }],
  '@keyv/redis': [{ path: /^(default|KeyvRedis|)$/, isNew: true }, { path: /(^|\.)(createKeyv\w*)$/, isNew: false }],
  'socket.io-redis': [{ path: /^(default|createAdapter|)$/, isNew: false }],
  'cache-manager-ioredis-yet': [{ path: /(^|\.)redisStore$/, isNew: false }],
  'cache-manager-redis-yet': [{ path: /(^|\.)redisStore$/, isNew: false }],
  'cache-manager-ioredis': [{ path: /(^|\.)create$/, isNew: false }],
  '@liaoliaots/nestjs-redis': [{ path: /(^|\.)(RedisModule|ClusterModule)\.forRoot(Async)?$/, isNew: false }],
  '@nestjs-modules/ioredis': [{ path: /(^|\.)RedisModule\.forRoot(Async)?$/, isNew: false }],
  '@songkeys/nestjs-redis': [{ path: /(^|\.)(RedisModule|ClusterModule)\.forRoot(Async)?$/, isNew: false }],
  'nestjs-throttler-storage-redis': [{ path: /(^|\.)ThrottlerStorageRedisService$/, isNew: true }],
  '@upstash/redis': [{ path: /(^|\.)Redis(\.fromEnv)?$/, isNew: true }],
};

/** Whether this call opens a connection through another package. */
export function isOpener(name: string, path: string, isNew: boolean): boolean {
  return (OPENERS[name] ?? []).some((opener) => opener.isNew === isNew && opener.path.test(path));
}

/** Plugins of Fastify that open a connection where they are registered. */
export const isPlugin = (name: string): boolean => name === '@fastify/redis' || name === 'fastify-redis';

const QUEUE_TYPES = /^(Queue|QueuePro|Worker|WorkerPro|QueueEvents|FlowProducer|FlowProducerPro|QueueScheduler)$/;

/** The class of a queue's package that `new x()` makes. */
export function queueType(name: string, path: string): string | undefined {
  const last = path.split('.').filter((part) => part !== '' && part !== 'default').pop() ?? '';
  if ((name === 'bullmq' || name === '@taskforcesh/bullmq-pro') && QUEUE_TYPES.test(last)) return last;
  if ((name === 'bull' || name === 'bee-queue') && /^(Queue|Bull|)$/.test(last)) return 'Queue';
  return undefined;
}

/** Modules of NestJS that set the connection of queues. */
export const isQueueModule = (name: string, path: string): boolean => (name === '@nestjs/bullmq' || name === '@nestjs/bull') && /(^|\.)BullModule\.(forRoot|registerQueue|registerFlowProducer)(Async)?$/.test(path);

/** A file without any of these words has nothing to do with Redis, unless it imports one that has; NestJS connects files without an import. */
export const CONCERNS = /redis|iovalkey|valkey|hawser|bull|bee-queue|@Inject\(/i;
