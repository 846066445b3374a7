/** Passwords appear nowhere: a walk through everything that can be printed, logged or sent, with passwords from every source. */
import * as diagnostics from 'node:diagnostics_channel';
import * as net from 'node:net';
import { inspect } from 'node:util';
import { CacheRepository, redisHealthCheck, RedisManager, PubSubService } from '../../lib/facade';
import { Redis } from '../../lib/client/redis';
import { Cluster } from '../../lib/cluster/cluster';
import { parseEndpoint } from '../../lib/manager/endpoint';
import { runNode } from '../helpers/process';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

/** Every form has a part that nothing else has. */
const SECRETS = ['Tr0ub4dor', 'p@s:w/rd%?#Tr0ub4dor', 'Tr0ub4dor "with\' \\ quotes', 'Tr0ub4dor-ünïcode-😀'];
const LEAK = /tr0ub4dor/i;

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
  await server.command('ACL', 'SETUSER', 'app', 'on', ...SECRETS.map((secret) => `>${secret}`), '~*', '&*', '+@all');
});
afterEach(() => RedisManager.closeAll());
afterAll(() => server.stop());

/** All that is visible of a value. */
function seen(...values: unknown[]): string {
  return values
    .flatMap((value) => [
      inspect(value), inspect(value, { depth: 5, showHidden: true }), inspect({ a: { b: value } }, { depth: 7 }), json(value),
      ...(value instanceof Error ? [String(value), value.stack, value.message, seen(value.cause)] : []),
    ])
    .join('\n');
}

function json(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '';
  }
}

/** Records what the process prints meanwhile. */
function watchConsole(): { readonly said: unknown[][]; restore(): void } {
  const said: unknown[][] = [];
  const spies = (['log', 'info', 'warn', 'error', 'debug'] as const).map((level) => jest.spyOn(console, level).mockImplementation((...line) => void said.push(line)));
  return { said, restore: () => spies.forEach((spy) => spy.mockRestore()) };
}

const SOURCES: [string, (secret: string, port: number) => Redis][] = [
  ['a URL', (secret, port) => new Redis(`redis://app:${encodeURIComponent(secret)}@127.0.0.1:${port}`, { lazyConnect: true })],
  ["a URL's query", (secret, port) => new Redis(`redis://127.0.0.1:${port}?username=app&password=${encodeURIComponent(secret)}`, { lazyConnect: true })],
  ['options', (password, port) => new Redis({ port, host: '127.0.0.1', username: 'app', password, lazyConnect: true })],
  ['options, RESP2', (password, port) => new Redis({ port, host: '127.0.0.1', username: 'app', password, protocol: 2, lazyConnect: true })],
  ['options that were changed', (password, port) => { const redis = new Redis({ port, host: '127.0.0.1', lazyConnect: true }); redis.options = { ...redis.options, username: 'app', password }; return redis; }],
  ['duplicate', (password, port) => new Redis({ port, host: '127.0.0.1', lazyConnect: true }).duplicate({ username: 'app', password })],
];
const EACH = SOURCES.flatMap(([name, make]) => SECRETS.map((secret) => [name, secret, make] as const));

/** Everything that can be reached from a client. */
const partsOf = (redis: Redis): unknown[] => [redis, redis.options, redis.connector, redis.pipeline().get('k'), redis.multi(), redis.scanStream(), redis.commandQueue, redis.offlineQueue];

