/** If application code that nobody awaits throws or rejects, nothing else is affected. */
import { CacheRepository, PubSubService, RedisManager } from '../../lib/facade';
import * as clock from '../../lib/clock';
import { emitLater, guardedLogger } from '../../lib/guard';
import { runNode } from '../helpers/process';
import { serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';
import { EventEmitter } from 'node:events';

const WAYS: [name: string, fail: () => unknown][] = [
  ['throws', () => { throw new Error('of the application'); }],
  ['rejects', () => Promise.reject(new Error('of the application'))],
];

describe.each(WAYS)('application code that %s', (_name, fail) => {
  test('as a logger causes one process warning and no other harm', async () => {
    const told = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const logger = guardedLogger({ debug: fail, info: fail, warn: fail, error: fail });
    for (const level of ['debug', 'info', 'warn', 'error'] as const) logger[level]('a line', { more: 1 });
    await until(() => told.mock.calls.length > 0);
    expect(told).toHaveBeenCalledTimes(1);
    told.mockRestore();
  });

  test('as a listener is an uncaught exception, and the other listeners receive the event', async () => {
    const uncaught = jest.spyOn(clock, 'surface').mockImplementation(() => undefined);
    const heard: unknown[] = [];
    const emitter = new EventEmitter();
    emitter.on('event', fail).on('event', (value) => heard.push(value));
    emitLater(emitter, 'event', 5);
    await until(() => heard.length > 0 && uncaught.mock.calls.length > 0);
    expect(heard).toEqual([5]);
    uncaught.mockRestore();
  });
});

/** Runs in its own process and returns everything that reached the process. */
async function troubles(url: string, script: string): Promise<unknown> {
  const { stdout, stderr } = await runNode(
    `
    const { CacheRepository, PubSubService, RedisManager } = require('hawser');
    const seen = [];
    for (const name of ['unhandledRejection', 'uncaughtException']) process.on(name, (error) => seen.push(name + ': ' + error.message));
    process.on('warning', () => {});
    const boom = () => { throw new Error('boom'); };
    const reject = () => Promise.reject(new Error('boom'));
    (async () => {
      const results = [];
      ${script}
      for (let i = 0; i < 5; i++) await new Promise(setImmediate);
      await RedisManager.closeAll();
      for (let i = 0; i < 5; i++) await new Promise(setImmediate);
      console.log(JSON.stringify({ results, seen }));
    })();
    `,
    { env: { REDIS_URL: url, REDIS_RETRY_DELAY: '20' } },
  );
  expect(stderr.replace(/^.*Warning.*$|^\(Use .*$/gm, '').trim()).toBe('');
  return JSON.parse(stdout);
}

describe.each(['redis', 'memory'])('on %s', (kind) => {
  const server = kind === 'redis' ? serverForAll() : undefined;
  const url = (): string => server?.url ?? 'memory://';

  test.each(['boom', 'reject'])('reads, writes, refreshes and the bus work with a logger whose every line fails (%s)', async (fail) => {
    const found = await troubles(
      url(),
      `
      RedisManager.configure({ monitor: true, logger: { debug: ${fail}, info: ${fail}, warn: ${fail}, error: ${fail} } });
      const odd = { serialize: () => 'odd', deserialize: boom };
      const cache = new CacheRepository('failing', { staleAfter: 0, ttl: 60 });
      results.push(await cache.getOrSet('k', () => 1), await cache.getOrSet('k', boom));
      const unreadable = new CacheRepository('unreadable', { serializer: odd });
      await unreadable.set('k', 1);
      results.push(await unreadable.get('k'), await unreadable.getOrSet('k', () => 2), await unreadable.getMany(['k']));
      PubSubService.onInvalidation('boom', boom);
      PubSubService.onInvalidation('reject', reject);
      await PubSubService.initialize();
      await PubSubService.publish({ type: 'key', target: 'k' });
      results.push(await RedisManager.healthCheck());
      `,
    );
    expect(found).toEqual({ results: [1, 1, null, 2, [null], true], seen: [] });
  });

  test('the clock of memory:// may throw, reject or give something else', async () => {
    const found = await troubles(
      'memory://',
      `
      for (const clock of [boom, reject, () => ({ then: boom }), () => 'late']) {
        RedisManager.configure({ cache: { clock } });
        results.push(await new CacheRepository('timeless').getOrSet('k', () => 1));
        await RedisManager.closeAll();
      }
      `,
    );
    expect(found).toEqual({ results: [1, 1, 1, 1], seen: [] });
  });

  test('with a serializer that throws or returns promises, reads load and writes reject', async () => {
    const found = await troubles(
      url(),
      `
      RedisManager.configure({ logger: { debug() {}, info() {}, warn() {}, error() {} } });
      for (const deserialize of [boom, reject, () => ({ then: boom })]) {
        const cache = new CacheRepository('odd', { serializer: { serialize: JSON.stringify, deserialize } });
        await cache.set('k', 1);
        results.push(await cache.get('k'), await cache.getOrSet('k', () => 'loaded'), await cache.getOrSetMany(['k'], () => ({ k: 'many' })));
        const slow = () => new Promise((resolve) => setImmediate(resolve, 'joined'));
        results.push(await Promise.all([cache.getOrSet('cold' + results.length, slow), cache.getOrSet('cold' + results.length, slow)]));
      }
      const unwritten = new CacheRepository('unwritten', { serializer: { serialize: reject, deserialize: JSON.parse } });
      results.push(await unwritten.set('k', 1).catch((error) => error.code), await unwritten.getOrSet('k', () => 1).catch((error) => error.code));
      `,
    );
    const each = [null, 'loaded', ['many'], ['joined', 'joined']];
    expect(found).toEqual({ results: [...each, ...each, ...each, 'E_BAD_OPTION', 'E_BAD_OPTION'], seen: [] });
  });

  test('a function that may not be asynchronous and rejects is the caller\'s error alone', async () => {
    const found = await troubles(
      url(),
      `
      RedisManager.configure({ logger: { debug() {}, info() {}, warn() {}, error() {} } });
      const cache = new CacheRepository('asynchronous');
      for (const fail of [reject, () => ({ then: boom })]) {
        results.push(await cache.getOrSet('k', () => 1, { tagsFrom: fail }).catch((error) => error.code));
        results.push(await cache.getOrSetMany(['k'], () => ({ k: 1 }), { tagsFrom: fail }).catch((error) => error.code));
        results.push(await cache.getOrSetMany(['k'], () => ({ k: 1 }), { tags: fail }).catch((error) => error.code));
      }
      `,
    );
    expect(found).toEqual({ results: Array(6).fill('E_BAD_OPTION'), seen: [] });
  });
});

test('a failing listener of the bus is an event; a failing listener of that event is an uncaught exception, and the others still receive it', async () => {
  RedisManager.configure({ url: 'memory://', logger: { debug() {}, info() {}, warn() {}, error() {} } });
  const uncaught = jest.spyOn(clock, 'surface').mockImplementation(() => undefined);
  const told: unknown[] = [];
  const first = (): never => {
    throw new Error('first');
  };
  const second = (error: unknown): void => void told.push(error);
  PubSubService.on('listenerError', first);
  PubSubService.on('listenerError', second);
  const error = new Error('bus');
  PubSubService.onInvalidation('failing', () => Promise.reject(error));
  await PubSubService.initialize();
  await PubSubService.publish({ type: 'tags', target: 't' });
  await until(() => told.length > 0 && uncaught.mock.calls.length > 0);
  expect(told).toEqual([error]);
  PubSubService.off('listenerError', first);
  PubSubService.off('listenerError', second);
  PubSubService.offInvalidation('failing');
  uncaught.mockRestore();
  await RedisManager.closeAll();
  expect(new CacheRepository('x').prefix).toBe('x');
});
