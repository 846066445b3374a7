/** `clear()`: a whole repository becomes unusable at once, at the cost of a few commands. */
import { CacheMetrics, CacheRepository, RedisManager, type LoaderContext } from '../../lib/facade';
import { clusterForAll, serverForAll } from '../helpers/lifetimes';
import { NodeProcess } from '../helpers/process';
import { Proxy } from '../helpers/proxy';
import { until } from '../helpers/until';
import { heldLoader, onEveryStore, onServer } from './backends';

/** Fills a repository in every way that there is. */
async function fill(cache: CacheRepository): Promise<string[]> {
  await cache.set('set', 1);
  await cache.setWithTags('tagged', 2, { tags: ['t', 'u'] });
  await cache.setMany([{ key: 'a', value: 3 }, { key: 'b', value: 4, tags: ['t'] }]);
  await cache.getOrSet('loaded', () => 5);
  await cache.getOrSet('loaded with tags', async ({ addTags }) => (await addTags(['late']), 6), { tags: ['t'] });
  await cache.getOrSetMany(['m', 'n'], (keys) => new Map(keys.map((key) => [key, key])), { tags: (key) => [`of ${key}`] });
  return ['set', 'tagged', 'a', 'b', 'loaded', 'loaded with tags', 'm', 'n'];
}