test.each(EACH)('from %s (%s): a client that works', async (_name, secret, make) => {
  const redis = make(secret, server.port);
  const printed = watchConsole();
  const parts = seen(...partsOf(redis));
  await redis.connect();
  expect(await redis.acl('WHOAMI')).toBe('app');
  const connected = seen(...partsOf(redis), redis.duplicate({ lazyConnect: true }));
  const list = String(await redis.client('LIST'));
  printed.restore();
  expect([parts, connected, list, ...printed.said.map((line) => seen(line))].filter((text) => LEAK.test(text))).toEqual([]);
  expect(inspect(redis)).toMatch(/^Redis \{\s+status: 'ready',[^]*password: '\*\*\*'/);
  // The application still has what it gave.
  expect(redis.options.password).toBe(secret);
  expect({ ...redis.options }.password).toBe(secret);
  redis.disconnect();
});

test.each(EACH)('from %s (%s): a client that the server refuses', async (_name, secret, make) => {
  const redis = make(`${secret}-wrong`, server.port);
  const printed = watchConsole();
  redis.options.maxRetriesPerRequest = 0;
  const errors: unknown[] = [];
  redis.on('error', (error) => errors.push(error));
  errors.push(...(await Promise.all([redis.connect().catch((error: unknown) => error), redis.get('k').catch((error: unknown) => error)])));
  redis.disconnect();
  printed.restore();
  expect(errors.length).toBeGreaterThan(1);
  expect(seen(errors, ...errors)).toMatch(/WRONGPASS/);
  expect(seen(...errors, ...printed.said, ...partsOf(redis))).not.toMatch(LEAK);
});

test.each(SECRETS)('a Cluster and a client of Sentinel with %s', (secret) => {
  const cluster = new Cluster([`redis://app:${encodeURIComponent(secret)}@127.0.0.1:${server.port}`], { redisOptions: { username: 'app', password: secret }, lazyConnect: true });
  const sentinel = new Redis({ sentinels: [{ host: '127.0.0.1', port: server.port }], name: 'mymaster', password: secret, sentinelPassword: `${secret}-2`, lazyConnect: true });
  expect(seen(cluster, cluster.options, cluster.duplicate(), sentinel, sentinel.options, sentinel.connector)).not.toMatch(LEAK);
  expect([cluster.options.redisOptions!.password, sentinel.options.sentinelPassword]).toEqual([secret, `${secret}-2`]);
  cluster.disconnect();
  sentinel.disconnect();
});

test.each([
  ['redis://app:Tr0ub4dor@host:1/2', 'redis://***@host:1/2'],
  ['redis://app:p@Tr0ub4dor@host', 'redis://***@host'],
  ['redis://:p@s/Tr0ub4dor?#Tr0ub4dor@host', 'redis://***@host'],
  ['rediss+sentinel://app:my Tr0ub4dor@a:1,b:2/group', 'rediss+sentinel://***@a:1,b:2/group'],
  ['redis://app:Tr0ub4dor@a:1,redis://app:Tr0ub4dor@b:2', 'redis://***@b:2'],
  ['redis://host?password=my Tr0ub4dor&family=4', 'redis://host?password=***&family=4'],
  ['redis://host:1/2', 'redis://host:1/2'],
  ['somebody@host', 'somebody@host'],
])('a URL as an option shows no password, encoded or not: %s', (connectionName, shown) => {
  const { options } = new Redis({ connectionName, lazyConnect: true });
  expect(JSON.parse(JSON.stringify(options))).toMatchObject({ connectionName: shown });
  expect(options.connectionName).toBe(connectionName);
});

/** A server that repeats arguments, as old servers and proxies do: whole, or the last one cut short. */
function parrot(words: (args: string[]) => string): Promise<net.Server> {
  return new Promise((resolve) => {
    const listener = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => {
        for (const command of bytes.toString().split(/\*\d+\r\n/).slice(1)) socket.write(`-${words(command.split('\r\n').filter((_, i) => i % 2 === 1))}\r\n`);
      });
    });
    listener.listen(0, '127.0.0.1', () => resolve(listener));
  });
}

