import { application, withServer } from './programs';

const context = withServer();

test('@opentelemetry/instrumentation-ioredis finds the client and makes a span for every command', async () => {
  const result = await application(
    context.server,
    `
    const { SpanStatusCode, trace } = require('@opentelemetry/api');
    const { registerInstrumentations } = require('@opentelemetry/instrumentation');
    const { IORedisInstrumentation } = require('@opentelemetry/instrumentation-ioredis');
    const { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-node');
    const exporter = new InMemorySpanExporter();
    const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    provider.register();
    const replies = [];
    const instrumentation = new IORedisInstrumentation({ responseHook: (span, name, args, reply) => replies.push([name, String(reply)]) });
    registerInstrumentations({ instrumentations: [instrumentation] });
    // The hook patches modules that are loaded from now on.
    for (const name of Object.keys(require.cache)) if (/node_modules[\\\\/]ioredis/.test(name) && !name.endsWith('.node')) delete require.cache[name];
    const Traced = require('ioredis');
    const parent = trace.getTracer('test').startSpan('parent');
    const context = trace.setSpan(require('@opentelemetry/api').context.active(), parent);
    await require('@opentelemetry/api').context.with(context, async () => {
      const redis = new Traced({ host: '127.0.0.1', port });
      await redis.set('key', 'secret');
      await redis.get('key');
      await redis.lpush('key', 1).catch(() => {});
      await redis.pipeline().get('key').incr('n').exec();
      await redis.multi().get('key').incr('n').exec();
      redis.defineCommand('twice', { numberOfKeys: 1, lua: 'return ARGV[1] * 2' });
      await redis.twice('key', 21);
      await redis.quit();
    });
    parent.end();
    const spans = exporter.getFinishedSpans().filter(({ name }) => name !== 'parent');
    report({
      names: spans.map(({ name }) => name),
      operations: spans.map(({ attributes }) => attributes['db.operation.name'] ?? null),
      statement: spans.find(({ name }) => name === 'set').attributes['db.query.text'] ?? spans.find(({ name }) => name === 'set').attributes['db.statement'],
      errors: spans.filter(({ status }) => status.code === SpanStatusCode.ERROR).map(({ name, status }) => [name, status.message]),
      areChildren: spans.every((span) => span.spanContext().traceId === parent.spanContext().traceId),
      replies,
    });
    instrumentation.disable();
    await provider.shutdown();`,
  );
  const operations = ['set', 'get', 'lpush', 'PIPELINE get', 'PIPELINE incr', 'multi', 'MULTI get', 'MULTI incr', 'exec', 'evalsha', 'quit'];
  const { replies, ...rest } = result as { replies: string[][] };
  expect(rest).toEqual({
    names: ['connect', ...operations.map((name) => name.split(' ').at(-1))],
    operations: [null, ...operations],
    statement: 'set key [1 other arguments]',
    errors: [['lpush', 'WRONGTYPE Operation against a key holding the wrong kind of value']],
    areChildren: true,
  });
  expect(replies).toEqual(expect.arrayContaining([['set', 'OK'], ['get', 'secret'], ['incr', '1'], ['get', 'QUEUED'], ['exec', 'secret,2'], ['quit', 'OK']]));
  expect(replies).toHaveLength(10);
});
