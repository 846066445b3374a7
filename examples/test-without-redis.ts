/**
 * Tests an application without a Redis server: cache, stale-while-revalidate and bus run on memory:// with the same rules as on a server.
 * This uses node:test; jest and vitest work the same way. Run it: node examples/run.mjs test-without-redis
 */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { CacheMetrics, PubSubService, RedisManager } from 'hawser';
import { Database } from './order-backend/database';
import { OrderService } from './order-backend/orders';

// Do this once, before anything uses the manager, or set REDIS_URL=memory:// in the environment of the tests.
RedisManager.configure({ url: 'memory://' });

const db = new Database({ companies: 2, ordersEach: 3 }, 10);
const orders = new OrderService(db);

// Closing clears memory://, and everything may be used again afterwards, so each test begins with an empty cache.
beforeEach(async () => {
  await RedisManager.closeAll();
  CacheMetrics.reset();
});

test('a list is read from the database once', async () => {
  const before = db.queries.list;
  await Promise.all([orders.list('c1'), orders.list('c1'), orders.list('c1')]);
  assert.equal(db.queries.list - before, 1);
});

test('a new order is in the next list', async () => {
  await orders.list('c1');
  const { order, lists } = await orders.create('c1', 'Ada', 4200);
  assert.equal(lists, 1);
  assert.equal((await orders.list('c1')).orders[0].id, order.id);
});

test("another company's lists stay", async () => {
  await orders.list('c2');
  await orders.create('c1', 'Ada', 4200);
  await orders.list('c2');
  assert.equal(CacheMetrics.snapshot().hits, 1);
});

test('a write is announced on the bus', async () => {
  const heard = new Promise((resolve) => PubSubService.onInvalidation('test', resolve));
  await PubSubService.initialize();
  await orders.create('c1', 'Ada', 4200);
  assert.deepEqual(await heard, { type: 'tags', target: ['company:c1:orders'], source: 'OrderService.create' });
  PubSubService.offInvalidation('test');
});

test('a raw command needs a server and says so', async () => {
  const redis = await RedisManager.getMainClient();
  await assert.rejects(redis.get('key'), { code: 'E_NEEDS_SERVER' });
});