test.each([
  ['whole', (args: string[]) => `ERR unknown command '${args[0]}', with args beginning with: ${args.slice(1).map((arg) => `'${arg}'`).join(' ')}`],
  ['cut short', (args: string[]) => `ERR unknown command \`${args[0]}\`, with args beginning with: ${args.slice(1).map((arg) => `\`${arg.slice(0, 12)}`).join(', ')}`],
  ['in another sentence', (args: string[]) => `DENIED ${args.join('|')} is not allowed here`],
])('a server that repeats arguments, %s', async (_name, words) => {
  const listener = await parrot(words);
  const { port } = listener.address() as net.AddressInfo;
  for (const secret of SECRETS) {
    for (const protocol of [2, 3] as const) {
      const printed = watchConsole();
      const redis = new Redis({ port, host: '127.0.0.1', password: secret, protocol, maxRetriesPerRequest: 0, retryStrategy: () => null });
      const errors: unknown[] = [];
      redis.on('error', (error) => errors.push(error));
      errors.push(await redis.get('k').catch((error: unknown) => error));
      await until(() => redis.status === 'end');
      const unheard = new Redis({ port, host: '127.0.0.1', password: secret, protocol, retryStrategy: () => null });
      await until(() => unheard.status === 'end');
      printed.restore();
      expect(printed.said.length).toBeGreaterThan(0);
      expect(seen(...errors, ...printed.said)).not.toMatch(LEAK);
      expect(seen(...errors)).toMatch(/ERR unknown|DENIED/);
    }
  }
  await new Promise((resolve) => listener.close(resolve));
});

test('errors of commands that carry passwords do not show them', async () => {
  const redis = new Redis({ port: server.port, host: '127.0.0.1' });
  const [secret] = SECRETS;
  // Redis 8.2.3 answers only the first wrong password of a connection.
  const isAnswered = !(await redis.info('server')).includes('redis_version:8.2.');
  const more = [
    () => redis.hello(3, 'AUTH', 'app', `${secret}-no`),
    () => redis.pipeline().auth('app', `${secret}-no`).exec().then((outcomes) => Promise.reject(outcomes![0][0]!)),
  ];
  const failures = await Promise.all(
    [
      () => redis.auth('app', `${secret}-no`), () => redis.call('AUTH', 'a', secret, 'c'), () => redis.acl('SETUSER', 'x', `>${secret}`, 'nonsense'),
      () => redis.config('SET', 'requirepass', secret, 'nosuch', '1'), () => redis.migrate('127.0.0.1', 1, 'k', 0, 1, 'AUTH2', 'me', secret, 'KEYS'),
      ...(isAnswered ? more : []),
    ].map(async (run) => run().then(() => undefined, (error: unknown) => error)),
  );
  expect(failures.every((error) => error instanceof Error)).toBe(true);
  expect(seen(...failures)).not.toMatch(LEAK);
  // Others keep what ioredis shows.
  const error = await redis.config('SET', 'nosuch', 'value').catch((thrown: unknown) => thrown);
  expect((error as { command: unknown }).command).toEqual({ name: 'config', args: ['SET', 'nosuch', 'value'] });
  redis.disconnect();
});

test.each(SECRETS)('the manager with %s: log, figures, options for BullMQ, traces', async (secret) => {
  const printed = watchConsole();
  const lines: unknown[][] = [];
  const note = (...line: unknown[]): void => void lines.push(line);
  const traced: unknown[] = [];
  const channels = ['ioredis:command', 'ioredis:connect', 'ioredis:batch'].map((name) => diagnostics.tracingChannel<unknown, object>(name));
  const handlers = { start: (context: object) => void traced.push(context), end() {}, asyncStart() {}, asyncEnd() {}, error: (context: object) => void traced.push(context) };
  for (const channel of channels) channel.subscribe(handlers);
  const all: unknown[] = [];
  for (const password of [secret, `${secret}-wrong`]) {
    RedisManager.configure({ url: `redis://app:${encodeURIComponent(password)}@127.0.0.1:${server.port}`, logger: { debug: note, info: note, warn: note, error: note }, monitor: true, maxRetries: 0 });
    const [main, subscriber, publisher] = [await RedisManager.getMainClient(), await RedisManager.getSubscriberClient(), await RedisManager.getPublisherClient()];
    all.push(await redisHealthCheck(), await RedisManager.stats(), RedisManager.getBullMQConnection(), main, subscriber, publisher, RedisManager);
    all.push(await RedisManager.withConnection(async (redis) => [seen(redis, redis.options), await redis.get('k')]).catch((error: unknown) => error));
    const cache = new CacheRepository('passwords');
    all.push(cache, await cache.getOrSet('k', () => 1), await cache.set('k', 2).catch((error: unknown) => error), await PubSubService.initialize().catch((error: unknown) => error));
    // Both see what they were given.
    expect(RedisManager.getBullMQConnection().password).toBe(password);
    await RedisManager.closeAll();
    all.push(main, publisher);
  }
  for (const channel of channels) channel.unsubscribe(handlers);
  printed.restore();
  expect(lines.length).toBeGreaterThan(5);
  expect(traced.length).toBeGreaterThan(5);
  const found = [...all, ...lines, ...traced, ...printed.said].map((value) => seen(value)).filter((text) => LEAK.test(text));
  expect(found).toEqual([]);
});

