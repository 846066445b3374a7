/** `staleIfError`: who serves a kept value says so, and where it cannot be decoded the loader's own error reaches the caller. */
import { CacheMetrics, type CacheRepository } from '../../lib/facade';
import { onEveryStore } from './backends';
import { until } from '../helpers/until';

const down = new Error('the source is down');
const fails = (): Promise<never> => Promise.reject(down);

onEveryStore('a kept value', (backend) => {
  const options = { ttl: 0.02, staleIfError: 60 };
  async function kept(cache: CacheRepository, keys: string[]): Promise<void> {
    await cache.setMany(keys.map((key) => ({ key, value: `${key} kept`, ...options })));
    await until(async () => (await cache.getMany(keys)).every((value) => value === null));
  }

  test('is an event with the error and the key for each read whose loader failed, and counted', async () => {
    const cache = backend.cache();
    const heard: unknown[] = [];
    cache.on('staleIfError', (error, { key }) => heard.push([error, key]));
    await kept(cache, ['a', 'b', 'c']);
    expect(await cache.getOrSet('a', fails, options)).toBe('a kept');
    expect(await cache.getOrSetMany(['b', 'c'], fails, options)).toEqual(['b kept', 'c kept']);
    await until(() => heard.length === 3);
    expect(heard).toEqual([[down, 'a'], [down, 'b'], [down, 'c']]);
    expect(CacheMetrics.snapshot().repositories[cache.prefix]).toMatchObject({ staleIfError: 3, loadErrors: 2 });
    expect(backend.warnings).toEqual([]);
  });

  test('is one log line a minute where nobody listens, without the key', async () => {
    const cache = backend.cache();
    const keys = ['tacit1', 'tacit2', 'tacit3'];
    await kept(cache, keys);
    for (const key of keys) expect(await cache.getOrSet(key, fails, options)).toBe(`${key} kept`);
    expect(backend.warnings).toEqual([expect.stringContaining(`cache ${cache.prefix}: a loader failed, and the value kept for staleIfError`)]);
    expect(backend.warnings.join()).not.toContain('tacit');
    expect(CacheMetrics.snapshot().repositories[cache.prefix]).toMatchObject({ staleIfError: 3 });
  });

  test('that cannot be decoded leaves the caller with the error of the loader, a group too', async () => {
    let broken = false;
    const serializer = {
      serialize: (value: unknown) => JSON.stringify(value),
      deserialize: (text: string): unknown => {
        if (broken) throw new SyntaxError('the decoder');
        return JSON.parse(text);
      },
    };
    const cache = backend.cache({ serializer });
    await kept(cache, ['a', 'b']);
    broken = true;
    await expect(cache.getOrSet('a', fails, options)).rejects.toBe(down);
    await expect(cache.getOrSetMany(['b'], fails, options)).rejects.toBe(down);
    expect(CacheMetrics.snapshot().repositories[cache.prefix]).toMatchObject({ staleIfError: 0, loadErrors: 2 });
  });
});
