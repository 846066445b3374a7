/** Every documented option, with values of every wrong type: each is refused, by name, before anything else happens. */
import {
  CacheRepository,
  defineTiers,
  invalidationStream,
  PubSubService,
  RedisManager,
  redisHealthHandler,
  StaleWhileRevalidate,
  warmCache,
  type BrowserTier,
  type CacheEngineOptions,
  type CacheOptions,
  type CacheRepositoryOptions,
  type CloseOptions,
  type CompressionOptions,
  type HealthHandlerOptions,
  type InvalidateOptions,
  type InvalidationStreamOptions,
  type LendOptions,
  type LoaderTimeouts,
  type ManagerClusterOptions,
  type ManagerOptions,
  type ManyOptions,
  type NearCacheOptions,
  type PoolOptions,
  type PubSubOptions,
  type SetOptions,
  type ShutdownOptions,
  type TierOptions,
  type WarmOptions,
} from '../../lib/facade';

/** `undefined` is absent everywhere. */
const VALUES = {
  'an empty object': {},
  'an object': { a: 1 },
  'an array': [],
  'NaN': NaN,
  'Infinity': Infinity,
  '-1': -1,
  'a string': 'abc',
  'a number as a string': '1000',
  'an empty string': '',
  'null': null,
  'true': true,
  'false': false,
  'a function': () => 1,
  'a Map': new Map(),
  'a Date': new Date(0),
  'a promise': Promise.resolve(1),
  'a bigint': 1n,
  'a symbol': Symbol('s'),
} satisfies Record<string, unknown>;
type Kind = keyof typeof VALUES;

/** What each option takes among these, by option. All that is not listed is refused. */
type Taken<T> = { [Name in keyof Required<T>]: readonly Kind[] };

const OBJECT: readonly Kind[] = ['an empty object'];
const BOOLEAN: readonly Kind[] = ['true', 'false'];
const FUNCTION: readonly Kind[] = ['a function'];
const LIST: readonly Kind[] = ['an array'];
const NUMBER: readonly Kind[] = [];
const NAMED: readonly Kind[] = [];

