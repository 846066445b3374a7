/** `explain` and `entriesByPattern`: what is stored, and why a call would or would not get it. Neither writes. */
import { CacheMetrics, CacheRepository, RedisManager, type Explanation } from '../../lib/facade';
import { runNode } from '../helpers/process';
import { until } from '../helpers/until';
import { heldLoader, onEveryStore, onServer, type Backend } from './backends';

/** A command of Redis about an entry, on the node that has it. */
async function raw(cache: CacheRepository, command: string, key: string, ...args: (string | number)[]): Promise<unknown> {
  const client = await RedisManager.getMainClient();
  return client.call(command, `${cache.prefix}:${key}`, ...args);
}

const fresh = { ttl: 60, staleAfter: 60, staleIfError: 0, tags: [], lease: null };

async function all(cache: CacheRepository, glob: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for await (const { key, ...rest } of cache.entriesByPattern(glob)) found[key] = rest;
  return found;
}

onEveryStore('explain', (backend) => {
  const is = async (cache: CacheRepository, key: string, state: Explanation['state']): Promise<Explanation> =>
    until(async () => {
      const explanation = await cache.explain(key);
      return explanation.state === state ? explanation : undefined;
    });

  test('missing, fresh, stale, expired', async () => {
    const cache = backend.cache({ ttl: 60 });
    expect(await cache.explain('k')).toEqual({ key: 'k', state: 'missing' });
    await cache.set('k', { n: 1 });
    const explanation = await cache.explain('k');
    expect(explanation).toMatchObject({ ...fresh, key: 'k', state: 'fresh', origin: { differs: false } });
    if (explanation.state !== 'fresh') throw new Error(explanation.state);
    expect(explanation.age).toBeGreaterThanOrEqual(0);
    expect(explanation.age).toBeLessThan(10);
    expect((explanation.age as number) + (explanation.endsIn as number)).toBeCloseTo(60, 5);
    expect(explanation.size).toBeGreaterThan('{"n":1}'.length);
    await cache.setWithTags('old', 1, { staleAfter: 0.001, ttl: 50 });
    expect(await is(cache, 'old', 'stale')).toMatchObject({ ttl: 50, staleAfter: 0.001 });
    await cache.setWithTags('kept', 1, { ttl: 0.001, staleIfError: 40 });
    expect(await is(cache, 'kept', 'expired')).toMatchObject({ ttl: 0.001, staleIfError: 40, lease: null });
    await cache.set('gone', 1, 0.001);
    expect(await is(cache, 'gone', 'missing')).toEqual({ key: 'gone', state: 'missing' });
    // The repository's own options count.
    await cache.set('k', 1);
    expect(await is(new CacheRepository(cache.prefix, { ttl: 60, staleAfter: 0.001 }), 'k', 'stale')).toMatchObject({ staleAfter: 60 });
  });

  test('which tag was invalidated, and whether it has been used since', async () => {
    const cache = backend.cache({ ttl: 60 });
    await cache.getOrSet('k', async ({ addTags }) => (await addTags(['of {the} loader']), 1), { tags: ['a', 'b:c', '*'] });
    const tags = (states: Record<string, string>): unknown =>
      expect.arrayContaining(Object.entries(states).map(([tag, state]) => ({ tag, state, namedBy: tag.startsWith('of') ? 'loader' : 'caller' })));
    expect(await cache.explain('k')).toMatchObject({ state: 'fresh', tags: tags({ a: 'current', 'b:c': 'current', '*': 'current', 'of {the} loader': 'current' }) });
    await cache.invalidateTags(['*']);
    expect(await cache.explain('k')).toMatchObject({ state: 'invalidated', tags: tags({ a: 'current', '*': 'missing' }) });
    await cache.setWithTags('other', 1, { tags: ['*'] });
    await cache.invalidateTags(['of {the} loader']);
    expect(await cache.explain('k')).toMatchObject({ state: 'invalidated', tags: tags({ '*': 'changed', 'of {the} loader': 'missing' }) });
  });

  test('whether the repository was cleared', async () => {
    const cache = backend.cache({ ttl: 60 });
    await cache.setMany(['a', 'b', 'c', 'd'].map((key) => ({ key, value: key, tags: ['t'] })));
    expect(await cache.explain('a')).toMatchObject({ state: 'fresh', repository: 'current' });
    const held = heldLoader<number>();
    const value = cache.getOrSet('k', held.loader);
    await held.started;
    await cache.clear();
    for (const key of ['a', 'b', 'c', 'd']) {
      const found = await cache.explain(key);
      expect(found).toMatchObject({ state: 'invalidated', repository: expect.stringMatching(/missing|changed/) });
    }
    expect(await cache.explain('k')).toMatchObject({ state: 'loading', isCurrent: false });
    expect(await all(cache, '*')).toMatchObject({ a: { state: 'invalidated' }, d: { state: 'invalidated' } });
    await cache.set('a', 1);
    expect(await cache.explain('a')).toMatchObject({ state: 'fresh', repository: 'current' });
    held.finish.open(1);
    await value;
  });

  test('who loads it, and for how long the lease is good', async () => {
    const cache = backend.cache({ ttl: 60 });
    const held = heldLoader<number>();
    const value = cache.getOrSet('k', held.loader, { tags: ['t'] });
    await held.started;
    const explanation = await cache.explain('k');
    expect(explanation).toMatchObject({ key: 'k', state: 'loading', isCurrent: true, tags: [{ tag: 't', state: 'current' }], lease: { holder: 'this process', failures: 0 } });
    if (explanation.state !== 'loading') throw new Error(explanation.state);
    expect(explanation.lease.remaining).toBeGreaterThan(0);
    expect(explanation.lease.remaining).toBeLessThanOrEqual(10);
    expect(await all(cache, '*')).toMatchObject({ k: { state: 'loading', age: null, ttl: null, tags: ['t'] } });
    await cache.invalidateTags(['t']);
    expect(await cache.explain('k')).toMatchObject({ state: 'loading', isCurrent: false, tags: [{ state: 'missing' }] });
    held.finish.open(1);
    await value;
    expect(await cache.explain('k')).toMatchObject({ state: 'invalidated', lease: null });
  });

  test('who refreshes a stale entry, and the pause after a refresh that failed', async () => {
    const cache = backend.cache({ ttl: 60, staleAfter: 0.001 });
    cache.on('refreshError', () => undefined);
    await cache.set('k', 'old');
    const held = heldLoader<string>();
    await until(async () => {
      expect(await cache.getOrSet('k', held.loader)).toBe('old');
      return held.runs() > 0;
    });
    expect(await cache.explain('k')).toMatchObject({ state: 'stale', lease: { holder: 'this process' } });
    held.finish.fail(new Error('down'));
    const paused = await until(async () => {
      const explanation = await cache.explain('k');
      return 'lease' in explanation && explanation.lease?.holder === 'nobody' ? explanation : undefined;
    });
    expect(paused).toMatchObject({ state: 'stale', lease: { failures: 1 } });
    expect((paused as { lease: { remaining: number } }).lease.remaining).toBeGreaterThan(0);
  });

  test('a value that the serializer cannot read', async () => {
    const cache = backend.cache({ ttl: 60 });
    await cache.set('k', 'text');
    const strict = new CacheRepository(cache.prefix, { ttl: 60, serializer: { serialize: () => '1', deserialize: () => { throw new Error('no'); } } });
    expect(await cache.explain('k')).toMatchObject({ state: 'fresh' });
    expect(await strict.explain('k')).toMatchObject({ ...fresh, state: 'undecodable' });
    await cache.set('bytes', Buffer.from([0xff]));
    expect(await cache.explain('bytes')).toMatchObject({ state: 'fresh' });
    expect(await all(strict, '*')).toMatchObject({ k: { state: 'fresh' } });
  });

  test('a compressed value, of any length', async () => {
    const cache = backend.cache({ ttl: 60, compression: 'zstd' });
    for (const length of [2_000, 1_000_000]) {
      await cache.set('k', 'x'.repeat(length));
      const found = await cache.explain('k');
      expect(found).toMatchObject({ ...fresh, state: 'fresh' });
      expect((found as { size: number }).size).toBeLessThan(length / 2);
      expect(await all(cache, 'k')).toMatchObject({ k: { state: 'fresh', size: (found as { size: number }).size } });
    }
  });

  test('the entries that match, with glob characters and braces in names', async () => {
    for (const prefix of ['br{ace}', 'st*r', 'a[b]?', 'co:lon', 'back\\slash']) {
      const cache = new CacheRepository(`${prefix}${backend.cache().prefix}`, { ttl: 60 });
      const neighbour = new CacheRepository(`${cache.prefix}:x`, { ttl: 60 });
      await cache.setMany(['list:1', 'list:2', 'li*t:3', '{user}:1', 'é\r\n\0'].map((key) => ({ key, value: key, tags: ['t'] })));
      await neighbour.set('list:9', 1);
      const entry = { state: 'fresh', age: expect.any(Number), ttl: 60, tags: ['t'], size: expect.any(Number) };
      expect(await all(cache, 'list:*')).toEqual({ 'list:1': entry, 'list:2': entry });
      expect(Object.keys(await all(cache, 'li\\*t:*'))).toEqual(['li*t:3']);
      expect(Object.keys(await all(cache, '\\{user\\}*'))).toEqual(['{user}:1']);
      expect(Object.keys(await all(cache, '*')).sort()).toEqual(['list:1', 'list:2', 'li*t:3', '{user}:1', 'é\r\n\0'].sort());
      expect(await all(neighbour, '*')).toMatchObject({ 'list:9': { tags: [] } });
    }
  });

  test('many entries come a few at a time, and a walk may be left', async () => {
    const cache = backend.cache({ ttl: 60 });
    const keys = Array.from({ length: 2_500 }, (_, n) => `k${n}`);
    await cache.setMany(keys.map((key) => ({ key, value: 'x'.repeat(5_000) })));
    const seen = new Set<string>();
    for await (const { key, state, size } of cache.entriesByPattern('*')) {
      expect([state, (size as number) > 5_000]).toEqual(['fresh', true]);
      seen.add(key);
    }
    expect(seen.size).toBe(keys.length);
    let count = 0;
    for await (const entry of cache.entriesByPattern('k*')) if (entry.state === 'fresh' && ++count === 3) break;
    expect(count).toBe(3);
    const [ones, twos, explanation] = await Promise.all([all(cache, 'k1*'), all(cache, 'k2*'), cache.explain('k7')]);
    expect([ones, twos].map((found) => Object.keys(found).length)).toEqual(['k1', 'k2'].map((start) => keys.filter((key) => key.startsWith(start)).length));
    expect(explanation).toMatchObject({ key: 'k7', state: 'fresh' });
  });

  test('headers of any length are read, and metrics and copies in memory are left alone', async () => {
    const cache = backend.cache({ ttl: 60, nearCache: { maxBytes: 1 << 20 } });
    const tags = Array.from({ length: 64 }, (_, n) => `${n}`.padEnd(900, 'x'));
    await cache.setWithTags('long', 1, { tags });
    await cache.set('k', 1);
    const before = CacheMetrics.snapshot();
    const found = await all(cache, '*');
    expect((found.long as { tags: string[] }).tags.sort()).toEqual([...tags].sort());
    expect(await cache.explain('long')).toMatchObject({ state: 'fresh' });
    expect(CacheMetrics.snapshot()).toEqual(before);
  });

  test('invalid arguments', async () => {
    const cache = backend.cache();
    await expect(cache.explain('')).rejects.toThrow(TypeError);
    expect(() => cache.entriesByPattern('')).toThrow(TypeError);
  });
});

