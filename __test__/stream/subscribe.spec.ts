/** `subscribeInvalidations` against a real stream, with TanStack Query's oldest and newest version 5. */
import { QueryClient, QueryObserver, type QueryClient as Client } from '@tanstack/query-core';
import * as oldest from 'query-core-5.0';
import * as http from 'node:http';
import { subscribeInvalidations, type InvalidationOptions } from '../../lib/browser';
import { EventParser } from '../../lib/browser/event_parser';
import { CacheRepository, invalidationStream, RedisManager, type InvalidationStream } from '../../lib/facade';
import { until as untilWithin, type UntilOptions } from '../helpers/until';
import { serve } from './reading';

jest.setTimeout(60_000);

const until = <T>(condition: () => T | Promise<T>, options?: UntilOptions): Promise<NonNullable<T>> => untilWithin(condition, { deadlineMs: 20_000, ...options });

let cache: CacheRepository;
let stream: InvalidationStream;
let url: string;
const ends: (() => void)[] = [];
beforeEach(async () => {
  RedisManager.configure({ url: 'memory://' });
  cache = new CacheRepository('orders');
  stream = invalidationStream(cache, { heartbeatMs: 200 });
  url = await serve(stream);
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) end();
  await RedisManager.closeAll();
});

/** The part of the standard's class that is used, on fetch: Node 20 has none of its own. */
class NodeEventSource {
  readyState = 0;
  private readonly listeners = new Map<string, ((event: unknown) => void)[]>();
  private readonly abort = new AbortController();
  constructor(address: string, readonly init?: { withCredentials?: boolean }) {
    void this.read(address).catch(() => this.emit('error', {}));
  }
  private async read(address: string): Promise<void> {
    const response = await fetch(address, { signal: this.abort.signal });
    if (!response.ok || response.body === null) throw new Error('refused');
    this.emit('open', {});
    const parser = new EventParser();
    const decoder = new TextDecoder();
    for await (const chunk of response.body) {
      for (const { type, data, id } of parser.push(decoder.decode(chunk as Uint8Array, { stream: true }))) this.emit(type, { data, lastEventId: id });
    }
    throw new Error('ended');
  }
  private emit(type: string, event: unknown): void {
    for (const listener of this.listeners.get(type) ?? []) listener(event);
  }
  addEventListener(type: string, listener: (event: unknown) => void): void {
    this.listeners.set(type, [...(this.listeners.get(type) ?? []), listener]);
  }
  close(): void {
    this.readyState = 2;
    this.abort.abort();
  }
}

function subscribe(client: QueryClient | oldest.QueryClient, options: InvalidationOptions = {}, to = url): ReturnType<typeof subscribeInvalidations> {
  const unsubscribe = subscribeInvalidations(client, to, { minDelayMs: 10, maxDelayMs: 100, resetSpreadMs: 10, ...options });
  ends.push(unsubscribe);
  return unsubscribe;
}

interface Watched {
  readonly fetches: number;
}

describe.each<[string, { QueryClient: typeof QueryClient; QueryObserver: typeof QueryObserver }]>([
  ['newest', { QueryClient, QueryObserver }],
  ['5.0.0', oldest as never],
])('TanStack Query %s', (_, core) => {
  let client: Client;
  beforeEach(() => {
    client = new core.QueryClient();
    client.mount();
    ends.push(() => {
      client.unmount();
      client.clear();
    });
  });

  /** A query that something on the page shows. */
  async function shown(name: string, tags: string[] | undefined): Promise<Watched> {
    const watched = { fetches: 0 };
    const observer = new core.QueryObserver(client, { queryKey: [name], queryFn: () => ++watched.fetches, staleTime: Infinity, ...(tags ? { meta: { tags } } : {}) });
    ends.push(observer.subscribe(() => undefined));
    await until(() => watched.fetches === 1);
    return watched;
  }

  describe.each<InvalidationOptions['transport']>(['fetch', 'eventsource'])('with %s', (transport) => {
    const options = { transport, EventSource: NodeEventSource } as InvalidationOptions;

    test('invalidates the queries that carry a tag, once per burst', async () => {
      const [a, b, both, none] = await Promise.all([shown('a', ['a']), shown('b', ['b']), shown('both', ['a', 'b']), shown('none', undefined)]);
      const bursts: (readonly string[] | undefined)[] = [];
      const subscription = subscribe(client, { ...options, burstMs: 1_000, onInvalidate: (tags) => void bursts.push(tags) });
      await until(() => subscription.state === 'open');
      for (let n = 0; n < 50; n++) await cache.invalidateTags(['a', `other ${n}`]);
      await until(() => a.fetches === 2 && both.fetches === 2);
      expect(bursts).toHaveLength(1);
      await cache.invalidateTags(['b']);
      await until(() => b.fetches === 2 && both.fetches === 3);
      expect([a.fetches, none.fetches]).toEqual([2, 1]);
      subscription();
      expect(subscription.state).toBe('closed');
      await until(() => stream.connections === 0);
    });

    test('goes on where it was after its connection was lost', async () => {
      const a = await shown('a', ['a']);
      const states: string[] = [];
      const subscription = subscribe(client, { ...options, onState: (state) => void states.push(state), minDelayMs: 100 });
      await until(() => subscription.state === 'open');
      await cache.invalidateTags(['a']);
      await until(() => a.fetches === 2);
      stream.close();
      await until(() => subscription.state === 'waiting');
      await cache.invalidateTags(['a']);
      await until(() => a.fetches === 3);
      expect(states).toEqual(['connecting', 'open', 'waiting', 'connecting', 'open']);
    });

    test('fetches everything with tags if the server says so', async () => {
      const [a, b, none] = await Promise.all([shown('a', ['a']), shown('b', ['b']), shown('none', undefined)]);
      const subscription = subscribe(client, { ...options, cursor: '1700000000000-0' });
      await until(() => subscription.state === 'open' && a.fetches === 2 && b.fetches === 2);
      await cache.clear();
      await until(() => a.fetches === 3 && b.fetches === 3);
      expect(none.fetches).toBe(1);
    });
  });

  test('an answer that was on its way when its tag was invalidated is not the last word', async () => {
    let bursts = 0;
    const subscription = subscribe(client, { onInvalidate: () => bursts++ });
    await until(() => subscription.state === 'open');
    const answers: ((value: string) => void)[] = [];
    const observer = new core.QueryObserver(client, { queryKey: ['slow'], queryFn: () => new Promise<string>((resolve) => answers.push(resolve)), staleTime: Infinity, meta: { tags: ['s'] } });
    ends.push(observer.subscribe(() => undefined));
    const prefetched = client.prefetchQuery({ queryKey: ['prefetched'], queryFn: () => new Promise<string>((resolve) => answers.push(resolve)), staleTime: Infinity, meta: { tags: ['s'] } });
    await until(() => answers.length === 2);
    await cache.invalidateTags(['s']);
    await until(() => bursts === 1);
    for (const answer of answers.splice(0)) answer('old');
    await prefetched;
    await until(() => answers.length === 1);
    answers.pop()?.('new');
    await until(() => client.getQueryData(['slow']) === 'new');
    await until(() => client.getQueryState(['prefetched'])?.isInvalidated === true);
  });

  test('data from before the stream is brought up to date, whether it was there or is restored later', async () => {
    const a = await shown('a', ['a']);
    await cache.get('none');
    const first = subscribe(client);
    await until(() => first.state === 'open');
    first();
    await cache.invalidateTags(['a']);
    const second = subscribe(client);
    await until(() => a.fetches === 2);
    await until(() => second.state === 'open');
    client.setQueryData(['restored'], 1);
    const query = client.getQueryCache().find({ queryKey: ['restored'] });
    expect(query?.state.isInvalidated).toBe(false);
    client.getQueryCache().build(client, { queryKey: ['of yesterday'], queryHash: 'of yesterday', meta: { tags: ['a'] } }, { ...query!.state, data: 1, dataUpdatedAt: Date.now() - 86_400_000 });
    await until(() => client.getQueryCache().get('of yesterday')?.state.isInvalidated === true);
  });
});