const TIMES: Taken<Omit<CacheOptions, 'tags' | 'signal' | 'maxAge'>> = {
  ttl: NUMBER,
  staleAfter: NUMBER,
  staleIfError: NUMBER,
  lockTimeoutMs: NUMBER,
  loaderTimeoutMs: NUMBER,
  earlyRefresh: NUMBER,
  ttlJitter: NUMBER,
  negativeTtl: NUMBER,
  tagsFrom: FUNCTION,
};
const CALL: Taken<CacheOptions> = { ...TIMES, tags: LIST, maxAge: NUMBER, signal: NAMED };
const MANY: Taken<ManyOptions> = { ...CALL, tags: [...LIST] };
const REPOSITORY: Taken<CacheRepositoryOptions> = {
  ...TIMES,
  serializer: NAMED,
  strictValues: BOOLEAN,
  minReplicas: NUMBER,
  nearCache: ['false'],
  compression: ['false'],
  tier: NAMED,
};
const SET: Taken<SetOptions> = { ttl: NUMBER, tags: LIST, staleAfter: NUMBER, staleIfError: NUMBER, ttlJitter: NUMBER };
const NEAR: Taken<NearCacheOptions> = { maxBytes: NUMBER, maxTtlMs: NUMBER, share: NAMED };
const TIMEOUTS: Taken<LoaderTimeouts> = { soft: NUMBER, hard: NUMBER };
const COMPRESSION: Taken<CompressionOptions> = { algorithm: NAMED, minBytes: NUMBER, level: NUMBER };
const ENGINE: Taken<CacheEngineOptions> = {
  commandTimeoutMs: NUMBER,
  connectBudgetMs: NUMBER,
  writeTimeoutMs: NUMBER,
  leaseMs: NUMBER,
  renewMs: NUMBER,
  lockTimeoutMs: NUMBER,
  longestLoadMs: NUMBER,
  maxUndelivered: NUMBER,
  memoryBytes: NUMBER,
  parsedBytes: NUMBER,
  maxValueBytes: NUMBER,
  clock: FUNCTION,
  minReplicas: NUMBER,
  replicaTimeoutMs: NUMBER,
  compression: ['false'],
  strictValues: BOOLEAN,
  watchLoads: BOOLEAN,
};
const POOL: Taken<PoolOptions> = { max: NUMBER, waitTimeoutMs: NUMBER, idleMs: NUMBER };
const MANAGER: Taken<ManagerOptions> = {
  // What is no URL is refused at first use, see below.
  url: ['a string', 'a number as a string', 'an empty string'],
  connectionName: ['a string', 'a number as a string'],
  maxRetries: NUMBER,
  retryDelayMs: NUMBER,
  enabled: BOOLEAN,
  monitor: BOOLEAN,
  defaultTtl: NUMBER,
  enableTags: BOOLEAN,
  enableSwr: BOOLEAN,
  enableMetrics: BOOLEAN,
  afterFailover: NAMED,
  cache: OBJECT,
  logger: NAMED,
  pool: OBJECT,
  cluster: [...OBJECT, ...BOOLEAN],
  // Its options are those of a client, which takes what ioredis takes.
  redis: [...OBJECT, 'an object'],
};
/** As ioredis, a cluster takes null for what is absent. */
const ABSENT: readonly Kind[] = ['null'];
const COUNT: readonly Kind[] = [...ABSENT, 'Infinity'];
const CLUSTER: Taken<ManagerClusterOptions> = {
  nodes: NAMED,
  redisOptions: [...OBJECT, 'an object'],
  clusterRetryStrategy: [...ABSENT, ...FUNCTION],
  clusterNodeRetryStrategy: [...ABSENT, ...FUNCTION],
  dnsLookup: [...ABSENT, ...FUNCTION],
  resolveSrv: [...ABSENT, ...FUNCTION],
  enableOfflineQueue: [...ABSENT, ...BOOLEAN],
  enableReadyCheck: [...ABSENT, ...BOOLEAN],
  lazyConnect: [...ABSENT, ...BOOLEAN],
  shardedSubscribers: [...ABSENT, ...BOOLEAN],
  useSRVRecords: [...ABSENT, ...BOOLEAN],
  enableAutoPipelining: [...ABSENT, ...BOOLEAN],
  showFriendlyErrorStack: [...ABSENT, ...BOOLEAN],
  maxRedirections: COUNT,
  retryDelayOnMoved: COUNT,
  retryDelayOnFailover: COUNT,
  retryDelayOnClusterDown: COUNT,
  retryDelayOnTryAgain: COUNT,
  slotsRefreshTimeout: COUNT,
  slotsRefreshInterval: COUNT,
  scaleReads: FUNCTION,
  natMap: [...ABSENT, ...FUNCTION, ...OBJECT, 'an object'],
  autoPipeliningIgnoredCommands: [...ABSENT, ...LIST],
  scripts: [...ABSENT, ...OBJECT, 'an object'],
  himportFieldsets: [...ABSENT, ...LIST],
};
const TIER: Taken<TierOptions> = {
  ttl: NUMBER,
  direct: ['false'],
  staleAfter: NUMBER,
  staleIfError: NUMBER,
  tags: LIST,
  nearCache: ['false'],
  target: NUMBER,
  browser: NAMED,
};
const BROWSER: Taken<BrowserTier> = { staleTime: ['Infinity'], gcTime: ['Infinity'], persist: BOOLEAN };
const SHUTDOWN: Taken<ShutdownOptions> = { signals: LIST, timeoutMs: NUMBER };
const LEND: Taken<LendOptions> = { waitTimeoutMs: NUMBER };
const CLOSE: Taken<CloseOptions> = { timeoutMs: NUMBER };
const INVALIDATE: Taken<InvalidateOptions> = { minReplicas: NUMBER };
const WARM: Taken<WarmOptions> = { concurrency: NUMBER, signal: NAMED };
const BUS: Taken<PubSubOptions> = { channel: ['a string', 'a number as a string'] };
const HEALTH: Taken<HealthHandlerOptions> = { details: BOOLEAN };
const STREAM: Taken<InvalidationStreamOptions> = {
  filter: FUNCTION,
  authorize: FUNCTION,
  clientOf: FUNCTION,
  maxConnections: NUMBER,
  retryAfterSeconds: NUMBER,
  heartbeatMs: NUMBER,
  maxBufferedBytes: NUMBER,
  slowTimeoutMs: NUMBER,
};