test('settings that cannot be used', async () => {
  const [, secret] = SECRETS;
  const bad = [`redis://app:${secret}@127.0.0.1`, `redis://app:${encodeURIComponent(secret)}@127.0.0.1:99999`, `rediz://app:${encodeURIComponent(secret)}@127.0.0.1`, `redis://app:${encodeURIComponent(secret)}@127.0.0.1/x`, `redis://${encodeURIComponent(secret)}%@h`, `redis+sentinel://:${encodeURIComponent(secret)}@a:1`];
  const errors: unknown[] = [];
  for (const url of bad) {
    for (const attempt of [() => parseEndpoint(url, 'REDIS_URL'), () => new Redis(url, { lazyConnect: true }), () => new Redis({ lazyConnect: true, db: secret as never })]) {
      try {
        errors.push(attempt());
      } catch (error) {
        errors.push(error);
      }
    }
    RedisManager.configure({ url });
    errors.push(await RedisManager.getMainClient().catch((error: unknown) => error));
    await RedisManager.closeAll();
  }
  for (const options of [{ url: secret, logger: secret }, { redis: { password: secret } }, { connectionName: `${secret} \n` }, { [secret]: 1 }]) {
    try {
      RedisManager.configure(options as never);
    } catch (error) {
      // The name of an unknown option is not a value.
      if (!(secret in options)) errors.push(error);
    }
  }
  const leaked = errors.filter((error) => error instanceof Error && LEAK.test(seen(error)));
  expect(leaked).toEqual([]);
  for (const redis of errors) if (redis instanceof Redis) redis.disconnect();
});

test('DEBUG=ioredis:* and the defaults of a process', async () => {
  const [, secret] = SECRETS;
  const { stdout, stderr, code } = await runNode(
    `
    const { Redis, RedisManager, redisHealthCheck, CacheRepository } = require('hawser');
    (async () => {
      for (const password of [process.env.SECRET, process.env.SECRET + 'no']) {
        const redis = new Redis({ host: '127.0.0.1', port: process.env.REDIS_PORT, username: 'app', password, maxRetriesPerRequest: 0, retryStrategy: (times) => times < 3 ? 1 : null });
        await redis.get('k').catch(console.error);
        await redis.auth('app', password).catch(console.error);
        console.log(redis, redis.options, [redis], JSON.stringify(redis.options), \`\${JSON.stringify({ redis })}\`);
        redis.disconnect();
      }
      await redisHealthCheck().then(console.log);
      console.log(RedisManager.getBullMQConnection(), await RedisManager.stats());
      await new CacheRepository('p').getOrSet('k', () => 1);
      await RedisManager.closeAll();
    })();
    `,
    { env: { DEBUG: 'ioredis:*', SECRET: secret, REDIS_PORT: String(server.port), REDIS_URL: `redis://app:${encodeURIComponent(secret)}@127.0.0.1:${server.port}`, REDIS_MONITOR_ENABLED: 'true' } },
  );
  expect(code).toBe(0);
  expect(stderr).toContain('ioredis:');
  expect(stdout + stderr).not.toMatch(LEAK);
});