test('sends headers and credentials, asks again for headers, waits as long as it is told, and says what fails', async () => {
  const seen: (string | undefined)[] = [];
  const errors: string[] = [];
  let token = 0;
  const server = http.createServer((request, response) => {
    seen.push(request.headers.authorization);
    if (seen.length === 1) response.writeHead(503, { 'retry-after': '0' }).end();
    else if (seen.length === 2) response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
    else if (seen.length === 3) response.writeHead(200, { 'content-type': 'text/event-stream' }).end('event: invalidate\ndata: {\n\n');
    else void stream(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => void server.close().closeAllConnections());
  const client = new QueryClient();
  const address = `http://127.0.0.1:${(server.address() as { port: number }).port}/x?secret=1`;
  const subscription = subscribe(client, { headers: () => ({ authorization: `Bearer ${++token}` }), credentials: 'include', onError: ({ message }) => void errors.push(message) }, address);
  await until(() => seen.length >= 4 && subscription.state === 'open');
  expect(seen.slice(0, 4)).toEqual(['Bearer 1', 'Bearer 2', 'Bearer 3', 'Bearer 4']);
  expect(errors).toEqual([
    expect.stringContaining('status 503'),
    expect.stringContaining('text/html instead of text/event-stream'),
    expect.stringContaining('an event invalidate whose data is not understood'),
    expect.stringContaining('ended'),
  ]);
  expect(errors.join()).not.toContain('secret');
});

test('a signal ends it', async () => {
  const abort = new AbortController();
  const subscription = subscribe(new QueryClient(), { signal: abort.signal });
  await until(() => stream.connections === 1);
  abort.abort();
  expect(subscription.state).toBe('closed');
  await until(() => stream.connections === 0);
});

const client = { invalidateQueries: () => undefined, getQueryCache: () => ({ getAll: () => [], subscribe: () => () => undefined }) };
test.each<[string, unknown, unknown, object]>([
  ['queryClient must be a QueryClient, got undefined', undefined, 'http://x/', {}],
  ['url must be a URL, got an empty string', client, '', {}],
  ['url must be an absolute URL where there is no page, got a string', client, '/api', {}],
  ['url must be a URL of http or https, got a string', client, 'redis://x/', {}],
  ['options.transport must be \'fetch\' or \'eventsource\', got a string', client, 'http://x/', { transport: 'websocket' }],
  ['options.EventSource must be a class where the platform has none, got undefined', client, 'http://x/', { transport: 'eventsource' }],
  ['options.headers must be absent with EventSource, which sends none, got an object', client, 'http://x/', { transport: 'eventsource', headers: {} }],
  ['options.cursor must be a cursor of the stream, got a string', client, 'http://x/', { cursor: 'garbage' }],
  ['options.burstMs must be a number of milliseconds from 0 to 3600000, got -1', client, 'http://x/', { burstMs: -1 }],
  ['options.burst is not an option; there are: transport, headers, credentials, fetch, EventSource, cursor, burstMs, resetSpreadMs, minDelayMs, maxDelayMs, hiddenMs, onInvalidate, onError, onState, signal', client, 'http://x/', { burst: 1 }],
])('%s', (message, queryClient, to, options) => {
  expect(() => subscribeInvalidations(queryClient as never, to as string, options)).toThrow(expect.objectContaining({ message, code: 'E_BAD_OPTION' }));
});
