/** What a client may see, and that a bad one costs itself only. Real sockets on `memory://`. */
import type * as http from 'node:http';
import * as net from 'node:net';
import { CacheRepository, invalidationStream, RedisManager, type InvalidationStreamOptions } from '../../lib/facade';
import { runNode } from '../helpers/process';
import { until as untilWithin, type UntilOptions } from '../helpers/until';
import { reader, serve } from './reading';

jest.setTimeout(60_000);

const until = <T>(condition: () => T | Promise<T>, options?: UntilOptions): Promise<NonNullable<T>> => untilWithin(condition, { deadlineMs: 20_000, ...options });

const errors: string[] = [];
let cache: CacheRepository;
beforeEach(() => {
  errors.length = 0;
  const silent = (): void => undefined;
  RedisManager.configure({ url: 'memory://', logger: { debug: silent, info: silent, warn: silent, error: (line: string) => void errors.push(line) } });
  cache = new CacheRepository('orders');
});
afterEach(() => RedisManager.closeAll());

const sockets: net.Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** A client that writes these bytes and reads only if it is told to. */
function rawClient(url: string, text: string, { reads = false } = {}): net.Socket {
  const socket = net.connect({ port: Number(new URL(url).port), host: '127.0.0.1' });
  sockets.push(socket);
  socket.on('error', () => undefined);
  socket.write(text);
  if (reads) socket.resume();
  return socket;
}

const GET = 'GET / HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n';

describe('a filter', () => {
  const companyOf = (tag: string, request: http.IncomingMessage): boolean => tag.startsWith(`company:${request.headers.company as string}:`);

  test('shows each client its own tags only', async () => {
    const url = await serve(invalidationStream(cache, { filter: companyOf, heartbeatMs: 20 }));
    const [one, two] = [reader(url, { headers: { company: '1' } }), reader(url, { headers: { company: '2' } })];
    await Promise.all([one.ready(), two.ready()]);
    await cache.invalidateTags(['company:1:orders', 'company:2:orders', 'company:11:orders']);
    await cache.delete('company:1:orders');
    await cache.invalidateTags(['company:1:end', 'company:2:end']);
    await Promise.all([one.sees('company:1:end'), two.sees('company:2:end')]);
    expect(one.seen).toEqual(['company:1:orders', 'company:1:end']);
    expect(two.seen).toEqual(['company:2:orders', 'company:2:end']);
    // What a client missed is filtered as well.
    const again = await reader(url, { headers: { company: '2', 'last-event-id': one.events[0].id } }).ready();
    expect(again.seen.every((tag) => tag.startsWith('company:2:'))).toBe(true);
    expect(again.body).not.toContain('company:1');
  });

  test.each<[string, unknown]>([
    ['throws', () => { throw new Error('broken'); }],
    ['returns a promise', async () => true],
    ['returns what is not true or false', () => 1],
  ])('that %s shows nothing, with one line in the log', async (_, filter) => {
    const url = await serve(invalidationStream(cache, { filter: filter as never, heartbeatMs: 20 }));
    const stream = await reader(url).ready();
    await cache.invalidateTags(['a', 'b']);
    await cache.clear();
    await stream.sees('reset:clear');
    expect(stream.seen).toEqual(['reset:clear']);
    expect(errors).toEqual([expect.stringContaining('options.filter shows no tag')]);
  });

  test('authorize refuses a connection, also if it fails', async () => {
    const url = await serve(invalidationStream(cache, { authorize: async (request: http.IncomingMessage) => {
      if (request.headers.user === 'broken') throw new Error('no session');
      return request.headers.user === 'me';
    } }));
    await reader(url, { headers: { user: 'me' } }).ready();
    expect((await fetch(url, { headers: { user: 'you' } })).status).toBe(403);
    expect((await fetch(url, { headers: { user: 'broken' } })).status).toBe(503);
  });
});

