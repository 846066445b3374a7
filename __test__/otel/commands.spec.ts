/** Commands as client spans by the database conventions, with OpenTelemetry's SDK, on a server and on a cluster. */
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { Cluster, Redis } from '../../lib';
import { HawserInstrumentation, registerHawserOtel } from '../../lib/otel';
import { clientsForTest, clusterForAll, endsWithTest, serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';
import { isChildOf, Sdk } from './sdk';

const server = serverForAll();
const clients = clientsForTest(() => ({ host: '127.0.0.1', port: server.port }));
const ends = endsWithTest();

let sdk: Sdk;
let instrumentation: HawserInstrumentation;
beforeAll(() => (sdk = new Sdk()));
afterAll(() => sdk.stop());
beforeEach(async () => {
  await server.command('FLUSHALL');
  sdk.reset();
  instrumentation = registerHawserOtel();
});
afterEach(() => instrumentation.disable());

/** Everything that a span shows. */
const shown = ({ name, attributes, status, events, links }: ReadableSpan): string => JSON.stringify({ name, attributes, status, events, links });

describe('a command', () => {
  test('is a client span with the attributes of the conventions, within the span of its caller', async () => {
    const redis = clients({ db: 2 });
    await redis.set('the-key', 'the-value');
    sdk.reset();
    await sdk.within(async (parent) => {
      expect(await redis.get('the-key')).toBe('the-value');
      const [span] = sdk.spans('get');
      expect(span.kind).toBe(SpanKind.CLIENT);
      expect(span.status.code).toBe(SpanStatusCode.UNSET);
      expect(isChildOf(span, parent)).toBe(true);
      expect(span.attributes).toEqual({
        'db.system.name': 'redis',
        'db.operation.name': 'get',
        'db.namespace': '2',
        'server.address': '127.0.0.1',
        'server.port': server.port,
        'network.transport': 'tcp',
        'network.peer.address': '127.0.0.1',
        'network.peer.port': server.port,
      });
    });
    expect(sdk.spans('get').map(({ instrumentationScope }) => instrumentationScope.name)).toEqual(['hawser/otel']);
  });

  test('that fails says so with the code of the server, and shows neither key nor value', async () => {
    const redis = clients();
    await redis.set('the-key', 'the-value');
    await expect(redis.lpush('the-key', 'the-value')).rejects.toThrow('WRONGTYPE');
    await expect(redis.call('the-command', 'the-key')).rejects.toThrow('unknown command');
    const [wrong] = sdk.spans('lpush');
    expect(wrong.status).toEqual({ code: SpanStatusCode.ERROR, message: 'WRONGTYPE' });
    expect(wrong.attributes).toMatchObject({ 'error.type': 'WRONGTYPE', 'db.response.status_code': 'WRONGTYPE' });
    expect(sdk.spans('the-command')[0].attributes).toMatchObject({ 'error.type': 'ERR', 'db.response.status_code': 'ERR' });
    expect(sdk.spans().map(shown).join()).not.toMatch(/the-key|the-value/);
  });

  test('that waits for the connection is a child of the span in which it was called, not of another one', async () => {
    const redis = clients({ lazyConnect: true });
    await sdk.within(async (parent) => {
      const [first, second] = [redis.get('a'), redis.incr('n')];
      await Promise.all([first, second]);
      expect([...sdk.spans('get'), ...sdk.spans('incr')].every((span) => isChildOf(span, parent))).toBe(true);
    });
  });

  test('that is never sent ends its span with the error', async () => {
    const redis = clients({ host: '127.0.0.1', port: 1, maxRetriesPerRequest: 0, retryStrategy: () => 10 });
    await expect(redis.get('k')).rejects.toThrow();
    const [span] = sdk.spans('get');
    expect(span.status.code).toBe(SpanStatusCode.ERROR);
    expect(span.attributes['error.type']).toBe('E_MAX_RETRIES');
    expect(span.attributes).not.toHaveProperty('db.response.status_code');
    const closed = clients();
    await closed.ping();
    closed.disconnect();
    await until(() => closed.status === 'end');
    await expect(closed.incr('k')).rejects.toThrow('Connection is closed');
    expect(sdk.spans('incr')[0].status.code).toBe(SpanStatusCode.ERROR);
  });

  test('of a script names the hash, and of an automatic pipeline is a span of its own', async () => {
    const redis = clients({ enableAutoPipelining: true });
    redis.defineCommand('twice', { numberOfKeys: 1, lua: 'return ARGV[1] * 2' });
    await sdk.within(async (parent) => {
      expect(await (redis as unknown as { twice(key: string, n: number): Promise<number> }).twice('the-key', 21)).toBe(42);
      await Promise.all([redis.get('a'), redis.get('b')]);
      expect(sdk.spans('get').filter((span) => isChildOf(span, parent))).toHaveLength(2);
    });
    const [script] = sdk.spans('evalsha');
    expect(script.attributes['db.stored_procedure.name']).toMatch(/^[0-9a-f]{40}$/);
    expect(shown(script)).not.toContain('the-key');
  });

  test('on a unix socket has its path as the address', async () => {
    const redis = clients({ path: server.path, host: undefined, port: undefined });
    await redis.get('k');
    expect(sdk.spans('get')[0].attributes).toMatchObject({ 'server.address': server.path, 'network.transport': 'unix' });
    expect(sdk.spans('get')[0].attributes).not.toHaveProperty('server.port');
  });

  test('with callbacks, wrapped by a tool, or with Buffers has one span each', async () => {
    const redis = clients();
    await new Promise((resolve) => void redis.set('k', 'v', resolve as never));
    await redis.getBuffer('k');
    const command = new Redis.Command('get', ['k'], { replyEncoding: 'utf8' });
    const resolve = command.resolve;
    command.resolve = (value) => resolve(value);
    expect(await redis.sendCommand(command)).toBe('v');
    expect(sdk.spans().map(({ name }) => name).sort()).toEqual(['get', 'get', 'set']);
  });
});

describe('a batch', () => {
  test('is one span: a pipeline, a transaction, of one command or of several', async () => {
    const redis = clients();
    await sdk.within(async (parent) => {
      await redis.pipeline().get('a').get('b').exec();
      await redis.pipeline().set('the-key', 'the-value').get('the-key').incr('n').exec();
      await redis.multi().incr('n').incr('n').exec();
      await redis.multi().set('the-key', 1).get('the-key').exec();
      await redis.pipeline().get('a').exec();
      const spans = sdk.spans();
      expect(spans.map(({ name, attributes }) => [name, attributes['db.operation.batch.size'] ?? null])).toEqual([
        ['PIPELINE get', 2], ['PIPELINE', 3], ['MULTI incr', 2], ['MULTI', 2], ['PIPELINE get', null],
      ]);
      for (const span of spans) {
        expect(span.kind).toBe(SpanKind.CLIENT);
        expect(span.attributes).toMatchObject({ 'db.system.name': 'redis', 'db.operation.name': span.name, 'db.namespace': '0', 'server.port': server.port });
        expect(isChildOf(span, parent)).toBe(true);
        expect(shown(span)).not.toMatch(/the-key|the-value/);
      }
    });
  });

  test('with a command that fails says why, and so does a transaction that is refused', async () => {
    const redis = clients();
    await redis.set('k', 'v');
    await redis.pipeline().get('k').lpush('k', 1).exec();
    await redis.multi().call('nothing').exec().catch(() => undefined);
    expect(sdk.spans('PIPELINE')[0].attributes['error.type']).toBe('WRONGTYPE');
    expect(sdk.spans('MULTI nothing')[0].status.code).toBe(SpanStatusCode.ERROR);
  });

  test('that is opened by hand is the spans of its commands', async () => {
    const redis = clients();
    await redis.multi({ pipeline: false });
    await redis.incr('n');
    await redis.exec();
    expect(sdk.spans().map(({ name }) => name)).toEqual(['multi', 'incr', 'exec']);
  });
});

describe('on a cluster', () => {
  const nodes = clusterForAll({ masters: 3, replicas: 0 });

  const cluster = (options: object = {}): Cluster => ends(new Cluster(nodes.masters.map(({ port }) => ({ host: '127.0.0.1', port })), options));
  const portOf = async (key: string): Promise<number> => (await nodes.ownerOf(nodes.slotOf(key))).port;

  test('a command is one span with the node that ran it, also the first one and one that is redirected', async () => {
    const client = cluster({ lazyConnect: true });
    await sdk.within(async (parent) => {
      await Promise.all(['a', 'b', 'c'].map((key) => client.set(key, 'v')));
      const spans = sdk.spans('set');
      expect(spans).toHaveLength(3);
      expect(spans.every((span) => isChildOf(span, parent))).toBe(true);
      expect(spans.map(({ attributes }) => attributes['server.port']).sort()).toEqual((await Promise.all(['a', 'b', 'c'].map(portOf))).sort());
    });
    const slot = nodes.slotOf('moving');
    const from = await portOf('moving');
    const target = nodes.masters.find(({ port }) => port !== from)!;
    await client.get('moving');
    sdk.reset();
    await nodes.moveSlot(slot, target);
    await client.get('moving');
    expect(sdk.spans('get').map(({ attributes }) => attributes['server.port'])).toEqual([target.port]);
  });

  test('a pipeline over several nodes is one span without a server, one within a node has it; a transaction is one span', async () => {
    const client = cluster();
    await client.ping();
    sdk.reset();
    await client.pipeline().set('a', 1).set('b', 1).set('c', 1).exec();
    await client.pipeline().set('{x}a', 1).set('{x}b', 1).exec();
    await client.multi().set('{x}a', 1).get('{x}a').exec();
    const [wide, narrow, multi] = sdk.spans();
    expect([wide.name, narrow.name, multi.name]).toEqual(['PIPELINE set', 'PIPELINE set', 'MULTI']);
    expect(wide.attributes).not.toHaveProperty('server.port');
    expect(narrow.attributes['server.port']).toBe(await portOf('{x}a'));
    expect(multi.attributes['server.port']).toBe(await portOf('{x}a'));
    expect(sdk.spans()).toHaveLength(3);
  });

  test('automatic pipelines keep the span of each caller', async () => {
    const client = cluster({ enableAutoPipelining: true });
    await sdk.within(async (parent) => {
      await Promise.all([client.get('a'), client.get('b')]);
      expect(sdk.spans('get').map((span) => isChildOf(span, parent))).toEqual([true, true]);
    });
  });
});

describe('metrics', () => {
  test('each command and batch is in db.client.operation.duration', async () => {
    const redis = clients();
    const points = (operation: string) => sdk.points('db.client.operation.duration', { 'db.operation.name': operation, 'server.port': server.port });
    const count = async (operation: string): Promise<number> => (await points(operation)).reduce((sum, { value }) => sum + (value as { count: number }).count, 0);
    const before = await count('strlen');
    await redis.strlen('k');
    await redis.strlen('k');
    await redis.pipeline().strlen('a').strlen('b').exec();
    expect(await count('strlen')).toBe(before + 2);
    expect(await count('PIPELINE strlen')).toBe(1);
    const [{ attributes, value }] = await points('strlen');
    expect(attributes).toMatchObject({ 'db.system.name': 'redis', 'db.namespace': '0', 'server.address': '127.0.0.1' });
    expect((value as { sum: number }).sum).toBeGreaterThan(0);
    expect((await sdk.collect()).get('db.client.operation.duration')!.descriptor).toMatchObject({ unit: 's', type: 'HISTOGRAM' });
  });
});

describe('the options', () => {
  test('dbStatementSerializer makes the text, without passwords, and an exception in it harms nobody', async () => {
    instrumentation.setConfig({ dbStatementSerializer: (name, args) => `${name} ${args.join(' ')}` });
    const redis = clients();
    await redis.set('k', 'v');
    await redis.call('AUTH', 'the-password').catch(() => undefined);
    await redis.pipeline().get('k').get('l').exec();
    expect(sdk.spans('set')[0].attributes['db.query.text']).toBe('set k v');
    expect(sdk.spans('AUTH')[0].attributes['db.query.text']).toBe('AUTH ***');
    expect(sdk.spans('PIPELINE get')[0].attributes['db.query.text']).toBe('get k\nget l');
    instrumentation.setConfig({
      dbStatementSerializer: () => {
        throw new Error('broken');
      },
    });
    expect(await redis.get('k')).toBe('v');
    expect(sdk.spans('get')[0].attributes).not.toHaveProperty('db.query.text');
  });

  test('requireParentSpan and commands: false make fewer spans', async () => {
    const redis = clients();
    await redis.ping();
    sdk.reset();
    instrumentation.setConfig({ requireParentSpan: true });
    await redis.get('k');
    expect(sdk.spans()).toEqual([]);
    await sdk.within(() => redis.get('k'));
    expect(sdk.spans('get')).toHaveLength(1);
    instrumentation.setConfig({ commands: false });
    await sdk.within(() => redis.get('k'));
    expect(sdk.spans('get')).toHaveLength(1);
  });
});

describe('the instrumentation', () => {
  test('is taken by registerInstrumentations, which gives it providers and stops it', async () => {
    instrumentation.disable();
    const own = new HawserInstrumentation({ enabled: false });
    const redis = clients();
    await redis.get('k');
    expect(sdk.spans()).toEqual([]);
    const other = new Sdk();
    try {
      const stop = registerInstrumentations({ instrumentations: [own], tracerProvider: other.tracers, meterProvider: other.meters });
      await redis.get('k');
      expect(sdk.spans()).toEqual([]);
      expect(other.spans('get')).toHaveLength(1);
      expect(await other.points('db.client.operation.duration')).toHaveLength(1);
      stop();
      await redis.get('k');
      expect(other.spans('get')).toHaveLength(1);
    } finally {
      own.disable();
      await other.meters.shutdown();
    }
    expect([own.instrumentationName, typeof own.instrumentationVersion]).toEqual(['hawser/otel', 'string']);
  });

  test('records nothing after disable, and goes on after enable', async () => {
    const redis = clients();
    await redis.ping();
    instrumentation.disable();
    sdk.reset();
    await redis.get('k');
    await redis.pipeline().get('k').exec();
    expect(sdk.spans()).toEqual([]);
    instrumentation.enable();
    await redis.get('k');
    expect(sdk.spans().map(({ name }) => name)).toEqual(['get']);
  });

  test('takes the place of another one', async () => {
    const second = registerHawserOtel();
    const redis = clients();
    await redis.get('k');
    expect(sdk.spans('get')).toHaveLength(1);
    second.disable();
    await redis.get('k');
    expect(sdk.spans('get')).toHaveLength(1);
  });
});
