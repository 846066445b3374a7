/** Conditional reads: a long value that the process holds is validated by its header and not moved again. */
import { CacheRepository, RedisManager } from '../../lib/facade';
import { Proxy } from '../helpers/proxy';
import { RedisCluster } from '../helpers/redis-cluster';
import { SentinelGroup } from '../helpers/redis-sentinel';
import { onEveryStore, onServer, type Backend } from './backends';

jest.setTimeout(60_000);

interface Report {
  id: number;
  rows: { n: number; text: string }[];
}

/** More than a megabyte of JSON. */
const reportOf = (id: number, rows = 10_000): Report => ({ id, rows: Array.from({ length: rows }, (_, n) => ({ n, text: `row ${n} of the report ${id}`.padEnd(90, '.') })) });

const TAGS = ['company:1:reports', 'status:new', 'reports'];

const never = (): never => {
  throw new Error('it was cached');
};

onServer('conditional reads', (backend) => {
  /** Runs a test behind a proxy that counts what the process receives. */
  async function counting(proxied: Backend, run: (cache: CacheRepository, received: (act: () => Promise<unknown>) => Promise<number>) => Promise<void>): Promise<void> {
    const proxy = await Proxy.start(proxied.server);
    const total = (): number => proxy.live.reduce((sum, connection) => sum + connection.bytes.toClient, 0);
    try {
      await proxied.reopen({ url: proxy.url });
      await run(proxied.cache(), async (act) => {
        const before = total();
        await act();
        return total() - before;
      });
    } finally {
      await RedisManager.closeAll();
      await proxy.stop();
    }
  }

  test('a hit on a value of a megabyte receives less than a kilobyte', async () => {
    await counting(backend, async (cache, received) => {
      await cache.setWithTags('report', reportOf(1), { tags: TAGS });
      const read = async (): Promise<void> => expect((await cache.getOrSet<Report>('report', never, { tags: TAGS })).rows).toHaveLength(10_000);
      expect(await received(read)).toBeGreaterThan(1_000_000);
      for (let i = 0; i < 3; i++) expect(await received(read)).toBeLessThan(1000);
      expect(await received(() => cache.get('report'))).toBeLessThan(1000);
      expect(await received(() => cache.has('report'))).toBeLessThan(1000);
      expect(await received(() => Promise.all([read(), cache.getMany(['report', 'other']), cache.get('report')]))).toBeLessThan(2000);
    });
  });

  test('a value that has changed is moved once, and one that is gone is a miss', async () => {
    await counting(backend, async (cache, received) => {
      for (let id = 1; id <= 3; id++) {
        await cache.setWithTags('report', reportOf(id), { tags: TAGS });
        let value: Report | null = null;
        const read = async (): Promise<void> => void (value = await cache.get<Report>('report'));
        expect(await received(read)).toBeGreaterThan(1_000_000);
        expect(await received(read)).toBeLessThan(1000);
        expect(value).toEqual(reportOf(id));
      }
      await cache.set('report', 'short');
      expect(await cache.get('report')).toBe('short');
      await cache.set('report', reportOf(4));
      await cache.get('report');
      await cache.delete('report');
      expect(await cache.get('report')).toBeNull();
    });
  });

  test('what is outdated is not moved', async () => {
    await counting(backend, async (cache, received) => {
      await cache.setWithTags('report', reportOf(1), { tags: TAGS });
      await cache.get('report');
      await cache.invalidateTags([TAGS[1]]);
      expect(await received(async () => expect(await cache.get('report')).toBeNull())).toBeLessThan(1000);
      expect(await cache.getOrSet('report', () => reportOf(2), { tags: TAGS })).toEqual(reportOf(2));
      expect(await cache.get('report')).toEqual(reportOf(2));
    });
  });

  test('an entry with 64 long tags has a header that is read whole', async () => {
    await counting(backend, async (cache, received) => {
      const tags = Array.from({ length: 64 }, (_, i) => `${i}`.padEnd(1000, 't'));
      await cache.setWithTags('report', reportOf(1), { tags });
      await cache.get('report');
      expect(await received(async () => expect(await cache.get('report')).toEqual(reportOf(1)))).toBeLessThan(200_000);
      await cache.invalidateTags([tags[63]]);
      expect(await cache.get('report')).toBeNull();
    });
  });

  test('a value of another type at the key is a miss, and short values are moved', async () => {
    await counting(backend, async (cache, received) => {
      await backend.server.command('FLUSHALL');
      const short = 'x'.repeat(10_000);
      await cache.set('short', short);
      for (let i = 0; i < 3; i++) expect(await received(async () => expect(await cache.get('short')).toBe(short))).toBeGreaterThan(10_000);
      await cache.set('report', reportOf(1));
      await cache.get('report');
      const [key] = (await backend.server.command('KEYS', '*:report')) as string[];
      await backend.server.command('DEL', key);
      await backend.server.command('LPUSH', key, 'foreign');
      expect(await cache.get('report')).toBeNull();
      expect(await cache.getMany(['report', 'short'])).toEqual([null, short]);
      expect(await cache.getOrSet('report', () => 'own')).toBe('own');
      expect(await cache.get('report')).toBe('own');
    });
  });

  test('a stale value is served by its header while one loader replaces it', async () => {
    await counting(backend, async (cache, received) => {
      const options = { staleAfter: 0.001, ttl: 60, tags: TAGS };
      await cache.getOrSet('report', () => reportOf(1), options);
      await cache.get('report');
      let finish = (_: Report): void => undefined;
      const loader = jest.fn(() => new Promise<Report>((resolve) => (finish = resolve)));
      let value: Report | undefined;
      const read = async (): Promise<void> => void (value = await cache.getOrSet('report', loader, options));
      while (loader.mock.calls.length === 0) {
        expect(await received(read)).toBeLessThan(2500);
        expect(value?.id).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await received(read)).toBeLessThan(2500); // With a lease in the header.
      finish(reportOf(2));
      while ((await cache.get<Report>('report'))?.id !== 2) await new Promise((resolve) => setImmediate(resolve));
      expect(loader).toHaveBeenCalledTimes(1);
    });
  });
});

