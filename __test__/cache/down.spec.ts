/**
 * C5: if Redis is stopped, frozen, mute or cut off, reads load and never fail, writes reject in time, and invalidations are sent later.
 */
import * as net from 'node:net';
import { CacheRepository, RedisManager } from '../../lib/facade';
import { nowMs } from '../helpers/clock';
import { Proxy } from '../helpers/proxy';
import { freePort } from '../helpers/redis-server';
import { until } from '../helpers/until';
import { heldLoader, onServer, type Backend } from './backends';

/** Extra time for a busy machine. */
const SLACK = 700;
const LOADER_MS = 50;
const slow = <T>(value: T): (() => Promise<T>) => () => new Promise((resolve) => setTimeout(resolve, LOADER_MS, value));

async function timed<T>(run: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const start = nowMs();
  const value = await run();
  return { value, ms: nowMs() - start };
}

/** How a server can become unavailable after the connection was ready. */
const WAYS: [name: string, leave: (backend: Backend) => Promise<void> | void][] = [
  ['frozen', (backend) => backend.server.freeze()],
  ['stopped', (backend) => backend.server.kill()],
];

/** A repository whose server is frozen until its breaker is open, and what the breaker has reported. */
async function openedBreaker(backend: Backend): Promise<{ cache: CacheRepository; events: string[] }> {
  const cache = backend.cache();
  const events: string[] = [];
  cache.on('breaker', ({ message }) => events.push(message));
  await cache.get('warm');
  backend.server.freeze();
  await until(async () => {
    await cache.get('k');
    return events.some((event) => event.includes('open'));
  }, { deadlineMs: 10_000 });
  return { cache, events };
}

