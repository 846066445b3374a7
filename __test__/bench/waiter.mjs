// One process of those that ask for a cold key together. For each key that it is told, many calls ask; it answers when their values were there, in
// microseconds of the machine's monotonic clock, and whether its loader ran.

const CALLERS = 100;
const LOADER_MS = 20;

process.once('message', async ({ port, folder }) => {
  const { CacheRepository, RedisManager } = await import(new URL('index.mjs', folder));
  RedisManager.configure({ url: `redis://127.0.0.1:${port}` });
  const cache = new CacheRepository('waits');
  const now = () => Number(process.hrtime.bigint() / 1000n);
  process.on('message', async (key) => {
    const found = { loads: 0, first: undefined, last: undefined };
    const load = () => {
      found.loads++;
      return new Promise((resolve) => setTimeout(resolve, LOADER_MS, { id: key, lines: [1, 2, 3] }));
    };
    const ask = async () => {
      await cache.getOrSet(key, load, { ttl: 60, tags: ['orders'] });
      found.last = now();
      found.first ??= found.last;
    };
    await Promise.all(Array.from({ length: CALLERS }, ask));
    process.send(found);
  });
  await cache.get('warm');
  process.send('ready');
});
