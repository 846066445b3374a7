/**
 * Every connection of the process: at most one client for each role, and one cache engine on the main client. Opening is synchronous, so
 * that simultaneous callers cannot open a client twice.
 *
 * Invariants: a role's client is replaced only after it was ended; while `closeAll` runs, no client is opened for a role that it is
 * closing; afterwards nothing is left, and everything may be opened again.
 */
import { CallLetter } from '../contract.generated';
import { fromCore } from '../core_error';
import { breakerSaid } from '../cache/breakers';
import { clusterPort } from '../cache/cluster_port';
import { CacheDriver } from '../cache/driver';
import { dispatch, type CacheEventName } from '../cache/events';
import { countersOf } from '../cache/metrics';
import { report } from '../cache/shortfalls';
import { HawserError } from '../errors';
import { guardedLogger } from '../guard';
import { consoleLogger, type Logger } from '../logger';
import { copyOptions, ownOptions } from '../names';
import { native } from '../native';
import type { ClientOptions } from '../options/options';
import { LIFE } from '../client/lifecycle';
import { Redis } from '../client/redis';
import type { Cluster } from '../cluster/cluster';
import { closeClient } from './close';
import { clientOptions, openCluster } from './cluster';
import { hasLanes, openLane, takeLanes } from './lanes';
import { logLife, logCommands } from './logging';
import { warnOfSharedUse } from './shared_use';
import { checkManagerOptions, reconnectDelay, resolveSettings, type ManagerOptions, type Settings } from './options';

export type Role = 'main' | 'subscriber' | 'publisher';

/** A client of a role. */
export type Client = Redis | Cluster;

/** Closes what depends on the connections, within the given milliseconds. */
export type CloseHook = (timeoutMs: number) => void | Promise<void>;

const now = performance.now.bind(performance);

let configured: ManagerOptions = copyOptions({});
let current: Settings | undefined;
const clients = new Map<Role, Client>();
/** BullMQ's client of a cluster. */
let bullMQ: Cluster | undefined;
let cache: { driver: CacheDriver; settings: Settings; engine: string; clock: (() => number) | undefined; memory: boolean; isAttached: boolean } | undefined;
let isBullMQServed = false;
let closing: Promise<void> | undefined;
const closeHooks = new Set<CloseHook>();

/** Errors: HawserError `E_BAD_STATE` after first use; TypeError, RangeError or HawserError for invalid options. */
export function configure(options: ManagerOptions): void {
  const checked = checkManagerOptions(options);
  if (current !== undefined || clients.size > 0) {
    throw new HawserError('E_BAD_STATE', 'RedisManager.configure must be called before the first use of the manager or a cache, or after closeAll');
  }
  // What the caller changes afterwards counts no more.
  configured = copyOptions(checked);
  if (checked.cache !== undefined) configured.cache = copyOptions(ownOptions(checked.cache));
  if (checked.pool !== undefined) configured.pool = copyOptions(ownOptions(checked.pool));
  if (typeof checked.cluster === 'object') configured.cluster = copyOptions(ownOptions(checked.cluster));
  if (checked.redis !== undefined) configured.redis = copyOptions(ownOptions(checked.redis));
}

/** The current settings, read from options and environment at first use, and again after `closeAll`. */
export function settings(): Settings {
  return (current ??= resolveSettings(configured));
}

/** The settings, if the manager or a cache is in use. */
export function settingsInUse(): Settings | undefined {
  return current;
}

/** Where lines go now; never throws. */
export function logger(): Logger {
  return current?.logger ?? guardedLogger(configured.logger ?? consoleLogger({ debug: false }));
}

/** The options alone, for callers that must not read the environment. */
export function managerOptions(): ManagerOptions {
  return configured;
}

/** The role's client: the existing one, or a new one, which connects on its own. On a cluster, the main client publishes. */
export function client(role: Role): Client {
  const open = clients.get(role);
  if (open !== undefined && (closing !== undefined || !isEnded(open))) return open;
  const isShared = role === 'publisher' && isCluster();
  const fresh = isShared ? client('main') : openClient(role);
  clients.set(role, fresh);
  if (!isShared) warnOfSharedUse(fresh, role, settings().logger);
  return fresh;
}