const cache = (): CacheRepository => new CacheRepository('options');
const configure = (options: object): void => RedisManager.configure({ url: 'memory://', ...options });

/** Each table, and how its options are given. */
const TABLES: [string, Record<string, readonly Kind[]>, (options: never) => unknown][] = [
  ['getOrSet', CALL, (o) => cache().getOrSet('k', () => 1, o)],
  ['getOrSetMany', MANY, (o) => cache().getOrSetMany(['k'], () => ({ k: 1 }), o)],
  ['memo().getOrSet', CALL, (o) => cache().memo().getOrSet('k', () => 1, o)],
  ['setWithTags', SET, (o) => cache().setWithTags('k', 1, o)],
  ['setMany', SET, (o) => cache().setMany([{ key: 'k', value: 1, ...(o as object) }])],
  ['delete', INVALIDATE, (o) => cache().delete('k', o)],
  ['deleteMany', INVALIDATE, (o) => cache().deleteMany(['k'], o)],
  ['deletePattern', INVALIDATE, (o) => cache().deletePattern('k*', o)],
  ['invalidateTags', INVALIDATE, (o) => cache().invalidateTags(['t'], o)],
  ['clear', INVALIDATE, (o) => cache().clear(o)],
  ['new CacheRepository', REPOSITORY, (o) => new CacheRepository('options', o)],
  ['nearCache', NEAR, (o) => new CacheRepository('options', { nearCache: { maxBytes: 1000, ...(o as object) } })],
  ['loaderTimeoutMs', TIMEOUTS, (loaderTimeoutMs) => cache().getOrSet('k', () => 1, { loaderTimeoutMs })],
  ['loaderTimeoutMs of a repository', TIMEOUTS, (loaderTimeoutMs) => new CacheRepository('options', { loaderTimeoutMs })],
  ['compression', COMPRESSION, (o) => new CacheRepository('options', { compression: { algorithm: 'zstd', ...(o as object) } })],
  ['defineTiers', TIER, (o) => defineTiers({ a: { ttl: 1, ...(o as object) } })],
  ['browser of a tier', BROWSER, (o) => defineTiers({ a: { ttl: 1, browser: { staleTime: 1, ...(o as object) } } })],
  ['configure', MANAGER, configure],
  ['cache of configure', ENGINE, (o) => configure({ cache: o as object })],
  ['compression of configure', COMPRESSION, (o) => configure({ cache: { compression: { algorithm: 'zstd', ...(o as object) } } })],
  ['pool of configure', POOL, (o) => configure({ pool: o as object })],
  ['cluster of configure', CLUSTER, (o) => configure({ cluster: o as object })],
  ['installShutdownHooks', SHUTDOWN, (o) => RedisManager.installShutdownHooks(o)],
  ['withConnection', LEND, (o) => RedisManager.withConnection(() => 1, o)],
  ['closeAll', CLOSE, (o) => RedisManager.closeAll(o)],
  ['warmCache', WARM, (o) => warmCache([], o)],
  ['PubSubService.initialize', BUS, (o) => PubSubService.initialize(o)],
  ['redisHealthHandler', HEALTH, (o) => redisHealthHandler(o)],
  ['invalidationStream', STREAM, (o) => invalidationStream(cache(), o)],
];

beforeEach(() => configure({}));
afterEach(async () => {
  await PubSubService.close();
  await RedisManager.closeAll();
  RedisManager.configure({});
});

