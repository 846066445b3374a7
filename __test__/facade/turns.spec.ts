/** Answers in the same tick do not starve timers and sockets. */
import { CacheRepository, PubSubService, RedisManager } from '../../lib/facade';
import { nowMs, setRealTimeout } from '../helpers/clock';
import { freePort } from '../helpers/redis-server';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** How long a timer of 20 ms took while `ask` was called repeatedly. */
async function lateness(ask: (i: number) => Promise<unknown>): Promise<{ ms: number; calls: number }> {
  const start = nowMs();
  let fired = Infinity;
  setRealTimeout(() => (fired = nowMs()), 20);
  let calls = 0;
  while (fired === Infinity && nowMs() - start < 10_000) await ask(calls++);
  return { ms: fired - start, calls };
}

afterEach(() => RedisManager.closeAll());

describe('a loop without a pause lets a timer of 20 ms fire', () => {
  const cache = new CacheRepository('turns');
  const many = ['a', 'b', 'c'];
  const ASKING: [name: string, ask: (i: number) => Promise<unknown>][] = [
    ['hits of getOrSet', () => cache.getOrSet('k', () => 1)],
    ['misses of getOrSet', (i) => cache.getOrSet(`k${i}`, () => 1)],
    ['stale hits', () => cache.getOrSet('stale', () => 1, { staleAfter: 0 })],
    ['getOrSetMany', () => cache.getOrSetMany(many, (keys) => new Map(keys.map((key) => [key, 1])))],
    ['get', () => cache.get('k')],
    ['getMany', () => cache.getMany(many)],
    ['has', () => cache.has('nothing')],
    ['set', (i) => cache.set('k', i)],
    ['setWithTags and invalidateTags', async (i) => (await cache.setWithTags('t', i, { tags: ['t'] }), cache.invalidateTags(['t']))],
    ['messages of the bus', () => PubSubService.publish({ type: 'key', target: 'k' })],
    ['health checks', () => RedisManager.healthCheck()],
    ['statistics', () => RedisManager.stats()],
  ];

  test.each(ASKING)('on memory:// with %s', async (_name, ask) => {
    RedisManager.configure({ url: 'memory://', logger: quiet });
    await PubSubService.initialize();
    const { ms, calls } = await lateness(ask);
    expect(ms).toBeLessThan(5_000);
    expect(calls).toBeGreaterThan(2);
  });

  test('with an unavailable server, after the breaker has opened', async () => {
    RedisManager.configure({ url: `redis://127.0.0.1:${await freePort()}`, logger: quiet, cache: { commandTimeoutMs: 20, connectBudgetMs: 20 } });
    for (let i = 0; i < 8; i++) await cache.get('k');
    const { ms } = await lateness(() => cache.getOrSet('k', () => 1));
    expect(ms).toBeLessThan(5_000);
  });
});