/** What a client that is not shared is for. */
type Purpose = 'lent' | 'replicas' | 'stream';

/** Options that a purpose needs. WAIT must not be sent again: on a new connection it waits for nothing. */
const OF_PURPOSE: Record<Purpose, ClientOptions> = {
  lent: { enableAutoPipelining: false },
  replicas: { enableAutoPipelining: false, resend: 'none', autoResendUnfulfilledCommands: false },
  stream: { enableAutoPipelining: false },
};

/** A client of the caller's own, with the manager's options. The caller closes it. */
export function openClient(role: Role | Purpose): Client {
  return connect(role, settings());
}

/** Whether Redis is a cluster. */
export function isCluster(): boolean {
  const { endpoint } = settings();
  return !endpoint.memory && endpoint.cluster !== undefined;
}

/** The cache engine, if there is one on a store. */
export function openCache(): CacheDriver | undefined {
  return cache?.isAttached === true || cache?.memory === true ? cache.driver : undefined;
}

/** The client of a cluster that BullMQ gets: the existing one, or a new one. */
export function bullMQCluster(): Cluster {
  if (bullMQ === undefined || (closing === undefined && isEnded(bullMQ))) bullMQ = openCluster('bullmq', settings());
  return bullMQ;
}

/** BullMQ has received connection options. */
export function noteBullMQ(): void {
  isBullMQServed = true;
}

/** Who has used the connections since they were opened. */
export function uses(): { cache: boolean; bullMQ: boolean } {
  return { cache: cache?.isAttached === true, bullMQ: isBullMQServed };
}

/** Whether `closeAll` is under way. */
export function isClosing(): boolean {
  return closing !== undefined;
}

/** The clients that are open now. Opens none. */
export function openClients(): ReadonlyMap<Role, Client> {
  return clients;
}

/** Whether the client has ended or is about to. */
function isEnded({ status, [LIFE]: life }: Client): boolean {
  return status === 'end' || life.isClosingByHand;
}

function connect(role: Role | Purpose, s: Settings): Client {
  const { endpoint } = s;
  if (endpoint.memory) return new Redis('memory://');
  if (endpoint.cluster !== undefined) return openCluster(role, s);
  const redis = new Redis({
    retryStrategy: (times: number) => reconnectDelay(s.retryDelayMs, Math.max(times, 1)),
    ...clientOptions(role, s, endpoint),
    // Whatever the options say: cache and bus share these clients.
    strictDatabase: true,
    ...(role in OF_PURPOSE ? OF_PURPOSE[role as Purpose] : {}),
  });
  logLife(redis, role, s.logger);
  if (s.monitor) logCommands(redis, role, s.logger);
  return redis;
}

/** The engine for these settings: the one that is there, unless it was made for others. */
function cacheFor(s: Settings): NonNullable<typeof cache> {
  const { engine } = s;
  const clock = s.endpoint.memory ? s.clock : undefined;
  if (cache !== undefined && (cache.engine !== engine || cache.clock !== clock)) {
    cache.driver.dispose();
    cache = undefined;
  }
  const { driver, memory, isAttached } = cache ?? { driver: newDriver(s, clock), memory: false, isAttached: false };
  driver.calls.areTimed = s.monitor;
  return { driver, settings: s, engine, clock, memory, isAttached };
}

/** The cache engine, attached to the main connection or to the in-process store. */
export function cacheDriver(): CacheDriver {
  const s = settings();
  if (cache?.settings !== s) cache = cacheFor(s);
  const main = s.endpoint.memory ? undefined : client('main');
  if (main?.isCluster === true) {
    cache.memory = false;
    cache.isAttached = true;
    cache.driver.attachCluster(clusterPort(main), 'cluster');
    if (main.status === 'wait') main.connect().catch(() => undefined);
    return cache.driver;
  }
  const link = main?.[LIFE].link;
  if (main !== undefined && link !== undefined) {
    cache.memory = false;
    cache.isAttached = true;
    cache.driver.attach(link, main);
    // With `lazyConnect`, the client connects on its own first command; the engine's commands do not count.
    if (main.status === 'wait') main.connect().catch(() => undefined);
  } else if (!cache.memory) {
    cache.memory = true;
    cache.driver.attachMemory();
  }
  return cache.driver;
}

