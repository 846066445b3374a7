/** Several processes on one server: what one invalidates, clients of all others hear. And what it costs. */
import { invalidationStream, RedisManager } from '../../lib/facade';
import { JOURNAL_KEY } from '../../lib/stream/event';
import { onServer, type Backend } from '../cache/backends';
import { nowMs } from '../helpers/clock';
import { NodeProcess } from '../helpers/process';
import { until } from '../helpers/until';
import { reader, serve } from './reading';

jest.setTimeout(90_000);

const processes: NodeProcess[] = [];
afterEach(async () => {
  for (const process of processes.splice(0)) await process.kill();
});

/** A process that serves a stream of repository `orders` and invalidates what it reads on its standard input. */
async function instance(backend: Backend, { serves = true } = {}): Promise<{ url: string; invalidate(tag: string): void; process: NodeProcess }> {
  const process = new NodeProcess(
    `const { CacheRepository, RedisManager, invalidationStream } = require('hawser');
     const http = require('node:http');
     RedisManager.configure({ url: ${JSON.stringify(backend.server.url)} });
     const cache = new CacheRepository('orders');
     require('node:readline').createInterface({ input: process.stdin }).on('line', (tag) => cache.invalidateTags([tag]).then(() => console.log('done', tag)));
     if (${serves}) {
       const server = http.createServer(invalidationStream(cache));
       server.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port + '/'));
     } else {
       cache.get('none').then(() => console.log('http://none/'));
     }`,
    { deadlineMs: 80_000 },
  );
  processes.push(process);
  const url = await process.line(/^http/, { deadlineMs: 30_000 });
  return { url, process, invalidate: (tag) => process.send(tag) };
}

onServer('instances', (backend) => {
  test('each serves what any process invalidates, also one without a stream that came first', async () => {
    const worker = await instance(backend, { serves: false });
    const [one, two] = await Promise.all([instance(backend), instance(backend)]);
    const streams = await Promise.all([reader(one.url).ready(), reader(two.url).ready()]);
    worker.invalidate('by a worker');
    one.invalidate('by one');
    two.invalidate('by two');
    for (const stream of streams) await stream.sees('by a worker', 'by one', 'by two');
    // Now that it knows, at once.
    worker.invalidate('again');
    for (const stream of streams) await stream.sees('again');
    expect(streams.map(({ seen }) => seen.filter((name) => name.startsWith('reset')))).toEqual([[], []]);
  });

  test('a client goes on where it was on another instance, also when its own was killed', async () => {
    const [one, two] = await Promise.all([instance(backend), instance(backend)]);
    const first = await reader(one.url).ready();
    one.invalidate('a');
    await first.sees('a');
    await one.process.kill();
    await first.ends();
    two.invalidate('b');
    await two.process.line(/^done b/);
    const second = await reader(two.url, { headers: { 'last-event-id': first.cursor } }).ready();
    await second.sees('b');
    expect(second.seen).toEqual(['b']);
    const third = await instance(backend);
    const late = await reader(third.url, { headers: { 'last-event-id': first.cursor } }).ready();
    await late.sees('b');
    expect(late.seen).toEqual(['b']);
  });

  test('a journal that the server lost is a reset for everybody', async () => {
    const cache = backend.cache();
    const stream = await reader(await serve(invalidationStream(cache))).ready();
    await backend.server.command('FLUSHALL');
    await stream.sees('reset:gap');
    await cache.invalidateTags(['after']);
    await stream.sees('after');
    await backend.server.kill();
    await backend.server.launch();
    await until(() => stream.seen.filter((name) => name === 'reset:gap').length >= 2, { deadlineMs: 30_000 });
  });

  test('without a stream an invalidation sends what it always did, and leaves nothing', async () => {
    await backend.server.command('FLUSHALL');
    const cache = backend.cache();
    await cache.setWithTags('k', 1, { tags: ['a'] });
    await cache.get('none');
    // One tag, and the mark that says that any was invalidated.
    expect(await backend.server.countCommands(() => cache.invalidateTags(['a']))).toEqual({ pfcount: 2, del: 2 });
    expect(await backend.server.command('EXISTS', JOURNAL_KEY)).toBe(0);
  });

  test('with one, it costs one command more for any number of entries and tags, and the journal is bounded and ends by itself', async () => {
    const cache = backend.cache();
    await reader(await serve(invalidationStream(cache))).ready();
    await cache.invalidateTags(['warm']);
    const tags = Array.from({ length: 64 }, (_, n) => `t${n}`);
    const { xadd } = await backend.server.countCommands(() => cache.invalidateTags(tags));
    expect(xadd).toBe(1);
    await Promise.all(Array.from({ length: 12_000 }, (_, n) => cache.invalidateTags([`n${n}`])));
    await until(async () => Number(await backend.server.command('XLEN', JOURNAL_KEY)) > 9_000);
    expect(Number(await backend.server.command('XLEN', JOURNAL_KEY))).toBeLessThan(10_200);
    expect(Number(await backend.server.command('PTTL', JOURNAL_KEY))).toBeGreaterThan(0);
  });

  test('an invalidation that was delivered late is told when it took effect', async () => {
    const cache = backend.cache();
    const stream = await reader(await serve(invalidationStream(cache))).ready();
    await cache.invalidateTags(['before']);
    await stream.sees('before');
    backend.server.freeze();
    const failed = cache.invalidateTags(['while it was frozen']).catch((error: unknown) => error);
    expect(await failed).toMatchObject({ kept: true });
    backend.server.thaw();
    await stream.sees('while it was frozen');
    expect(stream.seen.filter((name) => name.startsWith('reset'))).toEqual([]);
  });

  test('what is under way when everything is closed opens no connection afterwards', async () => {
    const cache = backend.cache();
    await cache.get('none');
    await cache.invalidateTags(['asked for when it is closed']);
    backend.server.freeze();
    const failed = cache.invalidateTags(['t']).catch((error: unknown) => error);
    await RedisManager.closeAll({ timeoutMs: 400 });
    backend.server.thaw();
    await failed;
    const began = nowMs();
    await until(() => nowMs() - began > 2_500);
    // It would throw if anybody had used the manager meanwhile.
    RedisManager.configure({});
    expect(String(await backend.server.command('CLIENT', 'LIST'))).not.toContain('hawser:');
  });
}, { cache: { writeTimeoutMs: 500 } });