onServer('C5', (backend) => {
  describe.each(WAYS)('with Redis %s', (_name, leave) => {
    test('getOrSet resolves within the budget plus at most twice the loader’s time; reads return nothing; no error', async () => {
      const cache = backend.cache();
      await cache.set('k', 'stored');
      await leave(backend);
      for (let i = 0; i < 3; i++) {
        const { value, ms } = await timed(() => cache.getOrSet('k', slow('loaded'), { tags: ['t'] }));
        expect(value).toBe('loaded');
        expect(ms).toBeLessThan(250 + 2 * LOADER_MS + SLACK);
      }
      expect(await cache.getOrSetMany(['k', 'l'], (keys) => new Map(keys.map((key) => [key, key])))).toEqual(['k', 'l']);
      expect([await cache.get('k'), await cache.has('k'), await cache.getMany(['k', 'l'])]).toEqual([null, false, [null, null]]);
      const error = new Error('no database');
      await expect(cache.getOrSet('k', () => Promise.reject(error))).rejects.toBe(error);
      expect(await cache.getOrSet('k', () => undefined)).toBeUndefined();
    });

    test('a hundred concurrent calls of one key share a few loads', async () => {
      const cache = backend.cache();
      await cache.get('warm');
      await leave(backend);
      let loads = 0;
      const calls = Array.from({ length: 100 }, () => cache.getOrSet('k', () => (loads++, slow('v')())));
      expect(new Set(await Promise.all(calls))).toEqual(new Set(['v']));
      expect(loads).toBeLessThanOrEqual(2);
    });

    test('the cache uses the server again when it is back', async () => {
      const cache = backend.cache();
      await cache.getOrSet('k', () => 1);
      await leave(backend);
      await cache.getOrSet('k', () => 2);
      backend.server.thaw();
      if (!backend.server.running) await backend.server.launch();
      let loads = 0;
      await until(async () => {
        const before = loads;
        await cache.getOrSet('again', () => ++loads);
        return loads === before && loads > 0;
      }, { deadlineMs: 20_000 });
    });
  });

  test('a server that never existed costs the connect budget once, shared by all calls', async () => {
    await backend.reopen({ url: `redis://127.0.0.1:${await freePort()}` });
    const cache = backend.cache();
    const { value, ms } = await timed(() => Promise.all(Array.from({ length: 20 }, (_, i) => cache.getOrSet(`k${i}`, slow(i)))));
    expect(value).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(ms).toBeLessThan(1000 + 2 * LOADER_MS + SLACK);
  });

  test('a server that accepts connections and says nothing costs the same', async () => {
    const mute = net.createServer((socket) => socket.resume());
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    await backend.reopen({ url: `redis://127.0.0.1:${(mute.address() as net.AddressInfo).port}` });
    const { value, ms } = await timed(() => backend.cache().getOrSet('k', slow('v')));
    expect(value).toBe('v');
    expect(ms).toBeLessThan(1000 + 2 * LOADER_MS + SLACK);
    await RedisManager.closeAll();
    await new Promise((resolve) => mute.close(resolve));
  });

  test('the breaker opens after consecutive time-outs, so calls stop waiting; it is reported and closes again', async () => {
    const { cache, events } = await openedBreaker(backend);
    events.length = 0;
    const { ms } = await timed(async () => {
      for (let i = 0; i < 50; i++) await cache.getOrSet(`k${i}`, () => i);
    });
    expect(ms).toBeLessThan(50 * 50); // Far less than fifty budgets of 250 ms.
    backend.server.thaw();
    await until(async () => {
      await cache.getOrSet('k', () => 1);
      return events.some((event) => event.includes('closed'));
    }, { deadlineMs: 20_000 });
    await until(() => cache.has('k'));
  });

  test('the breaker does not outlive closeAll', async () => {
    const { cache, events } = await openedBreaker(backend);
    await RedisManager.closeAll({ timeoutMs: 50 });
    RedisManager.configure({ url: 'memory://' });
    await cache.set('k', 'v');
    expect(await cache.get('k')).toBe('v');
    expect(events.at(-1)).toContain('closed');
  });

  test.each([
    ['get', (cache: CacheRepository) => cache.get('tagged'), 'stored'],
    ['has', (cache: CacheRepository) => cache.has('tagged'), true],
    ['getOrSet that names no tag', (cache: CacheRepository) => cache.getOrSet('tagged', () => 'loaded'), 'stored'],
    ['getOrSet of a cold key, which is stored,', async (cache: CacheRepository) => (await cache.getOrSet('cold', () => 1), cache.has('cold')), true],
  ])('%s, whose steps find this process busy, has the rest of its steps all the same', async (_name, read, expected) => {
    const cache = backend.cache();
    await cache.setWithTags('tagged', 'stored', { tags: ['t'] });
    const got = read(cache);
    await new Promise((resolve) => setImmediate(resolve)); // The first step has been sent.
    const busyUntil = nowMs() + 400;
    while (nowMs() < busyUntil);
    expect(await got).toBe(expected);
  });

  test.each([
    ['getOrSet', (cache: CacheRepository) => cache.getOrSet('k', slow('loaded'))],
    ['getOrSetMany', async (cache: CacheRepository) => (await cache.getOrSetMany(['k'], () => slow({ k: 'loaded' })()))[0]],
  ])('%s of an entry that cannot be decoded costs a budget for reads and not one for writes', async (_name, read) => {
    const writer = backend.cache();
    await writer.set('k', 'foreign');
    const cache = new CacheRepository(writer.prefix, {
      serializer: {
        serialize: String,
        deserialize: (text) => {
          backend.server.freeze();
          throw new SyntaxError(text);
        },
      },
    });
    const { value, ms } = await timed(() => read(cache));
    expect(value).toBe('loaded');
    expect(ms).toBeLessThan(250 + 2 * LOADER_MS + SLACK);
  });

  test.each([
    ['stopped', 2 * SLACK],
    ['there', SLACK],
  ])('with Redis %s a caller waits for another one’s load no longer than its lockTimeoutMs', async (way, slack) => {
    const cache = backend.cache();
    await cache.set('warm', 1);
    if (way === 'stopped') await backend.server.kill();
    const never = heldLoader<string>();
    const hanging = cache.getOrSet('k', never.loader);
    await never.started;
    const { value, ms } = await timed(() =>
      Promise.all([
        cache.getOrSet('k', slow('own'), { lockTimeoutMs: 300 }),
        cache.getOrSet('k', slow('own'), { lockTimeoutMs: 300 }),
        cache.getOrSetMany(['k'], () => slow({ k: 'own' })(), { lockTimeoutMs: 300 }),
      ]),
    );
    expect(value.flat()).toEqual(['own', 'own', 'own']);
    expect(ms).toBeLessThan(300 + 2 * LOADER_MS + slack);
    never.finish.open('late');
    expect(await hanging).toBe('late');
  });

  test('replies that arrive while this process is busy are not time-outs', async () => {
    const cache = backend.cache();
    await cache.set('k', 'stored');
    const reading = cache.getOrSet('k', () => 'loaded');
    await new Promise((resolve) => process.nextTick(resolve)); // The call has been sent.
    const busyUntil = nowMs() + 400;
    while (nowMs() < busyUntil);
    expect(await reading).toBe('stored');
  });
});

