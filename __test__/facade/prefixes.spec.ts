/** A repository for each tenant or request: the process remembers only prefixes in use. */
import { runNode } from '../helpers/process';
import { serverForAll } from '../helpers/lifetimes';

const server = serverForAll();

test.each(['redis', 'memory'])('on %s unused prefixes are forgotten, but not those in use or with calls under way', async (kind) => {
  const { stdout, stderr } = await runNode(
    `
    const { CacheMetrics, CacheRepository, RedisManager } = require('hawser');
    const { cacheDriver } = require('./dist/manager/connections');
    RedisManager.configure({ url: process.env.URL });
    const collect = async () => { for (let i = 0; i < 20; i++) { await new Promise((r) => setTimeout(r, 2)); gc(); } };
    const tenants = async (name, count) => { for (let i = 0; i < count; i++) { const cache = new CacheRepository(name + i); await cache.getOrSet('k', () => i, { tags: ['t'], ttl: 60 }); } };
    (async () => {
      const held = new CacheRepository('held');
      await held.set('k', 'kept');
      let finish;
      // Only its call holds this repository.
      const running = new CacheRepository('running').getOrSet('k', () => new Promise((resolve) => (finish = resolve)), { tags: ['t'] });
      await tenants('tenant', 3000);
      await collect();
      const known = cacheDriver().repositoryCount;
      finish('loaded');
      const seen = [known < 300, await running, await new CacheRepository('running').get('k'), await held.get('k'), await new CacheRepository('tenant7').get('k')];
      seen.push(await new CacheRepository('tenant7').invalidateTags(['t']), await new CacheRepository('tenant7').get('k'));
      await tenants('again', 500);
      await collect();
      seen.push(Object.keys(CacheMetrics.snapshot().repositories).length <= 101, CacheMetrics.snapshot().loads);
      console.log(JSON.stringify(seen));
      await RedisManager.closeAll();
    })();
    `,
    { nodeArgs: ['--expose-gc'], env: { URL: kind === 'redis' ? server.url : 'memory://' }, deadlineMs: 25_000 },
  );
  expect([stdout.trim(), stderr]).toEqual([JSON.stringify([true, 'loaded', 'loaded', 'kept', 7, 1, null, true, 3501]), '']);
});
