/** Subscriptions, messages, scripts, prefixes, scan streams and monitors, as in ioredis. */
import { once } from 'node:events';
import { serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';
import { hawser, ioredis, observe, outcome } from './peers';

const server = serverForAll();

type Scenario = (make: (options?: object) => any, seen: (redis: any) => unknown[]) => unknown;

const MESSAGES = ['message', 'messageBuffer', 'pmessage', 'pmessageBuffer', 'smessage', 'smessageBuffer'];

function messages(redis: any): unknown[] {
  const all: unknown[] = [];
  for (const name of MESSAGES) redis.on(name, (...args: unknown[]) => all.push([name, ...args.map(observe)]));
  return all;
}

const reads = (redis: any): Promise<unknown[]> => {
  const pages: unknown[] = [];
  return new Promise((resolve, reject) => {
    redis.on('data', (page: unknown[]) => pages.push(...page));
    redis.on('end', () => resolve(pages.sort().map(observe)));
    redis.on('error', reject);
  });
};

const scenarios: Record<string, Scenario> = {
  'counts of subscriptions': async (make) => {
    const r = make();
    return [await r.subscribe('a'), await r.subscribe('b', 'c'), await r.psubscribe('p*'), await r.subscribe(['d', 'e']), await r.unsubscribe('a'), await r.unsubscribe('nope'), await r.punsubscribe('p*'), await r.unsubscribe('b', 'c', 'd'), await r.unsubscribe(), await r.unsubscribe(), await r.get('a')];
  },
  'messages of all kinds': async (make, seen) => {
    const r = make();
    const all = seen(r);
    const other = make();
    await r.subscribe('a', Buffer.from('b'));
    await r.psubscribe('p?');
    await r.ssubscribe('s');
    await other.publish('a', 'text');
    await other.publish('b', Buffer.from([255, 0]));
    await other.publish('p1', 'ż');
    await other.spublish('s', '');
    await until(() => all.length === 8);
    return all;
  },
  'subscribe with a callback': (make) => new Promise((resolve) => make().subscribe('a', 'b', (...args: unknown[]) => resolve(args))),
  'ordinary commands while subscribed': async (make) => {
    const r = make();
    await r.subscribe('a');
    return [r.mode, await outcome(r.get('x')), await outcome(r.ping()), await outcome(r.pipeline().get('x').exec()), await r.unsubscribe('a'), r.mode, await outcome(r.get('x'))];
  },
  'quit while subscribed': async (make) => {
    const r = make();
    await r.subscribe('a');
    return r.quit();
  },
  'subscriptions come back after a cut': async (make, seen) => {
    const r = make({ retryStrategy: () => 1, db: 1 });
    r.on('error', () => undefined);
    const all = seen(r);
    await r.select(2);
    await r.subscribe('a', 'b');
    await r.psubscribe('p*');
    await r.ssubscribe('s');
    const gone = once(r, 'reconnecting');
    r.disconnect(true);
    await gone;
    await until(async () => ((await server.command('PUBSUB', 'NUMSUB', 'a', 'b')) as unknown[]).join() === 'a,1,b,1' && (await server.command('PUBSUB', 'NUMPAT')) === 1);
    await until(async () => ((await server.command('PUBSUB', 'SHARDNUMSUB', 's')) as unknown[]).join() === 's,1');
    await server.command('PUBLISH', 'a', '1');
    await server.command('PUBLISH', 'pp', '2');
    await until(() => all.length === 4);
    return all;
  },
  'autoResubscribe off': async (make) => {
    const r = make({ retryStrategy: () => 1, autoResubscribe: false });
    await r.subscribe('a');
    const gone = once(r, 'reconnecting');
    r.disconnect(true);
    await gone;
    return [await r.ping(), await server.command('PUBSUB', 'NUMSUB', 'a')];
  },
  'subscribe without a channel': async (make) => outcome(make().subscribe()),
  'subscribe with a prefix': async (make, seen) => {
    const r = make({ keyPrefix: 'p:' });
    const all = seen(r);
    await r.subscribe('a');
    await r.ssubscribe('s');
    return [await server.command('PUBSUB', 'CHANNELS'), await server.command('PUBSUB', 'SHARDCHANNELS'), await make({ keyPrefix: 'p:' }).publish('a', '1'), await until(() => all.length === 2), all];
  },
  'subscribe in a pipeline': async (make) => {
    const r = make();
    return [await r.pipeline().subscribe('a', 'b').psubscribe('c').unsubscribe('a').exec()];
  },
  'a subscription that waits for the connection': async (make) => Promise.all(((r) => [r.subscribe('a'), r.psubscribe('b')])(make())),

  'scripts': async (make) => {
    const r = make({ keyPrefix: 'p:', scripts: { fixed: { lua: 'return {KEYS[1], ARGV[1]}', numberOfKeys: 1 } } });
    r.defineCommand('free', { lua: 'return {KEYS[1] or "none", ARGV[1] or "none"}' });
    r.defineCommand('bad', { lua: 'return redis.error_reply("MINE " .. ARGV[1])', numberOfKeys: 0 });
    return [
      await r.fixed('k', 'a'), await r.fixed('k', 'b'), await r.fixedBuffer('k', Buffer.from([255])), await r.free(0, 'x'), await r.free(1, 'k', 'x'), await r.fixed(['k', 'list']), await outcome(r.bad('x')), await outcome(r.bad('y')),
      await r.free([2, 'k', 'l', 3]), await r.fixed('k', undefined), await outcome(r.free()), typeof r.fixed, r.fixed === r.fixed,
    ];
  },
  'a script that the server has forgotten': async (make) => {
    const r = make();
    r.defineCommand('one', { lua: 'return ARGV[1]', numberOfKeys: 0 });
    const seen = [await r.one('a'), await r.one('b')];
    await server.command('SCRIPT', 'FLUSH');
    seen.push(await r.one('c'), await r.one('d'));
    await server.command('SCRIPT', 'FLUSH');
    seen.push(await r.pipeline().one('e').one('f').exec(), await r.one('g'));
    await server.command('SCRIPT', 'FLUSH');
    return [seen, await outcome(r.multi().one('h').exec()), await r.one('i')];
  },
  'a script with a callback': (make) =>
    new Promise((resolve) => {
      const r = make();
      r.defineCommand('one', { lua: 'return ARGV[1]', numberOfKeys: 0 });
      r.one('a', (...first: unknown[]) => r.oneBuffer('b', (...second: unknown[]) => resolve([first, observe(second)])));
    }),
  'eval and evalsha by hand': async (make) => {
    const r = make({ keyPrefix: 'p:' });
    const sha = await r.script('LOAD', 'return KEYS[1]');
    return [sha, await r.evalsha(sha, 1, 'k'), await r.evalsha(sha, [1, 'k']), await r.eval('return KEYS', 2, 'a', 'b', 'c'), await outcome(r.evalsha('0'.repeat(40), 0)), await r.call('EVALSHA', sha, '1', 'k')];
  },

  'key prefixes by the command table': async (make) => {
    const r = make({ keyPrefix: 'p:' });
    await r.mset('a', '1', 'b', '2');
    await r.set(Buffer.from('buf'), 'x');
    await r.hset('h', 'f', 'v');
    await r.zadd('z', 1, 'm');
    await r.zunionstore('zu', 2, 'z', 'z2', 'WEIGHTS', 1, 2);
    await r.xadd('s', '1-1', 'f', 'v');
    await r.xgroup('CREATE', 's', 'g', '0');
    await r.rpush('l', 2, 1);
    await r.sort('l', 'BY', 'w*', 'GET', 'o*', 'GET', '#', 'STORE', 'sorted');
    await r.call('SET', 'upper', '1');
    await r.rename('a', 'c');
    const keys = ((await server.command('KEYS', '*')) as string[]).sort();
    return [keys, await r.keys('*').then((k: string[]) => k.sort()), await r.xread('STREAMS', 's', '0'), await r.object('ENCODING', 'c'), await r.getBuffer('buf'), await r.mget(['b', 'c']), await r.scan(0, 'MATCH', 'p:z*').then((x: any) => x[1].sort()),
      await r.eval('return KEYS[1]', 1, 'k'), await r.exists('c', 'b'), await r.memory('USAGE', 'c').then((x: any) => typeof x), await r.lmpop(1, 'l', 'LEFT'), await r.sintercard(1, 'nope'), await outcome(r.migrate('h', 1, 'x', 0, 1))];
  },

  'scan streams': async (make) => {
    const r = make({ keyPrefix: '' });
    for (let i = 0; i < 30; i++) await r.multi().set(`k${i}`, i).hset('h', `f${i}`, i).sadd('s', i).zadd('z', i, `m${i}`).exec();
    return [
      await reads(r.scanStream()), await reads(r.scanStream({ match: 'k1*', count: 5 })), await reads(r.scanStream({ type: 'hash' })), await reads(r.scanBufferStream({ match: 'k2*' })), await reads(r.hscanStream('h', { match: 'f1*' })),
      await reads(r.sscanStream('s')), await reads(r.zscanStream('z', { count: 3 })), await reads(r.hscanBufferStream('h', { match: 'f3' })), await outcome(reads(r.hscanStream('k1'))), r.scanStream().constructor.name, r.scanStream({ highWaterMark: 3 }).readableHighWaterMark,
    ];
  },
  'a scan stream that is closed': async (make) => {
    const r = make();
    for (let i = 0; i < 100; i++) await r.set(`k${i}`, i);
    const stream = r.scanStream({ count: 10 });
    let pages = 0;
    stream.on('data', () => {
      pages++;
      stream.close();
    });
    await once(stream, 'end');
    return pages;
  },

  'a monitor': async (make) => {
    const r = make();
    // The handshake of `r` must not be among the lines.
    await r.ping();
    const monitor = await r.monitor();
    const lines: unknown[] = [];
    monitor.on('monitor', (time: string, args: string[], source: string, database: string) => lines.push([/^\d+\.\d+$/.test(time), args, /^127\.0\.0\.1:\d+$/.test(source), database]));
    await r.set('a', 'b "quoted" c');
    await r.select(3);
    await r.get('a');
    await until(() => lines.length >= 3);
    const refused = await outcome(monitor.get('a'));
    const seen = [lines, monitor.status, monitor.mode, refused];
    monitor.disconnect();
    return seen;
  },
  'bookkeeping': (make) => {
    const r = make({ lazyConnect: true });
    return [r.getBuiltinCommands().includes('monitor'), r.getBuiltinCommands().includes('sentinel'), Object.keys(r.createBuiltinCommand('x')), r.isCluster, r.mode, r.autoPipelineQueueSize, r.set === make({ lazyConnect: true }).set, 'masters' in r, 'scanIterator' in r, 'pSubscribe' in r, 'runCommand' in r];
  },
  'a command added at run time': async (make) => {
    const r = make();
    r.addBuiltinCommand('object');
    r.addBuiltinCommand('nosuch');
    return [await outcome(r.nosuch('a')), await outcome(r.pipeline().nosuch('b').exec()), typeof r.nosuchBuffer];
  },
  'auto pipelining': async (make) => {
    const r = make({ enableAutoPipelining: true, autoPipeliningIgnoredCommands: ['ping'] });
    return [await Promise.all([r.set('a', 1), r.get('a'), r.incr('a'), outcome(r.lpush('a', 1)), r.getBuffer('a'), r.call('echo', 'x'), r.hgetall('h')]), await new Promise((resolve) => r.incr('a', (...args: unknown[]) => resolve(args)))];
  },
  'reconnectOnError': async (make) => {
    const verdicts: unknown[] = [];
    const seen: unknown[] = [];
    for (const verdict of [false, true, 1, 2, 0]) {
      let asked = 0;
      const r = make({ retryStrategy: () => 1, reconnectOnError: (error: Error) => (verdicts.push(error.message), asked++ === 0 ? verdict : false) });
      const events: string[] = [];
      r.on('reconnecting', () => events.push('reconnecting'));
      await r.ping();
      await r.select(1);
      seen.push([await outcome(r.call('set', 'x')), await r.ping(), events, asked]);
    }
    return [verdicts, seen];
  },
};

async function run(peer: typeof ioredis, scenario: Scenario, options: object): Promise<unknown> {
  await server.command('FLUSHALL');
  await server.command('SCRIPT', 'FLUSH');
  const made: any[] = [];
  const make = (more: object = {}): any => {
    const redis = new peer.Redis({ port: server.port, ...options, ...more });
    made.push(redis);
    return redis;
  };
  const seen = await outcome((async () => scenario(make, messages))());
  for (const redis of made) if (redis.status !== 'end') redis.disconnect();
  await until(() => made.every((redis) => redis.status === 'end'));
  return seen;
}

describe.each([['RESP3', {}], ['RESP2', { protocol: 2 }]])('with %s, as in ioredis:', (_, options) => {
  test.each(Object.entries(scenarios))('%s', async (_name, scenario) => {
    const expected = await run(ioredis, scenario, options);
    expect(await run(hawser, scenario, options)).toEqual(expected);
  });
});

// ioredis writes a broken command here.
test('hawser: a Buffer prefix is added to text keys', async () => {
  await server.command('FLUSHALL');
  const redis: any = new hawser.Redis(server.port, { keyPrefix: Buffer.from([255, 58]) as never });
  await redis.mset('a', 1, Buffer.from('b'), 2);
  expect(await redis.mget('a', 'b')).toEqual(['1', '2']);
  expect(((await server.commandBuffer('KEYS', '*')) as Buffer[]).map((key) => key.toString('latin1')).sort()).toEqual(['ÿ:a', 'ÿ:b']);
  redis.disconnect();
});
