// What an installed hawser has to do on every platform and runtime. Runs in a project that has hawser, with REDIS_URL naming a server or
// `memory://`, prints one line of JSON (`{ "client": "ok", ... }`), and has to end by itself.

import Redis, { CacheRepository, PubSubService, RedisManager, StaleWhileRevalidate } from 'hawser';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

const url = process.env.REDIS_URL;
const onServer = url !== 'memory://';
/** An emulated processor is slow. */
const DEADLINE_MS = 60_000;

/** Resolves with the first call of `listener`'s function. */
const once = (listen) => new Promise((resolve) => listen(resolve));

async function client() {
  const redis = new Redis(url);
  try {
    assert.equal(await redis.set('smoke:text', 'grüße ✓'), 'OK');
    assert.equal(await redis.get('smoke:text'), 'grüße ✓');
    const large = Buffer.alloc(1 << 20, 7);
    await redis.set('smoke:bytes', large);
    assert.ok(large.equals(await redis.getBuffer('smoke:bytes')));
    await redis.hset('smoke:hash', { a: 1, b: 'two' });
    assert.deepEqual(await redis.hgetall('smoke:hash'), { a: '1', b: 'two' });
    await assert.rejects(redis.call('no-such-command'), (error) => error instanceof Redis.ReplyError);
    const all = await Promise.all(Array.from({ length: 500 }, (_, i) => redis.echo(String(i))));
    assert.deepEqual(all, Array.from({ length: 500 }, (_, i) => String(i)));
  } finally {
    await redis.quit();
  }
}

async function pipeline() {
  const redis = new Redis(url);
  try {
    const replies = await redis.pipeline().set('smoke:n', 1).incr('smoke:n').get('smoke:n').lpush('smoke:n', 'x').exec();
    assert.deepEqual(replies.slice(0, 3), [[null, 'OK'], [null, 2], [null, '2']]);
    assert.match(replies[3][0].message, /WRONGTYPE/);
    assert.deepEqual(await redis.multi().incr('smoke:n').incr('smoke:n').exec(), [[null, 3], [null, 4]]);
  } finally {
    await redis.quit();
  }
}

async function pubSub() {
  const [subscriber, publisher] = [new Redis(url), new Redis(url)];
  try {
    await subscriber.subscribe('smoke:channel');
    const heard = once((resolve) => subscriber.once('message', (...message) => resolve(message)));
    assert.equal(await publisher.publish('smoke:channel', 'hello'), 1);
    assert.deepEqual(await heard, ['smoke:channel', 'hello']);
  } finally {
    await Promise.all([subscriber.quit(), publisher.quit()]);
  }
}

/** Tags, stale-while-revalidate and single flight. The server may have what an earlier run stored. */
async function cache(name = 'smoke') {
  const repository = new CacheRepository(`${name}-${process.pid}-${Date.now()}`);
  let loads = 0;
  const list = () => repository.getOrSet('list', () => ++loads, { ttl: 60, tags: ['orders'] });
  assert.deepEqual(await Promise.all([list(), list()]), [1, 1]);
  await repository.invalidateTags(['orders']);
  assert.equal(await list(), 2);
  assert.deepEqual(await new StaleWhileRevalidate(repository, 1, 2).get('total', () => ({ total: loads })), { total: 2 });
}

async function bus() {
  await PubSubService.initialize();
  const heard = once((resolve) => PubSubService.onInvalidation('smoke', resolve));
  await PubSubService.publish({ type: 'tags', target: ['orders'] });
  assert.deepEqual((await heard).target, ['orders']);
}

/** A thread that loads hawser once more, uses it, and ends by itself. */
async function workers() {
  const worker = new Worker(fileURLToPath(import.meta.url), { env: { ...process.env } });
  const [answer, code] = await Promise.all([
    once((resolve) => worker.once('message', resolve)),
    new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject)),
  ]);
  assert.deepEqual([answer, code], ['ok', 0]);
}

async function modules() {
  assert.equal(createRequire(import.meta.url)('hawser'), Redis);
}

/** Runs a check. Returns `ok`, or what went wrong. */
async function outcome(check) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${DEADLINE_MS / 1000} seconds`)), DEADLINE_MS);
  });
  try {
    await Promise.race([check(), late]);
    return 'ok';
  } catch (error) {
    return String(error?.stack ?? error);
  } finally {
    clearTimeout(timer);
  }
}

async function inWorker() {
  try {
    await cache('smoke-worker');
    if (onServer) await pipeline();
  } finally {
    await RedisManager.closeAll();
  }
}

RedisManager.configure({ url });
if (isMainThread) {
  const checks = onServer ? { modules, client, pipeline, pubSub, cache, bus, workers } : { modules, cache, bus, workers };
  const seen = {};
  for (const [name, check] of Object.entries(checks)) seen[name] = await outcome(check);
  seen.close = await outcome(() => RedisManager.closeAll());
  process.exitCode = Object.values(seen).every((result) => result === 'ok') ? 0 : 1;
  console.log(JSON.stringify(seen));
} else {
  parentPort.postMessage(await outcome(inWorker));
}
