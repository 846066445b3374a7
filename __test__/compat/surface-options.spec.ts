/** Forms of options that are rare or wrong, options that are changed later, and URLs: the same on both clients. */
import { once } from 'node:events';
import { serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';
import { compareOn, type Scenarios } from './compare';
import { hawser, ioredis } from './peers';

const server = serverForAll();

const compare = (scenarios: Scenarios): void => compareOn(() => server, scenarios);

describe('invalid options, as in ioredis:', () => {
  const forms: [string, object][] = [
    ['a port that is none', { port: 99999 }],
    ['a port that is no number', { port: 'abc' }],
    ['no port', { port: null }],
    ['a host that is no text', { host: {} }],
    ['a path that is no text', { path: 5 }],
    ['a certificate that is none', { tls: { cert: 'x', key: 'y' } }],
  ];
  test.each(forms)('%s: an error event, the same error for waiting commands, and the end', async (_name, options) => {
    const run = async (Redis: any): Promise<unknown> => {
      const redis = new Redis({ port: server.port, host: '127.0.0.1', ...options });
      const errors: unknown[] = [];
      redis.on('error', (error: any) => errors.push([error.name, error.code, error.message]));
      const lost = redis.get('a').catch((error: any) => [error.name, error.code, error.message]);
      const early = errors.length;
      await until(() => redis.status === 'end');
      return [early, errors, await lost];
    };
    const expected = await run(ioredis.Redis);
    expect(await run(hawser.Redis)).toEqual(expected);
  });

  compare({
    'arguments of a wrong type throw': (_make, Redis) =>
      [() => 1, true, 10n].map((argument) => {
        try {
          return new Redis(argument);
        } catch (error) {
          return error;
        }
      }),
    'texts, numbers and null as values of other types': async (make) => {
      const on = make({ connectionName: 5, lazyConnect: 'true', protocol: '2', stringNumbers: 1, disableClientInfo: 1, db: null, keyPrefix: null, path: '', host: null });
      const before = on.status;
      const [count, name, info] = await Promise.all([on.incr('a'), on.client('GETNAME'), on.client('INFO')]);
      return [before, count, name, /resp=(\d)/.exec(info)?.[1], /db=(\d)/.exec(info)?.[1], info.includes('lib-name=ioredis')];
    },
    'a password that is a number': async (make) => {
      await server.command('CONFIG', 'SET', 'requirepass', '1234');
      try {
        return await make({ password: 1234 }).ping();
      } finally {
        await server.command('CONFIG', 'SET', 'requirepass', '');
      }
    },
    'invalid delays': async (make) => {
      const attempts: number[] = [];
      for (const delay of [NaN, -5]) {
        const r = make({ port: 1, retryStrategy: (times: number) => (times < 3 ? delay : null) });
        await until(() => r.status === 'end');
        attempts.push(r.retryAttempts);
      }
      return attempts;
    },
    'forms of multi and pipeline': async (make) => {
      const r = make();
      return [
        await r.multi(null).set('a', 1).exec(),
        await r.multi({}).get('a').exec(),
        await r.pipeline('none').exec(),
        [await r.multi([['set', 'a', 1]], { pipeline: false }), await r.get('a'), await r.exec()],
      ];
    },
  });
});

describe('options that are changed later, as in ioredis:', () => {
  compare({
    'where and how a lazy client connects': async (make) => {
      const r = make({ lazyConnect: true, port: 1, retryStrategy: null });
      Object.assign(r.options, { port: server.port, connectionName: 'later', db: 3 });
      const [name, info] = await Promise.all([r.client('GETNAME'), r.client('INFO')]);
      return [name, /db=(\d)/.exec(info)?.[1]];
    },
    'a password that was renewed is sent by the next connection': async (make) => {
      await server.command('CONFIG', 'SET', 'requirepass', 'first');
      try {
        const r = make({ password: 'first', retryStrategy: () => 1 });
        await r.ping();
        await server.command('CONFIG', 'SET', 'requirepass', 'second');
        r.options.password = 'second';
        const again = once(r, 'ready');
        r.stream.destroy();
        await again;
        return [await r.ping(), r.events];
      } finally {
        await server.command('CONFIG', 'SET', 'requirepass', '');
      }
    },
    'connect() between two attempts': async (make) => {
      const r = make({ port: 1, retryStrategy: () => 60_000 });
      await until(() => r.status === 'reconnecting');
      r.options.port = server.port;
      await r.connect();
      return [r.status, await r.ping()];
    },
    'a changed option does not change the current database': async (make) => {
      const r = make({ retryStrategy: () => 1 });
      await r.select(2);
      await r.set('a', 'in 2');
      r.options.db = 3;
      const again = once(r, 'ready');
      r.stream.destroy();
      await again;
      return r.get('a');
    },
    keyPrefix: async (make) => {
      const r = make({ keyPrefix: 'p:' });
      await r.set('a', 1);
      r.options.keyPrefix = '';
      const found = await r.mget('a', 'p:a');
      r.options.keyPrefix = 'q:';
      await r.pipeline().set('b', 2).exec();
      return [found, (await r.keys('*')).sort(), r.duplicate({ lazyConnect: true }).options.keyPrefix];
    },
    'enableAutoPipelining and showFriendlyErrorStack': async (make) => {
      const r = make();
      r.options.enableAutoPipelining = true;
      const held = [r.get('a'), r.autoPipelineQueueSize];
      r.options.showFriendlyErrorStack = true;
      const theCaller = (): Promise<Error> => r.call('nosuch').catch((error: Error) => error);
      const { stack } = await theCaller();
      return [await held[0], held[1], stack?.includes('theCaller'), r.duplicate({ lazyConnect: true }).options.showFriendlyErrorStack];
    },
    'all of them at once': async (make) => {
      const r = make({ lazyConnect: true });
      r.options = { ...r.options, keyPrefix: 'x:' };
      await r.set('a', 1);
      return r.keys('*');
    },
  });
});

describe('URLs, as in ioredis:', () => {
  const urls = [
    'redis://h/1?db=2', 'redis://h?db=4&family=6', 'h?family=abc', 'redis://h:1?x=y&host=z&port=9', '/tmp/s.sock?db=2&x=1', '/tmp/a%20b.sock', 'h:1/s',
    'redis://u%40s:p%3Aw@H_1:7/3', 'redis://:p@h', 'redis://u@h', 'redis://u:@h', 'u:p@h:1', '//h:1/2', '[::1]:7?db=1', 'redis:///5', 'redis://h?name=a+b%20c', 'REDIS://h/2#x',
  ];
  compare({
    'the first value wins': (_make, Redis) =>
      urls.map((url) => {
        const { host, port, db, family, path, username, password, name, x } = new Redis(url, { lazyConnect: true }).options;
        return [url, host, port, db, family, path, username, password, name, x];
      }),
    'a URL behind a port': (_make, Redis) =>
      ['redis://h:1/2', '/tmp/s.sock', 'h', '10.0.0.1'].map((second) => {
        const { host, port, db, path } = new Redis(6380, second, { lazyConnect: true }).options;
        return [host, port, db, path];
      }),
  });
});