const OPERATIONS: Record<string, string> = {
  [CallLetter.GetOrSet]: 'getOrSet',
  [CallLetter.GetOrSetReplacing]: 'getOrSet',
  [CallLetter.Get]: 'get',
  [CallLetter.Has]: 'has',
  [CallLetter.Set]: 'set',
  [CallLetter.Delete]: 'delete',
  [CallLetter.DeletePattern]: 'deletePattern',
  [CallLetter.InvalidateTags]: 'invalidateTags',
  [CallLetter.Clear]: 'clear',
  [CallLetter.AddTags]: 'addTags',
};

/** Makes the driver. It outlives settings, so its reports follow the current settings. */
function newDriver(s: Settings, clock: (() => number) | undefined): CacheDriver {
  const driver: CacheDriver = new CacheDriver(fromCore(() => new native.NativeCache(s.engine)), {
    event: (repo, name, message) => {
      if (name === 'breaker') breakerSaid(message);
      const repository = driver.prefixOf(repo);
      dispatch(name as CacheEventName, repository === undefined ? { message } : { message, repository }, logger());
    },
    counted: (repo, what, number) => report(driver.prefixOf(repo), what, number, current?.metrics === true, logger()),
    packed(repo, before, after) {
      const prefix = driver.prefixOf(repo);
      if (prefix === undefined || current?.metrics !== true) return;
      const counters = countersOf(prefix);
      counters.bytesBeforeCompression += before;
      counters.bytesAfterCompression += after;
    },
    openLane: (client) => openLane(client, settings()),
    get watchesLoads() {
      return current?.watchLoads !== false;
    },
    timed: (operation, ms) => logger().debug(`[hawser:cache] ${OPERATIONS[operation] ?? operation} ${ms.toFixed(2)} ms`),
  }, { clock, parsedBytes: s.parsedBytes });
  return driver;
}

/** Called at the start of every `closeAll`, before connections close. `closeAll` waits for its promise. */
export function onClose(hook: CloseHook): void {
  closeHooks.add(hook);
}

/** Closes everything within `timeoutMs`. Never rejects. Overlapping calls run one after another. */
export function closeAll(timeoutMs: number): Promise<void> {
  const done: Promise<void> = (closing ?? Promise.resolve()).then(() => closeOnce(timeoutMs)).finally(() => {
    if (closing === done) closing = undefined;
  });
  return (closing = done);
}

async function closeOnce(timeoutMs: number): Promise<void> {
  const deadline = now() + timeoutMs;
  const hooks = Promise.allSettled([...closeHooks].map(async (hook) => hook(timeoutMs)));
  // Operations that started before this call still go out.
  if (cache !== undefined) await cache.driver.idle(timeoutMs / 2);
  const log = logger();
  let count = 0;
  while (isAnyOpen()) count += await closeOpen(deadline);
  for (const done of await hooks) if (done.status === 'rejected') log.error('[hawser] closing failed:', done.reason);
  // Somebody may have asked for a client while a hook took its time.
  while (isAnyOpen()) count += await closeOpen(deadline);
  if (cache !== undefined) {
    cache.driver.detach();
    cache.memory = cache.isAttached = false;
  }
  isBullMQServed = false;
  current = undefined;
  if (count > 0) log.info('[hawser] all connections closed');
}

const isAnyOpen = (): boolean => clients.size > 0 || bullMQ !== undefined || hasLanes();

/** Closes the clients that are open now. Returns how many there were. */
async function closeOpen(deadline: number): Promise<number> {
  const taken = [...clients];
  const open = new Set<Client>(taken.map(([, made]) => made));
  const queues = bullMQ;
  if (queues !== undefined) open.add(queues);
  for (const lane of takeLanes()) open.add(lane);
  await Promise.all([...open].map((made) => closeClient(made, deadline - now())));
  for (const [role] of taken) clients.delete(role);
  if (bullMQ === queues) bullMQ = undefined;
  return open.size;
}
