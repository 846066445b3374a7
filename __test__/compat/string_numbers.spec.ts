/** With `stringNumbers` every integer of a reply is text, whether the server sent it or the client counted. ioredis's replies are the specification. */
import { hasShards, RedisServer } from '../helpers/redis-server';
import { compareOn, type Make, type Scenarios } from './compare';
import { array, MockServer } from './mock-server';
import { hawser, ioredis, observe, outcome } from './peers';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

const KINDS = [
  ['subscribe', 'unsubscribe'],
  ['psubscribe', 'punsubscribe'],
  ...(hasShards() ? ([['ssubscribe', 'sunsubscribe']] as const) : []),
] as const;

function scenariosWith(options: object): Scenarios {
  const connect = (make: Make): any => make({ stringNumbers: true, ...options });
  return {
    ...Object.fromEntries(
      KINDS.map(([subscribe, unsubscribe]) => [
        `${subscribe} and ${unsubscribe}`,
        async (make: Make) => {
          const r = connect(make);
          return [await r[unsubscribe](), await r[unsubscribe]('a'), await r[subscribe]('a'), r.mode, await r[subscribe]('b', 'c'), await r[unsubscribe]('none'), await r[unsubscribe]('a', 'b'), await r[unsubscribe](), r.mode, await r[unsubscribe]()];
        },
      ]),
    ),
    'in a pipeline, by call, as Buffers and with a callback': async (make) => {
      const r = connect(make);
      return [
        await r.pipeline().subscribe('a', 'b').psubscribe('p*').punsubscribe('p*').unsubscribe('b').exec(),
        await r.call('UNSUBSCRIBE', 'a'),
        await r.callBuffer('subscribe', 'c'),
        await r.unsubscribeBuffer(),
        await new Promise((resolve) => r.unsubscribe((...args: unknown[]) => resolve(args))),
      ];
    },
    'after a new connection': async (make) => {
      const r = connect(make);
      const counts = [await r.subscribe('a', 'b')];
      const ready = new Promise((resolve) => r.once('ready', resolve));
      r.disconnect(true);
      await ready;
      return [...counts, await r.unsubscribe('a'), await r.unsubscribe(), r.mode, await r.unsubscribe()];
    },
    'in transactions and beside time-outs': async (make) => {
      const r = connect(make);
      return [
        await r.multi().incr('n').rpush('l', 1, 2).zadd('z', 1.5, 'a').zscore('z', 'a').exec(),
        await r.multi().incr('n').getBuffer('n').exec(),
        await r.multi({ pipeline: false }), await r.incr('n'), await r.exec(),
        await r.blpop('none', 0.01), await r.wait(0, 1), await r.select(0), await r.incrBuffer('n'), await r.brpoplpush('none', 'n', 0.01),
        await r.eval('return {1, {2, false}, redis.error_reply("E 3")}', 0).then((items: unknown[]) => items.map(observe)),
      ];
    },
    'of scripts and streams': async (make) => {
      const r = connect(make);
      r.defineCommand('count', { numberOfKeys: 1, lua: "return redis.call('incr', KEYS[1])" });
      const pages: unknown[] = [];
      await r.zadd('z', 1, 'a');
      for await (const page of r.zscanStream('z')) pages.push(page);
      return [await r.count('n'), await r.countBuffer('n'), await r.pipeline().count('n').exec(), pages, await outcome(r.xadd('s', '1-1', 'f', 'v')), await r.xread('STREAMS', 's', 0), await r.xlen('s')];
    },
  };
}

const ways = { RESP2: { protocol: 2 }, RESP3: { protocol: 3 }, 'replyMapping resp3': { replyMapping: 'resp3' } };

describe.each(Object.entries(ways))('%s:', (_, options) => {
  compareOn(() => server, scenariosWith(options));
});

// No command of a server sends all of these.
const replies = {
  'a boolean': '#t\r\n', 'a double': ',1.50\r\n', 'an infinite double': ',-inf\r\n', 'no number': ',nan\r\n', 'a big number': '(-12345678901234567890\r\n', 'an integer': ':-7\r\n', 'a large integer': ':9223372036854775807\r\n',
  'a map': '%2\r\n:1\r\n#f\r\n$1\r\nb\r\n,2\r\n', 'a set': '~2\r\n:1\r\n,2.0\r\n', 'an array': array(':1\r\n', '#f\r\n', ',2e10\r\n', '(5\r\n', '_\r\n'),
};

describe.each([{ replyMapping: 'legacy' }, { replyMapping: 'resp3' }])('$replyMapping:', (options) => {
  test.each(Object.entries(replies))('%s', async (_, bytes) => {
    const mock = await MockServer.start(({ name }) => (name === 'get' ? bytes : undefined));
    const run = async (Redis: any): Promise<unknown> => {
      const redis = new Redis({ port: mock.port, host: '127.0.0.1', stringNumbers: true, ...options });
      const seen = [await outcome(redis.get('a')), await outcome(redis.getBuffer('a')), await outcome(redis.pipeline().get('a').exec())];
      redis.disconnect();
      return seen;
    };
    const expected = await run(ioredis.Redis);
    expect(await run(hawser.Redis)).toEqual(expected);
    await mock.stop();
  });
});