onEveryStore('conditional reads', (backend) => {
  test('every reader gets the current value of a long entry, and one of its own', async () => {
    const cache = backend.cache();
    for (let id = 0; id < 6; id++) {
      await cache.setWithTags('report', reportOf(id, 500), { tags: TAGS });
      const reads = [cache.get<Report>('report'), cache.getOrSet('report', never, { tags: TAGS }), cache.getMany<Report>(['report', 'report']).then((all) => all[1])];
      for (const value of await Promise.all(reads)) {
        expect(value).toEqual(reportOf(id, 500));
        if (value !== null) value.rows.length = 0;
      }
    }
    await cache.invalidateTags([TAGS[0]]);
    expect(await cache.get('report')).toBeNull();
  });
});

/** Bytes that these servers have sent, without the answer to the question. */
async function sentBy(servers: readonly { info(section: string): Promise<Record<string, string>> }[]): Promise<number> {
  let sum = 0;
  for (const server of servers) sum += Number((await server.info('stats')).total_net_output_bytes);
  return sum;
}

test.each(['a cluster', 'Sentinel'] as const)('a hit on a value of a megabyte moves less than a kilobyte on %s', async (place) => {
  const place_ = place === 'a cluster' ? await RedisCluster.start() : await SentinelGroup.start();
  try {
    const servers = place_.servers;
    if (place_ instanceof RedisCluster) RedisManager.configure({ cluster: { nodes: place_.addresses } });
    else RedisManager.configure({ redis: { sentinels: place_.addresses, name: place_.name } });
    const cache = new CacheRepository('reports');
    await cache.setWithTags('report', reportOf(1), { tags: TAGS });
    await cache.get('report');
    const moved: number[] = [];
    for (let i = 0; i < 5; i++) {
      const start = await sentBy(servers);
      const asking = (await sentBy(servers)) - start;
      const before = start + asking;
      expect(await cache.getOrSet<Report>('report', never, { tags: TAGS })).toEqual(reportOf(1));
      moved.push((await sentBy(servers)) - before - asking);
    }
    expect(Math.min(...moved)).toBeLessThan(1000); // Servers talk to each other, too.
    expect(Math.max(...moved)).toBeLessThan(100_000);
  } finally {
    await RedisManager.closeAll();
    await place_.stop();
  }
});
