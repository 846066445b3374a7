/** C1 and C2 between real processes, and how a process with a cache exits. */
import { CacheRepository, RedisManager, type ManagerOptions } from '../../lib/facade';
import { NodeProcess, runNode } from '../helpers/process';
import { clusterForAll, serverForAll } from '../helpers/lifetimes';
import type { Reply } from '../helpers/raw-client';
import { until } from '../helpers/until';

const server = serverForAll();
const cluster = clusterForAll({ replicas: 0 });
let env: Record<string, string>;
const children: NodeProcess[] = [];

beforeEach(() => {
  env = { REDIS_URL: server.url };
});
afterEach(async () => {
  server.thaw();
  await Promise.all(children.splice(0).map((child) => child.kill()));
  await RedisManager.closeAll();
  RedisManager.configure({});
  await server.command('FLUSHALL');
  await cluster.flush();
});

/** Where the processes meet. */
interface Place {
  readonly env: Record<string, string>;
  readonly options: ManagerOptions;
  /** At the server of a key. */
  command(name: string, key: string, ...args: string[]): Promise<Reply>;
  /** The only key like this. */
  keyLike(pattern: string): Promise<string>;
}

const PLACES: Record<string, () => Place> = {
  'one server': () => ({
    env: { REDIS_URL: server.url },
    options: { url: server.url },
    command: (...words) => server.command(...words),
    keyLike: async (pattern) => ((await server.command('KEYS', pattern)) as string[])[0],
  }),
  'a cluster': () => ({
    env: { REDIS_CLUSTER: 'true', REDIS_CLUSTER_NODES: cluster.addresses.join(',') },
    options: { cluster: { nodes: cluster.addresses } },
    command: async (name, key, ...args) => (await cluster.ownerOf(cluster.slotOf(key))).command(name, key, ...args),
    keyLike: async (pattern) => (await Promise.all(cluster.masters.map(async (master) => (await master.command('KEYS', pattern)) as string[]))).flat()[0],
  }),
};

/** Lines on standard input become calls of `on`; `say` prints. */
const SCRIPT = `
const { CacheRepository, RedisManager } = require('hawser');
RedisManager.configure({ cache: { leaseMs: 1000, renewMs: 200 } });
const cache = new CacheRepository('shared');
const say = (...words) => console.log(words.join(' '));
const held = {};
const hold = (name) => new Promise((resolve) => { held[name] = resolve; });
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const [name, value] = line.split(' ');
  if (held[name]) held[name](value);
});
const ready = cache.get('warm').then(() => say('ready'));
`;

function start(script: string): NodeProcess {
  const child = new NodeProcess(SCRIPT + script, { env, deadlineMs: 30_000 });
  children.push(child);
  return child;
}