describe('a client', () => {
  test('that never reads gets no more than the bound, and is cut; others hear everything', async () => {
    const stream = invalidationStream(cache, { maxBufferedBytes: 20_000, slowTimeoutMs: 200, heartbeatMs: 20 });
    const url = await serve(stream);
    const good = await reader(url).ready();
    const bad = rawClient(url, GET);
    bad.pause();
    await until(() => stream.connections === 2);
    const before = process.memoryUsage().rss;
    const long = 'x'.repeat(1000);
    let sent = 0;
    await until(async () => {
      await cache.invalidateTags(Array.from({ length: 50 }, () => `${long}${sent++}`));
      return stream.connections === 1;
    }, { deadlineMs: 30_000, everyMs: 1, what: 'the end of a client that does not read' });
    await cache.invalidateTags(['end']);
    await good.sees('end');
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });

  test('that reads again is told to fetch everything', async () => {
    const stream = invalidationStream(cache, { maxBufferedBytes: 20_000, slowTimeoutMs: 60_000, heartbeatMs: 20 });
    const bad = rawClient(await serve(stream), GET);
    bad.pause();
    await until(() => stream.connections === 1);
    const long = 'x'.repeat(1000);
    for (let n = 0; n < 400; n++) await cache.invalidateTags(Array.from({ length: 50 }, (_, i) => `${long}${n}:${i}`));
    let text = '';
    bad.on('data', (data) => (text = (text + data.toString()).slice(-5_000)));
    bad.resume();
    await until(() => text.includes('"reason":"slow"'), { deadlineMs: 20_000 });
    await cache.invalidateTags(['after']);
    await until(() => text.includes('"after"'));
  });

  test('beyond the bound gets 503 with Retry-After, and a place that becomes free is given again', async () => {
    const stream = invalidationStream(cache, { maxConnections: 3, retryAfterSeconds: 7 });
    const url = await serve(stream);
    const readers = await Promise.all([1, 2, 3].map(() => reader(url).ready()));
    const refused = await fetch(url);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '7']);
    readers[0].close();
    await until(() => stream.connections === 2);
    await reader(url).ready();
  });

  test('that takes all places makes room for others', async () => {
    const stream = invalidationStream(cache, { maxConnections: 10, clientOf: (request: http.IncomingMessage) => request.headers.user as string });
    const url = await serve(stream);
    const greedy = await Promise.all(Array.from({ length: 10 }, () => reader(url, { headers: { user: 'greedy' } }).ready()));
    const others = await Promise.all(['a', 'b', 'c'].map((user) => reader(url, { headers: { user } }).ready()));
    expect(stream.connections).toBe(10);
    await until(() => greedy.filter(({ isOver }) => isOver).length === 3);
    expect(greedy.find(({ isOver }) => isOver)?.events.pop()?.data).toBe('{"reason":"replaced"}');
    expect((await fetch(url, { headers: { user: 'greedy' } })).status).toBe(503);
    await cache.invalidateTags(['t']);
    await Promise.all(others.map((other) => other.sees('t')));
  });

  test('that reconnects a thousand times leaves nothing behind', async () => {
    const stream = invalidationStream(cache, { heartbeatMs: 1_000 });
    const url = await serve(stream);
    const good = await reader(url).ready();
    for (let round = 0; round < 20; round++) {
      const many = Array.from({ length: 50 }, (_, n) => rawClient(url, GET.replace('\r\n\r\n', `\r\nLast-Event-ID: ${n}-${round}\r\n\r\n`), { reads: true }));
      await until(() => stream.connections > 40, { deadlineMs: 20_000 });
      for (const socket of many) socket.destroy();
      await until(() => stream.connections === 1, { deadlineMs: 20_000 });
    }
    await cache.invalidateTags(['t']);
    await good.sees('t');
    expect(good.seen).toEqual(['t']);
  });

  test('that sends garbage is refused by name, and others hear nothing of it', async () => {
    const stream = invalidationStream(cache);
    const url = await serve(stream);
    const good = await reader(url).ready();
    const said = async (path: string, headers = {}): Promise<unknown[]> => {
      const response = await fetch(url + path, { headers });
      return [response.status, ((await response.json()) as { message: string }).message];
    };
    expect(await said('', { 'last-event-id': 'garbage' })).toEqual([400, 'Last-Event-ID must be the id of an event of this stream']);
    expect(await said('', { 'last-event-id': `1-${'9'.repeat(5000)}` })).toEqual([400, 'Last-Event-ID must be the id of an event of this stream']);
    expect(await said('?lastEventId=%00')).toEqual([400, 'lastEventId must be the id of an event of this stream']);
    expect(await said('?age=-1')).toEqual([400, 'age must be a whole number of milliseconds']);
    const posted = await fetch(url, { method: 'POST', body: 'x' });
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET']);
    for (const text of ['\0\0\0', 'GET // HTTP/1.1\r\nHost: \xff\r\n\r\n', `${GET}garbage after it\r\n\r\n`, GET.repeat(3)]) rawClient(url, text, { reads: true });
    await cache.invalidateTags(['t']);
    await good.sees('t');
    for (const socket of sockets) socket.destroy();
    await until(() => stream.connections === 1);
  });
});

test('ids beyond those that there are mean that everything is fetched', async () => {
  const stream = await reader(await serve(invalidationStream(cache)), { headers: { 'last-event-id': '9999999999999999-0' } }).ready();
  expect(stream.seen).toEqual(['reset:cursor']);
});

test('a process that has made a handler, and used it, ends by itself', async () => {
  const { code, timedOut } = await runNode(`
    const { CacheRepository, RedisManager, invalidationStream } = require('hawser');
    RedisManager.configure({ url: 'memory://' });
    const stream = invalidationStream(new CacheRepository('a'));
    stream(new Request('http://x/')).then(async ({ body }) => { await body.getReader().read(); });
  `);
  expect([code, timedOut]).toEqual([0, false]);
});

test.each<[string, unknown, InvalidationStreamOptions]>([
  ['cache must be a CacheRepository, got undefined', undefined, {}],
  ['cache[1] must be a CacheRepository, got an object', [new CacheRepository('a'), {}], {}],
  ['cache must be a CacheRepository or an array of at least one, got an array', [], {}],
  ['options.filter must be a function, got a string', new CacheRepository('a'), { filter: 'x' as never }],
  ['options.maxConnections must be a whole number from 1 to 1000000, got 0', new CacheRepository('a'), { maxConnections: 0 }],
  ['options.heartbeatMs must be a number of milliseconds from 10 to 600000, got NaN', new CacheRepository('a'), { heartbeatMs: NaN }],
  ['options.filters is not an option; there are: filter, authorize, maxConnections, retryAfterSeconds, clientOf, heartbeatMs, maxBufferedBytes, slowTimeoutMs', new CacheRepository('a'), { filters: 1 } as never],
])('%s', (message, given, options) => {
  expect(() => invalidationStream(given as never, options)).toThrow(expect.objectContaining({ message, code: 'E_BAD_OPTION' }));
});

test('arguments of no framework are an error that says which it knows', async () => {
  await expect(invalidationStream(cache)({} as never, {} as never)).rejects.toThrow('must be called with request and response');
});
