/** Hono serves a stream: with a web `Request`, with its context, and on a real server of Node. */
import { serve, type ServerType } from '@hono/node-server';
import { Hono } from 'hono';
import type { AddressInfo } from 'node:net';
import { CacheRepository, invalidationStream, RedisManager } from '../../lib/facade';
import { until } from '../helpers/until';
import { reader } from './reading';

jest.setTimeout(60_000);

let server: ServerType | undefined;
beforeEach(() => RedisManager.configure({ url: 'memory://' }));
afterEach(async () => {
  await RedisManager.closeAll();
  server?.close();
});

test('a route gives the request or its context, and a client that leaves frees its place', async () => {
  const cache = new CacheRepository('orders');
  const stream = invalidationStream(cache, {
    filter: (tag, request: Request, context) => {
      const company = (context as { get(name: string): string } | undefined)?.get('company') ?? request.headers.get('company');
      return tag.startsWith(`company:${company}:`);
    },
  });
  const app = new Hono<{ Variables: { company: string } }>();
  app.use(async (c, next) => {
    c.set('company', c.req.header('company') ?? '');
    await next();
  });
  app.get('/request', (c) => stream(c.req.raw));
  app.get('/context', (c) => stream(c));
  server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
  await until(() => (server?.address() as AddressInfo | null) !== null);
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const readers = await Promise.all(['/request', '/context'].map((path) => reader(base + path, { headers: { company: '1' } }).ready()));
  await cache.invalidateTags(['company:2:x', 'company:1:x']);
  await Promise.all(readers.map((one) => one.sees('company:1:x')));
  expect(readers.map(({ seen, headers }) => [seen, headers['content-type']])).toEqual([1, 2].map(() => [['company:1:x'], 'text/event-stream; charset=utf-8']));
  for (const one of readers) one.close();
  await until(() => stream.connections === 0, { deadlineMs: 20_000 });
  expect((await app.request('/request', { headers: { 'last-event-id': 'x' } })).status).toBe(400);
});
