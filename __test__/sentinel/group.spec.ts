/** What clients find under three real Sentinels: master, replicas, other Sentinels; and what Sentinels want of them: passwords, TLS. */
import { once } from 'node:events';
import { Redis, SentinelConnector } from '../../lib';
import { endsWithTest } from '../helpers/lifetimes';
import { runNode } from '../helpers/process';
import { SentinelGroup, type GroupOptions } from '../helpers/redis-sentinel';
import { until } from '../helpers/until';

jest.setTimeout(60_000);

const ends = endsWithTest();

/** A group for all tests of a `describe`. */
function groupForAll(options: GroupOptions = {}): () => SentinelGroup {
  let group: SentinelGroup;
  beforeAll(async () => {
    group = await SentinelGroup.start(options);
  });
  afterAll(() => group.stop());
  return () => group;
}

function connect(group: SentinelGroup, options: object = {}): Redis {
  const redis = ends(new Redis({ sentinels: group.addresses, name: group.name, ...options }));
  redis.on('error', () => undefined);
  return redis;
}

/** What a client tells until it has failed or is ready. */
function errorsOf(redis: Redis): string[] {
  const told: string[] = [];
  redis.on('sentinelError', (error: Error) => told.push(error.message));
  return told;
}

describe('a group without passwords', () => {
  const group = groupForAll();

  test('the master takes writes, and replicas are read', async () => {
    const master = connect(group());
    await master.set('a', 'b');
    expect(master.stream.remotePort).toBe((await group().master()).port);
    const replica = connect(group(), { role: 'slave' });
    await until(async () => (await replica.get('a')) === 'b');
    const ports = (await group().replicas()).map(({ port }) => port);
    expect(ports).toContain(replica.stream.remotePort);
    await expect(replica.set('a', 'c')).rejects.toThrow(/^READONLY/);
    expect(replica.status).toBe('ready');
  });

  test('a preferred replica is taken', async () => {
    for (const { port } of await group().replicas()) {
      const options = { role: 'slave', preferredSlaves: { ip: '127.0.0.1', port: String(port) } };
      expect(connect(group(), options).options.role).toBe('slave');
      const redis = connect(group(), options);
      await redis.ping();
      expect(redis.stream.remotePort).toBe(port);
    }
  });

  test('the other Sentinels are learned', async () => {
    class Curious extends SentinelConnector {
      get known(): string {
        return String(this.sentinelIterator);
      }
    }
    const [first] = group().addresses;
    // A Sentinel that its neighbour takes for dead at the moment, on a busy machine, is learned by the next client.
    await until(
      async () => {
        const redis = connect(group(), { sentinels: [first], Connector: Curious });
        await redis.ping();
        expect(redis.stream.remotePort).toBe((await group().master()).port);
        const connector = redis.connector as unknown as Curious;
        return until(() => group().addresses.every(({ port }) => connector.known.includes(String(port))), { deadlineMs: 1000 }).then(() => true, () => false);
      },
      { deadlineMs: 30_000, everyMs: 100 },
    );
  });

  test('a connector on its own opens a stream to the master', async () => {
    const connector = new SentinelConnector({ sentinels: group().addresses, name: group().name, role: 'master', disconnectTimeout: 100 });
    const stream = await connector.connect(() => undefined);
    await once(stream, 'connect');
    expect(stream.remotePort).toBe((await group().master()).port);
    expect([connector.check({ role: 'slave' }), connector.check({ role: 'master' })]).toEqual([false, true]);
    const closed = once(stream, 'close');
    connector.disconnect();
    await closed;
  });

  test('a name that the Sentinels do not know', async () => {
    const redis = connect(group(), { name: 'unknown', sentinelRetryStrategy: null, lazyConnect: true });
    const told = errorsOf(redis);
    await expect(redis.connect()).rejects.toThrow('All sentinels are unreachable and retry is disabled.');
    expect(told).toHaveLength(3);
  });

  test('dead and frozen Sentinels before the good one', async () => {
    const [frozen, dead] = group().sentinels;
    frozen?.server.freeze();
    const before = dead?.server;
    await before?.kill();
    try {
      const redis = connect(group());
      expect(await redis.ping()).toBe('PONG');
    } finally {
      frozen?.server.thaw();
      await before?.launch();
    }
  });

  test('quit and disconnect leave no connection to a Sentinel', async () => {
    const names = async (): Promise<number> => {
      const counts = await Promise.all(group().sentinels.map(async ({ server }) => (await server.clientIds('pubsub')).length));
      return counts.reduce((sum, count) => sum + count, 0);
    };
    const before = await names();
    const two = [connect(group(), { failoverDetector: true }), connect(group(), { failoverDetector: true })];
    await Promise.all(two.map((redis) => once(redis, 'failoverSubscribed')));
    expect(await names()).toBe(before + 6);
    await two[0]?.quit();
    two[1]?.disconnect();
    await until(async () => (await names()) === before);
  });
});