/** What only a server can be made to hold. */
function onServers(name: string, specify: (backend: Backend) => void): void {
  onEveryStore(name, (backend) => {
    if (backend.kind !== 'memory') specify(backend);
    else test('there is no server', () => expect(backend.kind).toBe('memory'));
  });
}

onServers('explain, on servers', (backend) => {
  test('what hawser did not write, and what was damaged', async () => {
    const cache = backend.cache({ ttl: 60 });
    await raw(cache, 'SET', 'string', 'foreign');
    await raw(cache, 'SET', 'empty', '');
    await raw(cache, 'RPUSH', 'list', 1, 2);
    await cache.set('damaged', 'x'.repeat(100));
    await raw(cache, 'SETRANGE', 'damaged', 36, '!');
    await cache.set('cut', 'x'.repeat(100));
    await cache.set('persistent', 1);
    await raw(cache, 'PERSIST', 'persistent');
    expect(await cache.explain('string')).toEqual({ key: 'string', state: 'foreign', holds: 'string', endsIn: null, size: 7 });
    expect(await cache.explain('empty')).toEqual({ key: 'empty', state: 'foreign', holds: 'string', endsIn: null, size: 0 });
    expect(await cache.explain('list')).toEqual({ key: 'list', state: 'foreign', holds: 'another type', endsIn: null, size: null });
    expect(await cache.explain('damaged')).toMatchObject({ state: 'foreign', holds: 'damaged entry' });
    expect(await cache.explain('persistent')).toMatchObject({ state: 'expired', age: null, endsIn: null });
    expect(await all(cache, '*')).toMatchObject({ string: { state: 'foreign', size: 7, ttl: null }, list: { state: 'foreign', size: null }, damaged: { state: 'foreign' } });
    // The text of an entry that is no JSON.
    const value = String(await raw(cache, 'GET', 'cut'));
    await raw(cache, 'SET', 'cut', value.slice(0, -5), 'KEEPTTL');
    expect(await cache.explain('cut')).toMatchObject({ state: 'undecodable', ttl: 60 });
    expect(await cache.getOrSet('cut', () => 'replaced')).toBe('replaced');
  });

  test('a lease of another process', async () => {
    const cache = backend.cache({ ttl: 60 });
    const other = runNode(
      `const { CacheRepository, RedisManager } = require('./index.js');
       RedisManager.configure(${JSON.stringify(backend.place)});
       const cache = new CacheRepository(${JSON.stringify(cache.prefix)});
       (async () => {
         await cache.getOrSet('k', () => new Promise((resolve) => { const look = setInterval(async () => { if (await cache.has('go')) { clearInterval(look); resolve(1); } }, 10); }));
         await RedisManager.closeAll();
       })();`,
    );
    const found = await until(async () => {
      const explanation = await cache.explain('k');
      return explanation.state === 'loading' ? explanation : undefined;
    });
    expect(found).toMatchObject({ isCurrent: true, lease: { holder: 'another process', remaining: expect.any(Number) } });
    await cache.set('go', 1);
    expect((await other).code).toBe(0);
    expect(await cache.explain('k')).toMatchObject({ state: 'fresh' });
  });
});