onEveryStore('clear', (backend) => {
  test('makes every entry unusable for every kind of read, and what is stored afterwards is served', async () => {
    const cache = backend.cache({ ttl: 600 });
    for (let round = 0; round < 2; round++) {
      const keys = await fill(cache);
      expect(await cache.getMany(keys)).not.toContain(null);
      expect(await cache.clear()).toBeUndefined();
      expect(await cache.getMany(keys)).toEqual(keys.map(() => null));
      expect(await Promise.all(keys.map((key) => cache.has(key)))).toEqual(keys.map(() => false));
      expect(await Promise.all(keys.map((key) => cache.get(key)))).toEqual(keys.map(() => null));
      expect(await cache.getOrSetMany(keys, (missing) => new Map(missing.map((key) => [key, `new ${key}`])))).toEqual(keys.map((key) => `new ${key}`));
      expect(await cache.getOrSet('set', () => 'again')).toBe('new set');
      await cache.clear();
      expect(await cache.getOrSet('tagged', () => 'again', { tags: ['u'] })).toBe('again');
      expect(await cache.get('tagged')).toBe('again');
    }
  });

  test('touches no other repository, whatever its prefix has in common', async () => {
    const { prefix } = backend.cache();
    const others = [`${prefix}:x`, `${prefix}x`, prefix.slice(0, -1), `{${prefix}}`, `${prefix}:`, `x${prefix}`].filter((other) => other !== '');
    const all = [prefix, ...others].map((name) => new CacheRepository(name));
    for (const cache of all) await fill(cache);
    for (const cleared of all.slice(0, 3)) {
      await cleared.clear();
      for (const cache of all) expect([cache.prefix, await cache.get('tagged')]).toEqual([cache.prefix, cache === cleared ? null : 2]);
      await fill(cleared);
    }
  });

  test('a load that began before it is not stored, and callers that come after it load for themselves', async () => {
    const cache = backend.cache({ ttl: 600 });
    for (const tags of [[], ['t']]) {
      const before = heldLoader<string>();
      const first = cache.getOrSet('k', before.loader, { tags });
      await before.started;
      await cache.clear();
      const after = heldLoader<string>();
      const second = cache.getOrSet('k', after.loader, { tags });
      await after.started;
      before.finish.open('old');
      expect(await first).toBe('old');
      expect(await cache.get('k')).toBeNull();
      after.finish.open('new');
      expect(await second).toBe('new');
      expect(await cache.getOrSet('k', () => 'again', { tags })).toBe('new');
      await cache.clear();
    }
  });

  test('a group, a load that names tags and a refresh that began before it store nothing', async () => {
    const cache = backend.cache({ ttl: 600 });
    const group = heldLoader<Map<string, string>>();
    const many = cache.getOrSetMany(['a', 'b'], group.loader);
    await group.started;
    const naming = heldLoader<void>();
    const named = cache.getOrSet('named', async ({ addTags }) => {
      await naming.loader();
      await addTags(['late']);
      return 'old';
    });
    await naming.started;
    await cache.set('stale', 'stale');
    const refresh = heldLoader<string>();
    expect(await cache.getOrSet('stale', refresh.loader, { staleAfter: 0 })).toBe('stale');
    await refresh.started;
    await cache.clear();
    group.finish.open(new Map([['a', 'old'], ['b', 'old']]));
    naming.finish.open();
    refresh.finish.open('old');
    expect([await many, await named]).toEqual([['old', 'old'], 'old']);
    for (const key of ['a', 'b', 'named', 'stale']) expect([key, await cache.get(key)]).toEqual([key, null]);
    let loads = 0;
    expect(await cache.getOrSetMany(['a', 'b', 'named', 'stale'], (keys) => new Map(keys.map((key) => [key, ++loads])))).toEqual([1, 2, 3, 4]);
  });

  test('tags of a result and a value that is kept do not outlive it', async () => {
    const cache = backend.cache({ ttl: 600 });
    const tagged = heldLoader<string>();
    const first = cache.getOrSet('k', async ({ setTags }) => {
      const value = await tagged.loader();
      setTags(['of the result']);
      return value;
    });
    await tagged.started;
    await cache.clear();
    tagged.finish.open('old');
    expect(await first).toBe('old');
    expect(await cache.get('k')).toBeNull();
    await cache.set('kept', 'old');
    const keeping = heldLoader<void>();
    await until(async () => {
      const loader = async ({ keep }: LoaderContext): Promise<string> => {
        await keeping.loader();
        return keep();
      };
      expect(await cache.getOrSet('kept', loader, { staleAfter: 0.001 })).toBe('old');
      return keeping.runs() === 1;
    });
    await cache.clear();
    const after = heldLoader<string>();
    const read = cache.getOrSet('kept', after.loader);
    await after.started;
    keeping.finish.open();
    expect(await cache.get('kept')).toBeNull();
    after.finish.open('new');
    expect(await read).toBe('new');
    expect(await cache.get('kept')).toBe('new');
  });

  test('a value that is kept for staleIfError is not served after it', async () => {
    const cache = backend.cache({ ttl: 0.02, staleIfError: 600 });
    await cache.set('k', 'kept');
    const failing = (): Promise<string> => cache.getOrSet('k', () => Promise.reject(new Error('source')));
    await until(async () => !(await cache.has('k')));
    expect(await failing()).toBe('kept');
    await cache.clear();
    await expect(failing()).rejects.toThrow('source');
    await expect(cache.getOrSet('k', () => Promise.reject(new Error('source')), { loaderTimeoutMs: { soft: 1 } })).rejects.toThrow('source');
  });

  test('a stale entry is a miss after it', async () => {
    const cache = backend.cache({ ttl: 600, staleAfter: 0.01 });
    await cache.getOrSet('k', () => 'old');
    await cache.clear();
    expect(await cache.getOrSet('k', () => 'new')).toBe('new');
  });

  test('a near cache serves nothing from before it', async () => {
    const cache = backend.cache({ ttl: 600, nearCache: { maxBytes: 1 << 20 } });
    for (let round = 0; round < 3; round++) {
      await cache.setMany([{ key: 'a', value: round }, { key: 'b', value: round, tags: ['t'] }]);
      await until(async () => {
        const { nearHits } = CacheMetrics.snapshot();
        expect(await cache.getMany(['a', 'b'])).toEqual([round, round]);
        return CacheMetrics.snapshot().nearHits >= nearHits + 2;
      });
      const fills = Array.from({ length: 5 }, (_, n) => cache.get(n % 2 === 0 ? 'a' : 'b'));
      await cache.clear();
      expect(await cache.getMany(['a', 'b'])).toEqual([null, null]);
      await Promise.all(fills);
      expect([await cache.has('a'), await cache.get('b')]).toEqual([false, null]);
    }
  });

  test('values that were parsed before are not served after it, and are copied again once they are stored again', async () => {
    const cache = backend.cache({ ttl: 600 });
    const large = { text: 'x'.repeat(40_000), list: [1, { a: 2 }] };
    for (let round = 0; round < 2; round++) {
      await cache.set('k', large);
      for (let read = 0; read < 3; read++) expect(await cache.get('k')).toEqual(large);
      await cache.clear();
      expect(await cache.get('k')).toBeNull();
    }
  });

  test('counts as an invalidation, and works with tags off', async () => {
    await backend.reopen({ enableTags: false });
    const cache = backend.cache();
    await cache.set('k', 1);
    const before = CacheMetrics.snapshot().invalidations;
    await cache.clear();
    expect(CacheMetrics.snapshot().invalidations).toBe(before + 1);
    expect(await cache.get('k')).toBeNull();
    expect(await cache.getOrSet('k', () => 2)).toBe(2);
    expect(await cache.get('k')).toBe(2);
  });

  test('many clears, sets and reads at once leave nothing that began before the last clear', async () => {
    const cache = backend.cache({ ttl: 600 });
    for (let round = 0; round < 20; round++) {
      const old = Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? cache.set(`k${n}`, 'old') : cache.getOrSet(`k${n}`, () => 'old')));
      const clears = [cache.clear(), cache.clear()];
      await Promise.all([...old, ...clears]);
      await cache.clear();
      const keys = old.map((_, n) => `k${n}`);
      expect(await cache.getMany(keys)).toEqual(keys.map(() => null));
      await Promise.all(keys.map((key) => cache.set(key, round)));
      expect(await cache.getMany(keys)).toEqual(keys.map(() => round));
    }
  });
});