describe.each(Object.keys(PLACES))('on %s', (name) => {
  let place: Place;
  beforeEach(() => {
    place = PLACES[name]();
    ({ env } = place);
  });

  describe('C2 between processes', () => {
    test('a cold key that four processes request at once, with fifty calls each, is loaded once', async () => {
      const fleet = Array.from({ length: 4 }, () =>
        start(`
          hold('go').then(async () => {
            const loader = async () => { say('loading'); await hold('finish'); return { from: process.pid }; };
            const values = await Promise.all(Array.from({ length: 50 }, () => cache.getOrSet('cold', loader, { tags: ['t'] })));
            say('value', new Set(values.map((value) => value.from)).size, values[0].from);
            process.exit();
          });
        `),
      );
      await Promise.all(fleet.map((child) => child.line(/^ready$/)));
      for (const child of fleet) child.send('go');
      const loading = (): NodeProcess[] => fleet.filter((child) => /^loading$/m.test(child.stdout));
      await until(() => loading().length === 1);
      loading()[0].send('finish');
      const lines = await Promise.all(fleet.map((child) => child.line(/^value/)));
      expect(new Set(lines)).toEqual(new Set([`value 1 ${loading()[0].child.pid}`]));
      expect(fleet.map((child) => child.stdout.match(/^loading$/gm)?.length ?? 0).reduce((sum, n) => sum + n)).toBe(1);
    });

    test('a live holder renews its lease: nobody takes over, however long its loader takes', async () => {
      const loader = `cache.getOrSet('slow', async () => { say('loading'); return hold('finish'); }).then((value) => say('value', value))`;
      const first = start(`ready.then(() => ${loader});`);
      await first.line(/^loading$/);
      const second = start(`hold('go').then(() => ${loader});`);
      await second.line(/^ready$/);
      second.send('go');
      // More than three leases of 1,000 ms, because this tests the passing of time.
      const begin = Date.now();
      await until(() => Date.now() - begin > 3500, { deadlineMs: 10_000 });
      expect(second.stdout).not.toContain('loading');
      first.send('finish done');
      expect(await second.line(/^value/)).toBe('value done');
    });

    test('when the holder is killed, another process takes over as soon as the lease expires', async () => {
      const first = start(`ready.then(() => cache.getOrSet('k', async () => { say('loading'); return hold('never'); }));`);
      await first.line(/^loading$/);
      const second = start(`hold('go').then(() => cache.getOrSet('k', async () => { say('loading'); return 'second'; })).then((value) => say('value', value));`);
      await second.line(/^ready$/);
      second.send('go');
      await until(async () => Number(await place.command('PTTL', 'shared:k')) > 0);
      await first.kill('SIGKILL');
      expect(await second.line(/^value/)).toBe('value second');
      RedisManager.configure(place.options);
      expect(await new CacheRepository('shared').get('k')).toBe('second');
    });
  });

  describe('C1 between processes', () => {
    test.each([
      ['invalidateTags', (cache: CacheRepository) => cache.invalidateTags(['t'])],
      ['delete', (cache: CacheRepository) => cache.delete('k')],
      ['clear', (cache: CacheRepository) => cache.clear()],
      ['set', (cache: CacheRepository) => cache.set('k', 'new')],
    ])('%s in one process wins over a load that runs in another', async (_name, write) => {
      RedisManager.configure(place.options);
      const cache = new CacheRepository('shared');
      const loading = start(`ready.then(() => cache.getOrSet('k', async () => { say('loading'); return hold('finish'); }, { tags: ['t'] })).then((value) => say('value', value));`);
      await loading.line(/^loading$/);
      await write(cache);
      loading.send('finish old');
      expect(await loading.line(/^value/)).toBe('value old'); // It began before.
      expect(await cache.get('k')).not.toBe('old');
      expect(await cache.getOrSet('k', () => 'new')).toBe('new');
    });

    test('a process that is stopped while it loads and continues much later stores nothing old', async () => {
      RedisManager.configure(place.options);
      const cache = new CacheRepository('shared');
      const loading = start(`ready.then(() => cache.getOrSet('k', async () => { say('loading'); return hold('finish'); }, { tags: ['t'] })).then((value) => say('value', value));`);
      await loading.line(/^loading$/);
      loading.child.kill('SIGSTOP');
      // A lease has expired when its remaining life is shorter than its tail.
      const tail = Number(await place.command('GETRANGE', 'shared:k', '27', '41'));
      expect(tail).toBeGreaterThan(0);
      await until(async () => Number(await place.command('PTTL', 'shared:k')) < tail, { deadlineMs: 30_000 });
      await cache.setWithTags('k', 'new', { tags: ['t'] });
      loading.child.kill('SIGCONT');
      loading.send('finish old');
      await loading.line(/^value/);
      expect(await cache.get('k')).toBe('new');
    });

    test('a server that loses everything, including versions, causes misses and never wrong values', async () => {
      RedisManager.configure(place.options);
      const cache = new CacheRepository('shared');
      await cache.setWithTags('k', 'old', { tags: ['t'] });
      await place.command('DEL', await place.keyLike('shared#v*')); // As if evicted.
      expect(await cache.get('k')).toBeNull();
      expect(await cache.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new');
    });
  });
});

describe('a process with a cache', () => {
  const USE = `
    const { CacheRepository, CacheMetrics, RedisManager, PubSubService } = require('hawser');
    const cache = new CacheRepository('ending');
  `;

  test.each(['redis', 'memory'])('exits on its own after closeAll (%s)', async (kind) => {
    const { code, timedOut, stdout, stderr } = await runNode(
      `${USE}
      (async () => {
        await PubSubService.initialize();
        await cache.set('k', 1, 60);
        await cache.getOrSet('k', () => Promise.reject(new Error('x')), { staleAfter: 0 });
        await cache.getOrSet('hangs', () => 2);
        await RedisManager.closeAll();
        console.log('closed');
      })();`,
      { env: kind === 'redis' ? env : { REDIS_URL: 'memory://' } },
    );
    expect([code, timedOut, stdout.trim()]).toEqual([0, false, 'closed']);
    expect(stderr).not.toMatch(/Error(?!: x)|unhandled/i);
  });

  test('on memory:// exits on its own without closeAll: the cache does not keep it alive', async () => {
    const result = await runNode(
      `${USE}
      cache.set('k', 1, 60)
        .then(() => cache.getOrSet('k', () => new Promise(() => {}), { staleAfter: 0 }))
        .then((value) => console.log('value', value));`,
      { env: { REDIS_URL: 'memory://' } },
    );
    expect(result).toMatchObject({ code: 0, timedOut: false, stdout: 'value 1\n' });
  });

  test('a value set in the tick of process.exit is stored', async () => {
    const { code } = await runNode(`${USE} cache.get('warm').then(() => { cache.set('last words', 'said'); process.exit(); });`, { env });
    expect(code).toBe(0);
    RedisManager.configure({ url: server.url });
    expect(await new CacheRepository('ending').get('last words')).toBe('said');
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('with shutdown hooks, %s closes everything and ends it as without hooks', async (signal) => {
    const child = start(`RedisManager.installShutdownHooks(); RedisManager.installShutdownHooks(); setInterval(() => {}, 1000);`);
    await child.line(/^ready$/);
    const result = await child.kill(signal);
    expect(result).toMatchObject({ code: null, signal, timedOut: false });
    await until(async () => (await server.clientIds()).length === 0);
  });

  test('with shutdown hooks, a server that does not answer delays the exit by at most the given time', async () => {
    const child = start(`RedisManager.installShutdownHooks({ timeoutMs: 300 }); setInterval(() => {}, 1000);`);
    await child.line(/^ready$/);
    server.freeze();
    const begin = Date.now();
    expect(await child.kill('SIGTERM')).toMatchObject({ signal: 'SIGTERM', timedOut: false });
    expect(Date.now() - begin).toBeLessThan(5000);
  });

  test('with shutdown hooks, an application that listens to the signal must exit by itself', async () => {
    const child = start(`
      process.on('SIGTERM', () => { say('draining'); hold('drained').then(() => process.exit(7)); });
      RedisManager.installShutdownHooks();
      setInterval(() => {}, 1000);`);
    await child.line(/^ready$/);
    child.child.kill('SIGTERM');
    await child.line(/^draining$/);
    await until(async () => (await server.clientIds()).length === 0);
    child.send('drained');
    expect(await child.done).toMatchObject({ code: 7, signal: null });
  });

  test.each(['redis', 'memory'])('a loader that never settles does not keep the process alive after closeAll, on %s', async (store) => {
    const { code, stdout, timedOut } = await runNode(
      `
      const { CacheRepository, RedisManager } = require('hawser');
      const cache = new CacheRepository('hanging');
      const aborting = new AbortController();
      cache.getOrSet('alone', () => new Promise(() => {}));
      cache.getOrSet('aborted', () => new Promise(() => aborting.abort()), { signal: aborting.signal }).catch(async () => {
        await RedisManager.closeAll();
        console.log('closed');
      });`,
      { env: { ...env, ...(store === 'memory' ? { REDIS_URL: 'memory://' } : {}) }, deadlineMs: 20_000 },
    );
    expect([code, stdout.trim(), timedOut]).toEqual([0, 'closed', false]);
  });

  test('a write that waits for an unavailable server does not keep the process alive after closeAll', async () => {
    const { code, stdout, timedOut } = await runNode(
      `
      const { CacheRepository, RedisManager } = require('hawser');
      RedisManager.configure({ url: 'redis://127.0.0.1:1', logger: { debug() {}, info() {}, warn() {}, error() {} }, cache: { writeTimeoutMs: 3600000 } });
      new CacheRepository('away').set('k', 1).catch(() => {});
      RedisManager.closeAll({ timeoutMs: 200 }).then(() => console.log('closed'));`,
      { env, deadlineMs: 20_000 },
    );
    expect([code, stdout.trim(), timedOut]).toEqual([0, 'closed', false]);
  });

  test('works in a worker thread, and a worker terminated in mid-traffic does no harm', async () => {
    const { code, stdout, timedOut } = await runNode(
      `
      const { Worker } = require('node:worker_threads');
      const script = \`
        const { CacheRepository } = require('hawser');
        const { parentPort } = require('node:worker_threads');
        const cache = new CacheRepository('worker');
        (async function spin(i) {
          await Promise.all(Array.from({ length: 20 }, (_, j) => cache.getOrSet('k' + ((i + j) % 50), () => i, { ttl: 0.01, tags: ['t'] })));
          if (i === 20) parentPort.postMessage('busy');
          setImmediate(spin, i + 1);
        })(0);
      \`;
      (async () => {
        for (let i = 0; i < 5; i++) {
          const worker = new Worker(script, { eval: true });
          await new Promise((resolve) => worker.once('message', resolve));
          await worker.terminate();
        }
        const { CacheRepository, RedisManager } = require('hawser');
        console.log(await new CacheRepository('worker').getOrSet('main', () => 'well'));
        await RedisManager.closeAll();
      })();`,
      { env, deadlineMs: 25_000 },
    );
    expect([code, stdout.trim(), timedOut]).toEqual([0, 'well', false]);
  });
});