onServer('explain, on a server', (backend) => {
  test('an entry of another reign of the server, after a real restart', async () => {
    await backend.reopen();
    const cache = backend.cache({ ttl: 600 });
    await cache.setWithTags('k', 1, { tags: ['t'] });
    await cache.set('plain', 1);
    const before = await cache.explain('k');
    await backend.server.command('SAVE');
    await backend.server.restart({ signal: 'SIGTERM' });
    const after = await until(async () => {
      const explanation = await cache.explain('k').catch(() => undefined);
      return explanation?.state === 'otherOrigin' ? explanation : undefined;
    });
    expect(after).toMatchObject({ tags: [{ tag: 't', state: 'otherOrigin' }], origin: { differs: true } });
    if (before.state !== 'fresh' || after.state !== 'otherOrigin') throw new Error(before.state);
    expect(after.origin.entry).toBe(before.origin.server);
    expect(after.origin.server).not.toBe(before.origin.server);
    expect(await all(cache, '*')).toMatchObject({ plain: { state: 'otherOrigin' } });
    // A fleet that trusts what a failover brings.
    await backend.reopen({ afterFailover: 'trust' });
    expect(await cache.explain('plain')).toMatchObject({ state: 'fresh', origin: { differs: false } });
  });

  test('nothing is written', async () => {
    const cache = backend.cache({ ttl: 60 });
    await cache.setMany([{ key: 'a', value: 1, tags: ['t'] }, { key: 'b', value: 2 }]);
    await cache.getOrSet('c', () => 3, { tags: ['t', 'u'] });
    const changes = async (): Promise<string> => (await backend.server.info('persistence')).rdb_changes_since_last_save;
    const before = await changes();
    const calls = await backend.server.countCommands(async () => {
      await cache.explain('a');
      await cache.explain('missing');
      await all(cache, '*');
    });
    // Redis 6.2 does not tell subcommands apart.
    const reads = new Set(['client', 'client|no-touch', 'time', 'get', 'getrange', 'strlen', 'pttl', 'scan', 'info', 'ping', 'config|resetstat']);
    expect(Object.keys(calls).filter((command) => !reads.has(command))).toEqual([]);
    expect(await changes()).toBe(before);
  });

  test('what is inspected looks as unused as before, where the server can do that', async () => {
    const cache = backend.cache({ ttl: 60 });
    await backend.server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu');
    await backend.server.command('CONFIG', 'SET', 'lfu-log-factor', '0');
    await cache.setWithTags('k', 1, { tags: ['t'] });
    const uses = async (): Promise<unknown[]> => [await backend.server.command('OBJECT', 'FREQ', `${cache.prefix}:k`), await backend.server.command('OBJECT', 'FREQ', `${cache.prefix}#v{:t}`)];
    const before = await uses();
    for (let n = 0; n < 5; n++) {
      await cache.explain('k');
      await all(cache, '*');
    }
    const knows = await backend.server.command('CLIENT', 'NO-TOUCH', 'OFF').then(() => true, () => false);
    const after = await uses();
    if (knows) expect(after).toEqual(before);
    else expect(after).not.toEqual(before);
    // The client's other commands count as before.
    await raw(cache, 'GET', 'k');
    expect(await uses()).not.toEqual(after);
    await backend.server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  });

  test('a user who may only read may inspect', async () => {
    const writer = backend.cache({ ttl: 60 });
    await writer.setWithTags('k', 1, { tags: ['t'] });
    await backend.server.command('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '+@read', '+info', '+ping', '+select');
    const url = new URL(backend.server.url);
    url.username = 'reader';
    url.password = 'secret';
    await backend.reopen({ url: url.href });
    const reader = new CacheRepository(writer.prefix, { ttl: 60 });
    expect(await reader.explain('k')).toMatchObject({ state: 'fresh', tags: [{ tag: 't', state: 'current' }] });
    expect(await all(reader, '*')).toMatchObject({ k: { state: 'fresh' } });
    await backend.server.command('ACL', 'SETUSER', 'reader', '-getrange', '-get');
    await expect(reader.explain('k')).rejects.toMatchObject({ code: 'E_REPLY', message: expect.stringContaining('NOPERM') });
    await backend.server.command('ACL', 'DELUSER', 'reader');
  });

  test('a server that is away or silent is an error within the time of a write', async () => {
    await backend.reopen({ cache: { writeTimeoutMs: 200 } });
    const cache = backend.cache();
    await cache.set('k', 1);
    backend.server.freeze();
    await expect(cache.explain('k')).rejects.toMatchObject({ code: 'E_TIMEOUT', command: 'explain' });
    backend.server.thaw();
    await until(async () => (await cache.explain('k')).state === 'fresh');
    await backend.server.kill();
    await expect(all(cache, '*')).rejects.toMatchObject({ code: 'E_TIMEOUT', command: 'entriesByPattern' });
    const waiting = cache.explain('k');
    await backend.server.launch();
    expect(await waiting).toMatchObject({ key: 'k' });
  });
});
