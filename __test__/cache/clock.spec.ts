/** A clock of the application for memory://: entries grow old when a test says so. */
import { CacheRepository, RedisManager } from '../../lib/facade';
import { until } from '../helpers/until';

const logger = { debug() {}, info() {}, warn() {}, error() {} };
afterEach(async () => {
  jest.useRealTimers();
  await RedisManager.closeAll();
});

test('entries expire, go stale and are refreshed under fake timers', async () => {
  jest.useFakeTimers();
  RedisManager.configure({ url: 'memory://', logger, cache: { clock: () => Date.now() } });
  const cache = new CacheRepository('fake');
  await cache.setWithTags('k', 'first', { ttl: 600, tags: ['t'] });
  const options = { ttl: 600, staleAfter: 60, tags: ['t'] };
  const loader = jest.fn(() => 'second');
  jest.advanceTimersByTime(59_000);
  expect(await cache.getOrSet('k', loader, options)).toBe('first');
  expect(loader).not.toHaveBeenCalled();
  jest.advanceTimersByTime(2_000);
  expect(await cache.getOrSet('k', loader, options)).toBe('first');
  await until(async () => (await cache.get('k')) === 'second');
  jest.advanceTimersByTime(599_000);
  expect(await cache.get('k')).toBe('second');
  jest.advanceTimersByTime(2_000);
  expect([await cache.get('k'), await cache.has('k')]).toEqual([null, false]);
  expect(loader).toHaveBeenCalledTimes(1);
});

test('every run of a test file may begin at 0 again, and without a clock time is real', async () => {
  for (let run = 0; run < 3; run++) {
    let now = 0;
    RedisManager.configure({ url: 'memory://', logger, cache: { clock: () => now } });
    const cache = new CacheRepository('again');
    expect(await cache.getOrSet('k', () => run, { ttl: 10 })).toBe(run);
    now = 9_999;
    expect(await cache.get('k')).toBe(run);
    now = 5_000; // Time does not run backwards.
    expect(await cache.get('k')).toBe(run);
    now = 10_001;
    expect(await cache.get('k')).toBeNull();
    await RedisManager.closeAll();
  }
  RedisManager.configure({ url: 'memory://', logger });
  const cache = new CacheRepository('real');
  await cache.set('k', 1, 0.03);
  expect(await cache.get('k')).toBe(1);
  await until(async () => (await cache.get('k')) === null);
});

test('a load that takes no time of the clock is one load, and ends', async () => {
  RedisManager.configure({ url: 'memory://', logger, cache: { clock: () => 1e12 } });
  const cache = new CacheRepository('still');
  let loads = 0;
  const load = async (): Promise<number> => (await new Promise((resolve) => setTimeout(resolve, 20)), ++loads);
  expect(await Promise.all([cache.getOrSet('k', load), cache.getOrSet('k', load)])).toEqual([1, 1]);
  expect(await cache.get('k')).toBe(1);
});

test('a clock that fails stands still, and no read fails for it', async () => {
  const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  let clock = (): number => 1000;
  RedisManager.configure({ url: 'memory://', logger, cache: { clock: () => clock() } });
  const cache = new CacheRepository('failing');
  await cache.set('k', 1, 1);
  const boom = (): never => {
    throw new Error('boom');
  };
  for (const wrong of [() => NaN, () => '5', () => undefined, boom]) {
    clock = wrong as () => number;
    expect(await cache.getOrSet('k', () => 2)).toBe(1);
  }
  expect(warned).toHaveBeenCalledTimes(1);
  warned.mockRestore();
});

test('what is no function is refused', () => {
  expect(() => RedisManager.configure({ cache: { clock: 5 as never } })).toThrow('manager.cache.clock must be a function, got 5');
});
