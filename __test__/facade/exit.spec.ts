/** What the package adds to the process. */
import { runNode } from '../helpers/process';
import { serverForAll } from '../helpers/lifetimes';

const server = serverForAll();

test('loading the package repeatedly adds no listener to the process, whether it is used or not', async () => {
  const { stdout, stderr } = await runNode(
    `
    const count = () => process.eventNames().map((name) => [name, process.listenerCount(name)]);
    const before = JSON.stringify(count());
    const load = () => {
      for (const file of Object.keys(require.cache)) if (!file.endsWith('.node')) delete require.cache[file];
      return require('hawser');
    };
    (async () => {
      const seen = new Set();
      for (let i = 0; i < 15; i++) {
        const { RedisManager, CacheRepository, Redis } = load();
        seen.add(JSON.stringify(count()) === before);
        if (i % 3 === 0) continue;
        const cache = new CacheRepository('again');
        await cache.set('k', 1);
        seen.add(process.listenerCount('exit') === 1);
        const redis = new Redis(process.env.REDIS_URL, { lazyConnect: true });
        await redis.connect();
        seen.add(process.listenerCount('exit') === 1);
        await redis.quit();
        await RedisManager.closeAll();
      }
      const open = [];
      for (let i = 0; i < 15; i++) open.push(new (load().Redis)(process.env.REDIS_URL));
      seen.add(process.listenerCount('exit') === 1);
      await Promise.all(open.map((redis) => redis.quit()));
      await new Promise((resolve) => setTimeout(resolve, 10));
      console.log([...seen].join(), JSON.stringify(count()) === before);
    })();
    `,
    { env: { REDIS_URL: server.url } },
  );
  expect([stdout.trim(), stderr]).toEqual(['true true', '']);
});

test('commands of the last tick arrive, from the cache and from clients of every copy of the package', async () => {
  await server.command('FLUSHALL');
  await runNode(
    `
    const load = () => {
      for (const file of Object.keys(require.cache)) if (!file.endsWith('.node')) delete require.cache[file];
      return require('hawser');
    };
    (async () => {
      for (const name of ['one', 'two']) {
        const { CacheRepository, RedisManager, Redis } = load();
        const cache = new CacheRepository('last');
        await cache.get('warm');
        process.once('beforeleaving', () => {
          void cache.set(name, name);
          RedisManager.getMainClient().then((redis) => redis.set('client:' + name, name));
        });
      }
      process.emit('beforeleaving');
      process.emit('beforeleaving');
      await null;
      process.exit();
    })();
    `,
    { env: { REDIS_URL: server.url } },
  );
  expect(((await server.command('KEYS', '*')) as string[]).sort()).toEqual(['client:one', 'client:two', 'last#c{:}', 'last:one', 'last:two']);
});
