/**
 * One specification for every store: the tests of each spec file run on the file's own redis-server, on memory:// and on a cluster of six
 * servers, and some of them behind Sentinels, too.
 */
import { CacheMetrics, CacheRepository, RedisManager, type CacheRepositoryOptions, type ManagerOptions } from '../../lib/facade';
import { serverForAll } from '../helpers/lifetimes';
import { RedisCluster } from '../helpers/redis-cluster';
import { SentinelGroup } from '../helpers/redis-sentinel';
import type { RedisServer } from '../helpers/redis-server';

export interface Backend {
  readonly kind: 'redis' | 'memory' | 'cluster' | 'sentinel';
  /** The one server. Absent on memory, on a cluster and behind Sentinels. */
  readonly server: RedisServer;
  /** Where another process finds the store. */
  readonly place: ManagerOptions;
  /** A repository with a prefix that no other test uses. */
  cache(options?: CacheRepositoryOptions): CacheRepository;
  /** Closes everything and continues with other options. */
  reopen(options?: ManagerOptions): Promise<void>;
  /** Log lines at level warn since the test began. */
  readonly warnings: string[];
}

let prefixes = 0;

/** Starts once for all tests of a spec file that ask for it. */
function onceForAll<T extends { stop(): Promise<void> }>(start: () => Promise<T>): { plan(): void; readonly started: T | undefined } {
  let isPlanned = false;
  let started: T | undefined;
  return {
    plan() {
      if (isPlanned) return;
      isPlanned = true;
      beforeAll(async () => {
        started = await start();
      }, 60_000);
      afterAll(() => started?.stop());
    },
    get started() {
      return started;
    },
  };
}

/** One cluster of six servers. */
const cluster = onceForAll(() => RedisCluster.start());
/** A master and two replicas with three Sentinels. */
const group = onceForAll(() => SentinelGroup.start());

/** Runs `specify` for each store. Tests that inspect the server use `onServer`. */
export function onEveryStore(name: string, specify: (backend: Backend) => void, options: ManagerOptions = {}): void {
  cluster.plan();
  describe.each(['redis', 'memory', 'cluster'] as const)(`${name} on %s`, (kind) => specify(backend(kind, options)));
}

/** Runs `specify` for each store and behind Sentinels. */
export function onEveryTopology(name: string, specify: (backend: Backend) => void, options: ManagerOptions = {}): void {
  onEveryStore(name, specify, options);
  group.plan();
  describe(`${name} on sentinel`, () => specify(backend('sentinel', options)));
}

/** Runs `specify` on a redis-server only. */
export function onServer(name: string, specify: (backend: Backend) => void, options: ManagerOptions = {}): void {
  describe(`${name} on redis`, () => specify(backend('redis', options)));
}

function backend(kind: Backend['kind'], options: ManagerOptions): Backend {
  const server = kind === 'redis' ? serverForAll() : undefined;
  const warnings: string[] = [];
  const note = (line: string): void => void warnings.push(line);
  const logger = { debug() {}, info() {}, warn: note, error() {} };
  const place = (): ManagerOptions => {
    if (kind === 'cluster') return { cluster: { nodes: cluster.started?.addresses ?? [] } };
    if (kind === 'sentinel') return { redis: { sentinels: group.started?.addresses ?? [], name: group.started?.name } };
    return { url: server?.url ?? 'memory://' };
  };
  const configure = (more?: ManagerOptions): void => RedisManager.configure({ ...place(), logger, retryDelayMs: 20, ...options, ...more });

  beforeEach(() => {
    warnings.length = 0;
    CacheMetrics.reset();
    configure();
  });
  afterEach(async () => {
    server?.thaw();
    await RedisManager.closeAll();
    if (server && !server.running) await server.launch();
  });

  return {
    kind,
    warnings,
    get server() {
      if (server === undefined) throw new Error('this store has no server');
      return server;
    },
    get place() {
      return place();
    },
    cache: (own) => new CacheRepository(`p${++prefixes}`, own),
    async reopen(more) {
      await RedisManager.closeAll();
      configure(more);
    },
  };
}

/** Reads a key, and tells whether the near cache had it. */
export async function isNear(cache: CacheRepository, key = 'k'): Promise<boolean> {
  const { nearHits } = CacheMetrics.snapshot();
  await cache.get(key);
  return CacheMetrics.snapshot().nearHits > nearHits;
}

/** A promise that the test settles. */
export interface Gate<T> {
  readonly promise: Promise<T>;
  open(value: T): void;
  fail(error: unknown): void;
}

export function gate<T = void>(): Gate<T> {
  let open!: (value: T) => void;
  let fail!: (error: unknown) => void;
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

/** A loader that waits until the test releases it. `started` resolves when it runs. */
export function heldLoader<T>(): { loader: () => Promise<T>; started: Promise<void>; finish: Gate<T>; runs: () => number } {
  const started = gate();
  const finish = gate<T>();
  let runs = 0;
  return {
    loader: () => {
      runs++;
      started.open();
      return finish.promise;
    },
    started: started.promise,
    finish,
    runs: () => runs,
  };
}