describe('a process', () => {
  const group = groupForAll({ sentinels: 2 });
  beforeAll(() => group().sentinels[0]?.server.freeze());
  afterAll(() => group().sentinels[0]?.server.thaw());

  test.each([
    ['quit', 'const redis = connect({ failoverDetector: true }); await redis.set("a", 1); await redis.quit();'],
    ['disconnect while it searches', 'const redis = connect({ name: "nobody" }); redis.ping().catch(() => {}); setTimeout(() => redis.disconnect(), 50);'],
    ['disconnect while it asks a Sentinel that hangs', 'const redis = connect({}); setImmediate(() => redis.disconnect());'],
    ['a lazy client that was never used', 'connect({ lazyConnect: true, failoverDetector: true });'],
    ['a search that gives up', 'connect({ name: "nobody", sentinelRetryStrategy: null, sentinelCommandTimeout: 100 });'],
    ['unref', 'const redis = connect({ failoverDetector: true }); await redis.ping(); redis.unref();'],
    ['unref while it searches', 'connect({ name: "nobody" }).unref();'],
  ])('ends by itself after %s', async (_, body) => {
    const sentinels = JSON.stringify(group().addresses);
    const script = `
      const { Redis } = require('hawser');
      const connect = (options) => new Redis({ sentinels: ${sentinels}, name: '${group().name}', ...options }).on('error', () => {});
      (async () => { ${body} })();`;
    const result = await runNode(script, { deadlineMs: 8000 });
    expect([result.code, result.timedOut, result.stderr]).toEqual([0, false, '']);
  });

  test('that exits in the tick of a command waits for its answer, but not for a server that is yet to be found', async () => {
    const script = `
      const { Redis } = require('hawser');
      const redis = new Redis({ sentinels: ${JSON.stringify(group().addresses)}, name: '${group().name}' });
      redis.set('never', 'sent');
      process.exit(4);`;
    const result = await runNode(script, { deadlineMs: 8000 });
    expect([result.code, result.timedOut, result.stderr]).toEqual([4, false, '']);
  });
});

describe('with passwords', () => {
  const group = groupForAll({
    password: 'of-the-data',
    sentinelPassword: 'of-the-sentinels',
    sentinelUsers: ['watcher on >of-the-watcher allchannels -@all +sentinel|get-master-addr-by-name +sentinel|sentinels +subscribe +hello +auth +client +ping'],
  });

  test('each side gets its own', async () => {
    const redis = connect(group(), { password: 'of-the-data', sentinelPassword: 'of-the-sentinels', failoverDetector: true });
    await once(redis, 'failoverSubscribed');
    expect(await redis.set('a', 1)).toBe('OK');
  });

  test('a user of the Sentinels may have few rights', async () => {
    const options = { password: 'of-the-data', sentinelUsername: 'watcher', sentinelPassword: 'of-the-watcher', failoverDetector: true };
    const redis = connect(group(), options);
    const told = errorsOf(redis);
    await once(redis, 'failoverSubscribed');
    expect(await redis.set('a', 1)).toBe('OK');
    expect(told).toEqual([]);
    const [sentinel] = group().sentinels;
    expect(String(await sentinel?.server.command('CLIENT', 'LIST', 'TYPE', 'pubsub'))).toContain('user=watcher');
  });

  test.each([[{}, 'NOAUTH'], [{ sentinelPassword: 'wrong' }, 'WRONGPASS']])('a Sentinel that refuses %j says why', async (options, code) => {
    const redis = connect(group(), { password: 'of-the-data', sentinelRetryStrategy: null, lazyConnect: true, ...options });
    const told = errorsOf(redis);
    await expect(redis.connect()).rejects.toThrow(new RegExp(`^All sentinels are unreachable and retry is disabled. Last error: ${code}`));
    expect(told).toHaveLength(3);
    expect(told.join()).not.toContain('wrong');
  });
});

describe('under TLS', () => {
  const group = groupForAll({ tls: true });

  test('Sentinels by sentinelTLS, the server by tls with enableTLSForSentinelMode', async () => {
    const { ca } = group();
    const redis = connect(group(), { sentinelTLS: { ca }, tls: { ca }, enableTLSForSentinelMode: true, failoverDetector: true });
    await once(redis, 'failoverSubscribed');
    expect(await redis.set('a', 1)).toBe('OK');
    expect('encrypted' in redis.stream).toBe(true);
    await group().failover();
    const next = await group().master();
    await until(() => redis.stream.remotePort === next.port && redis.status === 'ready', { deadlineMs: 20_000 });
    expect(await redis.set('a', 2)).toBe('OK');
  });

  test('rediss+sentinel:// asks for TLS on both sides', async () => {
    const { ca, addresses, name } = group();
    const url = `rediss+sentinel://${addresses.map(({ host, port }) => `${host}:${port}`).join(',')}/${name}/2`;
    const redis = ends(new Redis(url, { sentinelTLS: { ca }, tls: { ca } }));
    expect(await redis.set('a', 1)).toBe('OK');
    expect(['encrypted' in redis.stream, redis.options.db, redis.options.name]).toEqual([true, 2, name]);
    const plain = ends(new Redis(url.replace('rediss', 'redis'), { sentinelRetryStrategy: () => null, lazyConnect: true }));
    plain.on('error', () => undefined);
    await expect(plain.connect()).rejects.toThrow('All sentinels are unreachable');
  });

  test('an authority that is not known is refused', async () => {
    const redis = connect(group(), { sentinelTLS: {}, sentinelRetryStrategy: null, lazyConnect: true });
    const told = errorsOf(redis);
    await expect(redis.connect()).rejects.toThrow('All sentinels are unreachable');
    expect(told).toHaveLength(3);
  });
});
