/** The near cache behind real Sentinels: its connection follows the master, and copies from before a failover are not served. */
import { CacheMetrics, CacheRepository, RedisManager } from '../../lib/facade';
import type { RedisServer } from '../helpers/redis-server';
import { SentinelGroup } from '../helpers/redis-sentinel';
import { until } from '../helpers/until';
import { isNear } from './backends';

const SLOW = { deadlineMs: 40_000 };
let group: SentinelGroup;
let cache: CacheRepository;

beforeEach(async () => {
  group = await SentinelGroup.start({ replicas: 2 });
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  RedisManager.configure({ redis: { sentinels: group.addresses, name: group.name }, logger, retryDelayMs: 20 });
  CacheMetrics.reset();
  cache = new CacheRepository('ns', { nearCache: { maxBytes: 1 << 20 } });
}, 60_000);
afterEach(async () => {
  for (const server of group.servers) server.thaw();
  await RedisManager.closeAll();
  await group.stop();
}, 60_000);

const warmUp = (key: string): Promise<unknown> => until(() => isNear(cache, key), SLOW);

const portOfLane = async (): Promise<string | undefined> => (await RedisManager.stats()).cache.nodes[0]?.node.split(':')[1];

test.each<[string, (old: RedisServer) => Promise<RedisServer>]>([
  ['a failover by command', () => group.failover()],
  ['kill -9 of the master', async (old) => {
    await old.kill('SIGKILL');
    return group.successor(old);
  }],
  ['a master that freezes and wakes up as a replica', async (old) => {
    old.freeze();
    const next = await group.successor(old);
    old.thaw();
    return next;
  }],
])('%s', async (_, strike) => {
  await cache.setWithTags('k', 'old', { tags: ['t'] });
  await warmUp('k');
  const next = await strike(await group.master());
  // What another process writes on the new master is seen, and what it deletes stays away.
  await until(async () => {
    await cache.getOrSet('k', () => 'new', { tags: ['t'] });
    return (await next.command('EXISTS', 'ns:k')) === 1 && (await cache.get('k')) === 'new';
  }, SLOW);
  await until(async () => (await portOfLane()) === String(next.port), SLOW);
  await warmUp('k');
  expect(await cache.get('k')).toBe('new');
  await next.command('DEL', 'ns:k');
  await until(async () => (await cache.get('k')) === null, SLOW);
  expect(await isNear(cache)).toBe(false);
  await cache.setWithTags('k', 'third', { tags: ['t'] });
  await warmUp('k');
  await cache.invalidateTags(['t']);
  expect(await cache.get('k')).toBeNull();
}, 60_000);