onServer('an entry of another format', (backend) => {
  test('without the version of a repository is a miss, and is replaced', async () => {
    const cache = backend.cache();
    await cache.set('k', 'new');
    const key = `${cache.prefix}:k`;
    const stored = (await backend.server.command('GET', key)) as string;
    const older = stored.replace(/ (\d+) - 0![\w-]{12}\n/, ' $1 $1 0 - 0\n');
    expect(older).not.toBe(stored);
    for (const value of [older, stored.replace(/![\w-]{12}/, ''), stored.replace(/![\w-]{12}/, '!AAAAAAAAAAAA')]) {
      await backend.server.command('SET', key, value, 'EX', 60);
      expect([await cache.get('k'), await cache.has('k')]).toEqual([null, false]);
      expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded');
      expect(await cache.get('k')).toBe('loaded');
    }
  });
});

onServer('a clear that cannot be delivered', (backend) => {
  test('rejects, and is repeated before any cached read is trusted again', async () => {
    const proxy = await Proxy.start(backend.server);
    try {
      await backend.reopen({ url: proxy.url, cache: { writeTimeoutMs: 300 } });
      const [cache, other] = [backend.cache(), backend.cache()];
      await cache.setWithTags('k', 'old', { tags: ['t'] });
      await other.set('k', 'kept');
      proxy.stall('toServer');
      await expect(cache.clear()).rejects.toMatchObject({ code: 'E_TIMEOUT', command: 'clear', kept: true });
      proxy.reception = 'refuse';
      proxy.cutAll();
      proxy.resume();
      expect(await cache.get('k')).toBeNull();
      proxy.reception = 'pass';
      const seen: unknown[] = [];
      await until(async () => {
        seen.push(await cache.get('k'));
        return (await other.get('k')) === 'kept';
      }, { deadlineMs: 20_000 });
      expect(new Set(seen)).toEqual(new Set([null]));
      await cache.set('k', 'new');
      expect(await cache.get('k')).toBe('new');
    } finally {
      await RedisManager.closeAll();
      await proxy.stop();
    }
  });
});

describe('clear between processes', () => {
  const server = serverForAll();
  const children: NodeProcess[] = [];
  const cluster = clusterForAll({ replicas: 0 });
  afterEach(async () => {
    await Promise.all(children.splice(0).map((child) => child.kill()));
    await RedisManager.closeAll();
    RedisManager.configure({});
  });

  /** A process that does what its standard input says, one call a line. */
  function start(env: Record<string, string>): NodeProcess {
    const child = new NodeProcess(
      `
      const { CacheRepository } = require('hawser');
      const cache = new CacheRepository('shared', { ttl: 600 });
      let release;
      const on = {
        set: (key, value) => cache.set(key, value),
        get: (key) => cache.get(key),
        clear: () => cache.clear(),
        load: (key) => { cache.getOrSet(key, () => new Promise((resolve) => { release = resolve; console.log('loading'); })).then((value) => console.log('loaded', value)); },
        finish: (value) => release(value),
      };
      require('node:readline').createInterface({ input: process.stdin }).on('line', async (line) => {
        const [n, name, ...args] = line.split(' ');
        console.log('did', n, await on[name](...args));
      });
      `,
      { env, deadlineMs: 60_000 },
    );
    children.push(child);
    return child;
  }

  let steps = 0;
  async function tell(child: NodeProcess, ...words: string[]): Promise<string> {
    const step = ++steps;
    child.send([step, ...words].join(' '));
    return (await child.line(new RegExp(`^did ${step} `))).split(' ').slice(2).join(' ');
  }

  test.each(['one server', 'a cluster'])('what one process clears, no other serves, stores or takes for current (%s)', async (place) => {
    const isCluster = place === 'a cluster';
    const env: Record<string, string> = isCluster ? { REDIS_CLUSTER: 'true', REDIS_CLUSTER_NODES: cluster.addresses.join(',') } : { REDIS_URL: server.url };
    const child = start(env);
    RedisManager.configure(isCluster ? { cluster: { nodes: cluster.addresses } } : { url: server.url });
    const cache = new CacheRepository('shared', { ttl: 600 });
    const keys = Array.from({ length: 40 }, (_, n) => `k${n}`);
    for (const key of keys) await tell(child, 'set', key, 'old');
    expect(await cache.getMany(keys)).toEqual(keys.map(() => 'old'));
    await tell(child, 'load', 'loading');
    await child.line(/^loading$/);
    await cache.clear();
    for (const key of keys) expect(await tell(child, 'get', key)).toBe('null');
    // It has seen a version that is not current any more.
    for (const key of keys) await tell(child, 'set', key, 'new');
    expect(await cache.getMany(keys)).toEqual(keys.map(() => 'new'));
    await tell(child, 'finish', 'old');
    expect(await child.line(/^loaded/)).toBe('loaded old');
    expect(await cache.get('loading')).toBeNull();
    await tell(child, 'clear');
    expect(await cache.getMany(keys)).toEqual(keys.map(() => null));
    await cache.set('k0', 'mine');
    expect(await tell(child, 'get', 'k0')).toBe('mine');
  });
});
