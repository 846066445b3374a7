/** A loader that waits for its own load is rejected at once; every other load within a load works. */
import { until } from '../helpers/until';
import { gate, onEveryStore } from './backends';

const CYCLE = { code: 'E_LOAD_CYCLE' };

onEveryStore('a load within itself', (backend) => {
  test('a loader that asks for its own key is rejected; the message names the repository and the solution, not the key', async () => {
    const cache = backend.cache();
    const error = await cache.getOrSet('secret-key', () => cache.getOrSet('secret-key', () => 1)).catch((e: Error) => e);
    expect(error).toMatchObject(CYCLE);
    expect((error as Error).message).toContain(cache.prefix);
    expect((error as Error).message).toContain('get()');
    expect((error as Error).message).not.toContain('secret-key');
    expect(await cache.getOrSet('secret-key', () => 2)).toBe(2);
  });

  test('a circle through two other keys, and through getOrSetMany, is rejected', async () => {
    const cache = backend.cache();
    const circle = (keys: string[]): Promise<number> =>
      cache.getOrSet(keys[0], async () => {
        await Promise.resolve();
        return circle([...keys.slice(1), keys[0]]);
      });
    await expect(circle(['a', 'b', 'c'])).rejects.toMatchObject(CYCLE);
    const group = cache.getOrSetMany(['m', 'n'], async () => ({ m: await cache.getOrSet('n', () => 1), n: 1 }));
    await expect(group).rejects.toMatchObject(CYCLE);
    await expect(cache.getOrSet('o', async () => (await cache.getOrSetMany(['p', 'o'], () => ({ o: 1, p: 1 })))[0])).rejects.toMatchObject(CYCLE);
  });

  test('two loads that each wait for the other: the one that closes the circle is rejected, the other gets its value', async () => {
    const cache = backend.cache();
    const [started, joined] = [gate(), gate()];
    const x = cache.getOrSet('x', async () => {
      started.open();
      await joined.promise;
      return cache.getOrSet('y', () => 'never');
    });
    await started.promise;
    const y = cache.getOrSet('y', async () => {
      const waits = cache.getOrSet('x', () => 'never').catch(() => 'alone');
      joined.open();
      return waits;
    });
    await expect(x).rejects.toMatchObject(CYCLE);
    // Whether or not it had joined the failed load, it does not wait any longer.
    expect(['alone', 'never']).toContain(await y);
  });

  test('the background refresh of a stale value that asks for its own key fails as a refresh', async () => {
    const cache = backend.cache({ ttl: 60, staleAfter: 0.001 });
    await cache.getOrSet('k', () => 'old');
    let failure: unknown;
    cache.on('refreshError', (error) => void (failure = error));
    await until(async () => {
      expect(await cache.getOrSet('k', () => cache.getOrSet('k', () => 'new'))).toBe('old');
      return failure !== undefined;
    });
    expect(failure).toMatchObject(CYCLE);
  });

  test('other keys, the same key of another repository, and the loader’s own key after the load can be loaded', async () => {
    const [cache, other] = [backend.cache(), backend.cache()];
    expect(await cache.getOrSet('a', () => cache.getOrSet('b', () => other.getOrSet('a', () => 'inner')))).toBe('inner');
    let later: Promise<unknown> | undefined;
    const over = gate();
    await cache.getOrSet('short', () => {
      later = over.promise.then(() => cache.getOrSet('short', () => 'again'));
      return 'first';
    });
    await cache.delete('short');
    over.open();
    expect(await later).toBe('again');
  });

  test('the same with tags switched off', async () => {
    await backend.reopen({ enableTags: false });
    const cache = backend.cache();
    const own = (): Promise<number> => cache.getOrSet('k', own, { tags: ['t'] });
    await expect(own()).rejects.toMatchObject(CYCLE);
  });
});