onServer('writes', (backend) => {
  test('reject in time with a code, the names of the operation and the server, and whether they may have been executed', async () => {
    const cache = backend.cache();
    await cache.get('warm');
    backend.server.freeze();
    const { value, ms } = await timed(() =>
      Promise.allSettled([cache.set('k', 1), cache.setWithTags('k', 1, { tags: ['t'] }), cache.setMany([{ key: 'm', value: 1 }]), cache.delete('k'), cache.deletePattern('*'), cache.invalidateTags(['t'])]),
    );
    expect(ms).toBeLessThan(300 + SLACK);
    const reasons = value.map((result) => (result.status === 'rejected' ? (result.reason as Error & { code: string; command: string; maybeExecuted?: boolean; kept?: boolean }) : undefined));
    expect(reasons.map((reason) => reason?.command)).toEqual(['set', 'setWithTags', 'setMany', 'delete', 'deletePattern', 'invalidateTags']);
    const node = `127.0.0.1:${backend.server.port}`;
    for (const reason of reasons) {
      expect(reason).toMatchObject({ code: 'E_TIMEOUT', node });
      expect(reason?.message).toContain(`cache ${reason?.command} at ${node}: `);
      expect(reason?.message).not.toMatch(/\bk\b|\bt\b/);
    }
    expect(reasons[0]?.maybeExecuted).toBe(true);
    expect(reasons.map((reason) => reason?.kept)).toEqual([undefined, undefined, undefined, true, undefined, true]);
  });

  test('the stack of a rejection contains the caller’s line', async () => {
    const cache = backend.cache();
    await cache.get('warm');
    backend.server.freeze();
    async function callerOfTheCache(): Promise<void> {
      await cache.set('k', 1);
    }
    const error = await callerOfTheCache().catch((cause: Error) => cause);
    expect((error as Error).stack).toContain('callerOfTheCache');
  });

  test('an undelivered invalidation is repeated before any cached read is trusted again', async () => {
    const proxy = await Proxy.start(backend.server);
    try {
      await backend.reopen({ url: proxy.url });
      const cache = backend.cache();
      await cache.setWithTags('tagged', 'old', { tags: ['t'] });
      await cache.setMany([{ key: 'deleted', value: 'old' }, { key: 'other', value: 'kept' }]);
      proxy.stall('toServer');
      await expect(cache.invalidateTags(['t'])).rejects.toMatchObject({ kept: true });
      await expect(cache.delete('deleted')).rejects.toMatchObject({ kept: true });
      proxy.reception = 'refuse';
      proxy.cutAll();
      proxy.resume();
      expect(await cache.get('tagged')).toBeNull();
      proxy.reception = 'pass';
      // The old values are gone from the first read that Redis answers.
      const seen: unknown[] = [];
      await until(async () => {
        const [tagged, deleted, other] = await cache.getMany(['tagged', 'deleted', 'other']);
        seen.push(tagged, deleted);
        return other === 'kept';
      }, { deadlineMs: 20_000 });
      expect(new Set(seen)).toEqual(new Set([null]));
      expect(await cache.getOrSet('tagged', () => 'new', { tags: ['t'] })).toBe('new');
    } finally {
      await RedisManager.closeAll();
      await proxy.stop();
    }
  });

  test('an invalidation past the limit of kept invalidations says that it is not kept', async () => {
    await backend.reopen({ cache: { writeTimeoutMs: 100, maxUndelivered: 2 } });
    const cache = backend.cache();
    await cache.get('warm');
    backend.server.freeze();
    await expect(cache.invalidateTags(['a', 'b', 'c'])).rejects.toMatchObject({ kept: false });
    await expect(cache.invalidateTags(['a'])).rejects.toMatchObject({ kept: true });
  });
}, { cache: { writeTimeoutMs: 300 } });