/** What is thrown or rejected; undefined for nothing. */
async function errorOf(use: () => unknown): Promise<unknown> {
  try {
    await use();
  } catch (error) {
    return error;
  }
  return undefined;
}

const isOfOption = (error: unknown, name: string): boolean =>
  (error instanceof TypeError || error instanceof RangeError) && (error as { code?: string }).code === 'E_BAD_OPTION' && error.message.includes(name) && / must be | is not an option/.test(error.message);

const ALL = TABLES.flatMap(([where, table, use]) => Object.entries(table).map(([name, taken]) => [where, name, taken, use] as const));

test.each(ALL)('%s: %s refuses every value of a wrong type', async (_where, name, taken, use) => {
  const accepted: string[] = [];
  for (const [kind, value] of Object.entries(VALUES)) {
    if (taken.includes(kind as Kind)) continue;
    const error = await errorOf(() => use({ [name]: value } as never));
    if (!isOfOption(error, name)) accepted.push(`${kind}: ${String(error)}`);
    await RedisManager.closeAll();
    configure({});
  }
  expect(accepted).toEqual([]);
});

/** An options object itself. */
const NO_OPTIONS = ['an array', 'NaN', '-1', 'a string', 'null', 'true', 'a function', 'a Map', 'a Date', 'a promise', 'a bigint'] as const;
/** These are given with others, or take more than an object; `closeAll` may be the listener of a signal, and then has its name. */
const NOT_ALONE = new Set(['setMany', 'nearCache', 'compression', 'defineTiers', 'browser of a tier', 'configure', 'compression of configure', 'cluster of configure', 'loaderTimeoutMs', 'loaderTimeoutMs of a repository', 'closeAll']);

test.each(TABLES.filter(([where]) => !NOT_ALONE.has(where)))('%s refuses what is no object with options', async (_where, _table, use) => {
  const accepted: string[] = [];
  for (const kind of NO_OPTIONS) {
    const error = await errorOf(() => use(VALUES[kind] as never));
    if (!isOfOption(error, 'an object')) accepted.push(`${kind}: ${String(error)}`);
  }
  expect(accepted).toEqual([]);
});

test.each(NO_OPTIONS)('configure, nearCache, defineTiers and StaleWhileRevalidate refuse %s', async (kind) => {
  const value = VALUES[kind] as never;
  for (const use of [
    () => RedisManager.configure(value),
    () => new CacheRepository('options', { nearCache: value }),
    () => defineTiers(value),
    () => defineTiers({ a: value }),
    () => new StaleWhileRevalidate(value),
    () => new StaleWhileRevalidate(cache(), value),
    () => new StaleWhileRevalidate(cache(), 1, value),
  ]) {
    expect(isOfOption(await errorOf(use), '')).toBe(true);
  }
});

test.each(['', 'abc', 'http://h', '1000'])('the URL %p is an error at first use', async (url) => {
  RedisManager.configure({ url });
  for (const use of [() => RedisManager.getMainClient(), () => cache().getOrSet('k', () => 1)]) {
    expect(await errorOf(use)).toMatchObject({ code: 'E_BAD_OPTION', message: expect.stringContaining('manager.url') as string });
  }
});

test('loader time limits name at least one', () => {
  for (const loaderTimeoutMs of [{}, { soft: undefined }, { soft: undefined, hard: undefined }]) {
    expect(() => new CacheRepository('options', { loaderTimeoutMs })).toThrow('cache.loaderTimeoutMs must be a number of milliseconds or an object with soft, hard or both, got an object');
  }
  expect(() => new CacheRepository('options', { loaderTimeoutMs: { soft: undefined, hard: 5 } })).not.toThrow();
});

test('closeAll may be the listener of a signal', async () => {
  await expect(RedisManager.closeAll('SIGTERM' as never)).resolves.toBeUndefined();
  await expect(RedisManager.closeAll(null as never)).resolves.toBeUndefined();
});
