/** `responseCache` of hawser/express on Express 4 and 5, and of hawser/fastify: the same application, and what a client sees of it. */
import { application, withServer } from './programs';

const context = withServer();

/**
 * `routes` are handlers by path; each gets what the frameworks have in common: `set`, `status`, `send`, `fail`, `stream`, `tag`. `serve(kind, cache, options)` starts an
 * application, `get(path, headers, method)` asks it.
 */
const APP = `
  const { CacheRepository, RedisManager } = require('hawser');
  const { Readable } = require('node:stream');
  const lines = [];
  const note = (line) => lines.push(line);
  RedisManager.configure({ url: 'redis://127.0.0.1:' + port, logger: { debug: note, info: note, warn: note, error: note } });
  const calls = {};
  let server, address, shut;
  const count = (path) => (calls[path] = (calls[path] ?? 0) + 1);
  const express = (kind, responseCache, cacheTags) => async (cache, options, routes, { before } = {}) => {
    const app = require(kind)();
    if (before) app.use((req, res, next) => { before((name, value) => res.setHeader(name, value)); next(); });
    app.use(responseCache(cache, options));
    for (const [path, handler] of Object.entries(routes)) {
      app.all(path, (req, res, next) => {
        const n = count(path);
        Promise.resolve(handler({
          n, headers: req.headers, set: (name, value) => res.setHeader(name, value), status: (code) => res.status(code), send: (body) => res.send(body),
          stream: (source) => source.pipe(res), tag: (tags) => cacheTags(res, tags), raw: res,
        })).catch(next);
      });
    }
    app.use((error, req, res, next) => res.status(500).send('failed: ' + error.message));
    server = await new Promise((resolve) => { const made = app.listen(0, '127.0.0.1', () => resolve(made)); });
    shut = () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); });
  };
  const fastify = (responseCache, cacheTags) => async (cache, options, routes, { before } = {}) => {
    const app = require('fastify').fastify({ exposeHeadRoutes: true });
    if (before) app.addHook('onRequest', async (request, reply) => { before((name, value) => reply.header(name, value)); });
    app.register(responseCache(cache, options));
    for (const [path, handler] of Object.entries(routes)) {
      app.route({ method: ['GET', 'POST'], url: path, handler: async (request, reply) => {
        const n = count(path);
        await handler({
          n, headers: request.headers, set: (name, value) => reply.header(name, value), status: (code) => reply.code(code), send: (body) => reply.send(body),
          stream: (source) => reply.send(source), tag: (tags) => cacheTags(reply, tags), raw: reply.raw,
        });
        return reply;
      } });
    }
    app.setErrorHandler((error, request, reply) => reply.code(500).send('failed: ' + error.message));
    await app.listen({ port: 0, host: '127.0.0.1' });
    server = app.server;
    shut = () => { server.closeAllConnections(); return app.close(); };
  };
  const start = async (kind, ...args) => {
    if (server) await shut();
    const { responseCache, cacheTags } = require(kind === 'fastify' ? 'hawser/fastify' : 'hawser/express');
    await (kind === 'fastify' ? fastify(responseCache, cacheTags) : express(kind, responseCache, cacheTags))(...args);
    address = 'http://127.0.0.1:' + server.address().port;
  };
  const { request } = require('node:http');
  const get = (path, headers = {}, method = 'GET') => new Promise((resolve, reject) => {
    const asked = request(address + path, { method, headers }, (answer) => {
      let body = '';
      answer.setEncoding('latin1').on('data', (part) => (body += part)).on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body })).on('error', reject);
    });
    asked.on('error', reject).end();
  });
  const brief = ({ status, headers, body }) => [status, body, (headers['cache-status'] ?? '').replace(/ttl=-?\\d+/, 'ttl=N')];
`;

const run = (kind: string, body: string): Promise<any> =>
  application(context.server, `${APP}\nconst kind = '${kind}';\n${body}\nawait shut(); await RedisManager.closeAll();`, 60_000);

describe.each(['express', 'express4', 'fastify'])('%s', (kind) => {
  test('a response is kept with its status and fields, by host, path and query, and until a tag of it is invalidated', async () => {
    const { seen, fields, after, host, calls } = await run(
      kind,
      `
      const cache = new CacheRepository('pages', { ttl: 60 });
      await start(kind, cache, { tags: (req) => ['path:' + new URL('http://h' + (req.originalUrl ?? req.url)).pathname] }, {
        '/a': ({ n, set, status, send, tag }) => { tag(['own']); set('x-own', 'yes'); set('content-type', 'text/plain; charset=utf-8'); status(203); send('body ' + n); },
        '/b': ({ n, send, tag }) => { tag(['other']); send('b ' + n); },
      }, { before: (set) => { set('x-request-id', String(Math.random())); set('access-control-allow-origin', '*'); } });
      const first = await get('/a?x=1&y=2');
      const second = await get('/a?y=2&x=1');
      const seen = [first, second, await get('/a?x=2&y=2'), await get('/b'), await get('/b'), await get('/a?x=1&y=2', {}, 'POST')].map(brief);
      const fields = { own: second.headers['x-own'], type: second.headers['content-type'], age: second.headers.age, id: first.headers['x-request-id'] !== second.headers['x-request-id'], origin: second.headers['access-control-allow-origin'], length: second.headers['content-length'] };
      await cache.invalidateTags(['own']);
      const after = [await get('/a?x=1&y=2'), await get('/b')].map(brief);
      await cache.invalidateTags(['path:/b']);
      after.push(brief(await get('/b')));
      const host = [await get('/b', { host: 'one.test' }), await get('/b', { host: 'two.test' }), await get('/b', { host: 'one.test' })].map(brief);
      report({ seen, fields, after, host, calls });`,
    );
    expect(seen).toEqual([
      [203, 'body 1', 'hawser; fwd=miss; stored'],
      [203, 'body 1', 'hawser; hit; ttl=N'],
      [203, 'body 2', 'hawser; fwd=miss; stored'],
      [200, 'b 1', 'hawser; fwd=miss; stored'],
      [200, 'b 1', 'hawser; hit; ttl=N'],
      [203, 'body 3', ''],
    ]);
    expect(fields).toEqual({ own: 'yes', type: 'text/plain; charset=utf-8', age: '0', id: true, origin: '*', length: '6' });
    expect(after).toEqual([[203, 'body 4', 'hawser; fwd=miss; stored'], [200, 'b 1', 'hawser; hit; ttl=N'], [200, 'b 2', 'hawser; fwd=miss; stored']]);
    expect(host.map(([, body]: string[]) => body)).toEqual(['b 3', 'b 4', 'b 3']);
    expect(calls).toEqual({ '/a': 4, '/b': 4 });
  });

  test('what must not be shared is not kept: private, cookies, errors, no-store, unknown Vary, events, authorization, ranges', async () => {
    const { seen, shared, bypassed, told } = await run(
      kind,
      `
      const cache = new CacheRepository('pages', { ttl: 60 });
      const fixed = (status, fields) => ({ n, set, status: code, send }) => { for (const [name, value] of Object.entries(fields)) set(name, value); code(status); send('n' + n); };
      const routes = {
        '/private': fixed(200, { 'cache-control': 'private, max-age=60' }), '/cookie': fixed(200, { 'set-cookie': 'a=b' }), '/no-store': fixed(200, { 'cache-control': 'No-Store' }),
        '/no-cache': fixed(200, { 'cache-control': 'no-cache' }), '/zero': fixed(200, { 'cache-control': 's-maxage=0' }), '/missing': fixed(404, {}), '/broken': fixed(500, {}), '/partial': fixed(206, {}),
        '/any': fixed(200, { vary: '*' }), '/language': fixed(200, { vary: 'Accept-Language' }), '/moved': fixed(301, { location: '/elsewhere' }), '/created': fixed(201, {}),
        '/open': fixed(200, { 'cache-control': 'public, max-age=0' }),
      };
      await start(kind, cache, {}, routes);
      const seen = {};
      for (const path of Object.keys(routes)) {
        const [first, second] = [await get(path), await get(path)];
        seen[path] = [first.body === second.body, first.headers['cache-status'].replace('hawser; fwd=miss; ', ''), second.headers['set-cookie'] ?? null];
      }
      // Requests at the same time do not share it either, and do not wait for one another without end.
      const shared = new Set((await Promise.all(Array.from({ length: 5 }, () => get('/private')))).map(({ body }) => body)).size;
      const bypassed = [await get('/open', { authorization: 'Basic x' }), await get('/open', { range: 'bytes=0-1' }), await get('/open', { 'cache-control': 'no-store' })].map(({ headers }) => headers['cache-status']);
      await start(kind, new CacheRepository('told', { ttl: 60 }), { key: (req) => req.headers.user, cachePrivate: true, vary: ['Accept-Language'], cacheStatus: 'edge' }, routes);
      const told = [];
      for (const [path, headers] of [['/private', { user: '1' }], ['/private', { user: '1' }], ['/private', { user: '2' }], ['/private', {}], ['/language', { user: '3', 'accept-language': 'de' }], ['/language', { user: '3', 'accept-language': 'fr' }], ['/language', { user: '3', 'accept-language': 'de' }]]) told.push((await get(path, headers)).headers['cache-status'].replace(/ttl=.*/, ''));
      report({ seen, shared, bypassed, told });`,
    );
    expect(seen).toEqual({
      '/private': [false, 'detail=private', null],
      '/cookie': [false, 'detail=set-cookie', ['a=b']],
      '/no-store': [false, 'detail=no-store', null],
      '/no-cache': [false, 'detail=no-cache', null],
      '/zero': [false, 'detail=s-maxage', null],
      '/missing': [false, 'detail=status', null],
      '/broken': [false, 'detail=status', null],
      '/partial': [false, 'detail=status', null],
      '/any': [false, 'detail=vary', null],
      '/language': [false, 'detail=vary', null],
      '/moved': [true, 'stored', null],
      '/created': [false, 'detail=status', null],
      '/open': [true, 'stored', null],
    });
    expect(shared).toBe(5);
    expect(bypassed).toEqual(['authorization', 'range', 'no-store'].map((reason) => `hawser; fwd=bypass; detail=${reason}`));
    expect(told).toEqual(['edge; fwd=miss; stored', 'edge; hit; ', 'edge; fwd=miss; stored', 'edge; fwd=bypass; detail=key', 'edge; fwd=miss; stored', 'edge; fwd=miss; stored', 'edge; hit; ']);
  });

  test('conditional requests get 304 from the cache and fill it all the same, and HEAD has the fields of GET', async () => {
    const { cold, statuses, fields, filled, heads, dates } = await run(
      kind,
      `
      const cache = new CacheRepository('pages', { ttl: 60 });
      const date = 'Wed, 01 Jan 2025 00:00:00 GMT';
      await start(kind, cache, {}, {
        '/own': ({ n, set, send }) => { set('etag', '"v1"'); set('x-more', 'm'); send('own ' + n); },
        '/none': ({ n, set, raw, send }) => { set('content-type', 'text/plain'); send(Buffer.from('none ' + n)); },
        '/dated': ({ n, set, send }) => { set('last-modified', date); set('etag', '"d"'); send('dated ' + n); },
      });
      const first = await get('/own', { 'if-none-match': 'W/"x", "v1"' });
      const cold = [first.status, first.body, first.headers['content-length'] ?? null, first.headers.etag];
      const second = await get('/own');
      const filled = [second.body, second.headers['cache-status'].slice(0, 11)];
      await get('/none');
      const { etag } = (await get('/none')).headers;
      const statuses = [];
      for (const [path, tag] of [['/own', '"v1"'], ['/own', 'W/"v1"'], ['/own', '*'], ['/own', '"v2"'], ['/own', '"v'], ['/none', etag]]) statuses.push((await get(path, { 'if-none-match': tag })).status);
      const unmodified = await get('/own', { 'if-none-match': '"v1"' });
      const fields = [unmodified.headers['x-more'], unmodified.headers.etag, unmodified.headers['content-type'] ?? null, unmodified.body];
      const heads = [await get('/own', {}, 'HEAD'), await get('/cold-head', {}, 'HEAD')].map(({ status, body, headers }) => [status, body, headers['content-length'] ?? null]);
      const dates = [];
      await get('/dated');
      for (const since of [date, 'Thu, 01 Jan 2026 00:00:00 GMT', 'Mon, 01 Jan 2024 00:00:00 GMT', 'nonsense']) dates.push((await get('/dated', { 'if-modified-since': since })).status);
      report({ cold, statuses, fields, filled, heads, dates });`,
    );
    expect(cold).toEqual([304, '', null, '"v1"']);
    expect(filled).toEqual(['own 1', 'hawser; hit']);
    expect(statuses).toEqual([304, 304, 304, 200, 200, 304]);
    expect(fields).toEqual(['m', '"v1"', null, '']);
    expect(heads[0]).toEqual([200, '', '5']);
    expect(heads[1][0]).toBe(404);
    expect(dates).toEqual([304, 304, 200, 200]);
  });

  test('a crowd waits for one handler; streams are sent as they come and kept up to a bound; a client that goes away spoils nothing', async () => {
    const { crowd, collapsed, calls, streamed, long, gone } = await run(
      kind,
      `
      const cache = new CacheRepository('pages', { ttl: 60 });
      let open;
      const gate = new Promise((resolve) => (open = resolve));
      const parts = async function* (size) { for (let i = 0; i < 4; i++) { yield Buffer.alloc(size, 65 + i); await new Promise(setImmediate); } };
      await start(kind, cache, { maxBytes: 1000 }, {
        '/slow': async ({ n, send }) => { await gate; send('slow ' + n); },
        '/parts': ({ set, stream }) => { set('content-type', 'application/octet-stream'); stream(Readable.from(parts(250))); },
        '/long': ({ set, stream }) => { set('content-type', 'application/octet-stream'); stream(Readable.from(parts(251))); },
        '/gone': ({ n, set, stream }) => { set('content-type', 'text/plain'); stream(n === 1 ? new Readable({ read() { if (!this.begun) { this.begun = true; this.push('x'.repeat(100)); } } }) : Readable.from(['whole'])); },
      });
      let arrived = 0;
      server.on('request', () => arrived++);
      const asked = Array.from({ length: 10 }, () => get('/slow'));
      await until(() => calls['/slow'] === 1 && arrived === 10);
      open();
      const answers = await Promise.all(asked);
      const crowd = [...new Set(answers.map(({ body }) => body))];
      const collapsed = answers.filter(({ headers }) => headers['cache-status'] === 'hawser; fwd=miss; collapsed').length;
      const one = await get('/parts'); const two = await get('/parts');
      const streamed = [one.body === two.body, two.body.length, two.headers['cache-status'].slice(0, 11), calls['/parts']];
      const a = await get('/long'); const b = await get('/long');
      const long = [a.body === b.body, b.body.length, b.headers['cache-status'].slice(0, 16), calls['/long']];
      await new Promise((resolve) => { const asked = request(address + '/gone', (answer) => answer.once('data', () => { asked.destroy(); resolve(); })); asked.end(); asked.on('error', () => {}); });
      const gone = [(await get('/gone')).body, (await get('/gone')).body, (await get('/gone')).headers['cache-status'].slice(0, 11)];
      report({ crowd, collapsed, calls: calls['/slow'], streamed, long, gone });`,
    );
    expect(crowd).toEqual(['slow 1']);
    expect(collapsed).toBe(9);
    expect(calls).toBe(1);
    expect(streamed).toEqual([true, 1000, 'hawser; hit', 1]);
    expect(long).toEqual([true, 1004, 'hawser; fwd=miss', 2]);
    expect(gone).toEqual(['whole', 'whole', 'hawser; hit']);
  });

  test('a stale response is sent while one request is repeated in the background, and a kept one in the place of a 5xx', async () => {
    const { stale, fresh, background, kept, again, dead, age } = await run(
      kind,
      `
      const cache = new CacheRepository('pages', { ttl: 60, staleAfter: 0.05 });
      let fails = false;
      const headers = [];
      const routes = {
        '/page': ({ n, headers: own, set, send }) => { headers.push([own.cookie, own['if-none-match'] ?? null]); set('x-n', String(n)); send('page ' + n); },
        '/shaky': ({ n, set, status, send }) => { if (fails) { set('x-error', '1'); status(503); send('down ' + n); } else { set('x-n', String(n)); send('up ' + n); } },
        '/wrong': ({ n }) => { throw new Error('wrong ' + n); },
      };
      await start(kind, cache, {}, routes, { before: (set) => set('x-before', '1') });
      await get('/page');
      const isOld = () => cache.explain(address.slice(7) + '/page').then(({ state }) => state === 'stale');
      await until(isOld);
      const stale = await get('/page', { cookie: 'c=1', 'if-none-match': '"other"' });
      const fresh = await until(async () => { const answer = await get('/page'); return answer.body !== stale.body && answer; });
      const background = headers[1];
      const short = new CacheRepository('short', { ttl: 0.05, staleIfError: 60 });
      await start(kind, short, {}, routes, { before: (set) => set('x-before', '1') });
      await get('/shaky');
      fails = true;
      const kept = await until(async () => { const answer = await get('/shaky'); return answer.headers['cache-status'].includes('stale-if-error') && answer; });
      const again = await get('/shaky');
      await short.clear();
      const dead = await get('/shaky');
      const wrong = await get('/wrong');
      report({ stale: brief(stale), age: stale.headers['x-n'], fresh: [fresh.body, fresh.headers['x-n']], background, kept: [...brief(kept), kept.headers['x-error'] ?? null, kept.headers['x-n'], kept.headers['x-before']], again: [again.status, again.body], dead: [...brief(dead), wrong.status, wrong.body] });`,
    );
    expect(stale).toEqual([200, 'page 1', 'hawser; hit; ttl=N']);
    expect(age).toBe('1');
    expect(fresh).toEqual(['page 2', '2']);
    expect(background).toEqual(['c=1', null]);
    expect(kept).toEqual([200, 'up 1', 'hawser; fwd=stale; fwd-status=503; detail=stale-if-error', null, '1', '1']);
    expect(again).toEqual([200, 'up 1']);
    expect(dead).toEqual([503, expect.stringMatching(/^down/), 'hawser; fwd=miss; detail=status', 500, 'failed: wrong 1']);
  });

  test('wrong options are named, wrong results of functions reach the error handler, and without Redis handlers answer', async () => {
    const { errors, results, down } = await run(
      kind,
      `
      const { responseCache, cacheTags } = require(kind === 'fastify' ? 'hawser/fastify' : 'hawser/express');
      const cache = new CacheRepository('pages');
      const errors = [
        () => responseCache(), () => responseCache({}), () => responseCache(cache, { tll: 1 }), () => responseCache(cache, { ttl: 0 }), () => responseCache(cache, { staleAfter: 9, ttl: 3 }), () => responseCache(cache, { tags: [''] }),
        () => responseCache(cache, { key: 'a' }), () => responseCache(cache, { vary: ['a b'] }), () => responseCache(cache, { maxBytes: 0 }), () => responseCache(cache, { cachePrivate: true }), () => responseCache(cache, { cacheStatus: 'a b' }),
        () => new CacheRepository('x', { tier: 'orders' }),
      ].map((make) => { try { make(); return 'none'; } catch (error) { return error.code + ' ' + error.message; } });
      const routes = { '/': ({ n, send }) => send('n ' + n) };
      const results = [];
      for (const options of [{ tags: () => 'x' }, { key: () => 3 }, { key: () => { throw new Error('no key'); } }]) { await start(kind, cache, options, routes); results.push((await get('/')).body); }
      await start(kind, cache, {}, { '/': ({ tag, send }) => { tag([7]); send('never'); } });
      results.push((await get('/')).body);
      
      await RedisManager.closeAll();
      RedisManager.configure({ url: 'redis://127.0.0.1:1', logger: { debug() {}, info() {}, warn() {}, error() {} } });
      await start(kind, new CacheRepository('pages'), {}, routes);
      calls['/'] = 0;
      const down = [(await get('/')).body, (await get('/')).body];
      report({ errors, results, down });`,
    );
    expect(errors).toEqual([
      'E_BAD_OPTION responseCache: the cache must be a CacheRepository, got undefined',
      'E_BAD_OPTION responseCache: the cache must be a CacheRepository, got an object',
      expect.stringContaining('responseCache.tll is not an option; there are: ttl'),
      'E_BAD_OPTION responseCache.ttl must be a positive number of seconds, got 0',
      'E_BAD_OPTION responseCache.staleAfter must be at most responseCache.ttl (3), got 9',
      'E_BAD_OPTION responseCache.tags[0] must be a non-empty string, got an empty string',
      'E_BAD_OPTION responseCache.key must be a function, got a string',
      'E_BAD_OPTION responseCache.vary[0] must be the name of a request field, got a string',
      'E_BAD_OPTION responseCache.maxBytes must be a number of bytes from 1 to 67108864, got 0',
      'E_BAD_OPTION responseCache.key must be a function that tells users apart where cachePrivate is true, got undefined',
      'E_BAD_OPTION responseCache.cacheStatus must be a token or false, got a string',
      'E_BAD_OPTION cache.tier must be a tier of defineTiers, got a string',
    ]);
    expect(results).toEqual([
      'failed: the result of responseCache.tags must be an array of strings, got a string',
      'failed: the result of responseCache.key must be a non-empty string, got 3',
      'failed: no key',
      'failed: tags[0] must be a non-empty string, got 7',
    ]);
    expect(down).toEqual(['n 1', 'n 2']);
  });
});

test('metrics in the text of Prometheus, with what the application adds, and health under the entry points too', async () => {
  const result = await application(
    context.server,
    `${APP}
    const { metricsHandler, healthHandler } = require('hawser/express');
    const same = require('hawser/fastify').metricsHandler === metricsHandler && require('hawser').redisHealthHandler === healthHandler;
    const web = require('express')();
    web.all('/metrics', metricsHandler({ also: async () => 'own_total 1\\n' }));
    web.all('/broken', metricsHandler({ also: () => { throw new Error('no metrics'); } }));
    web.get('/health', healthHandler());
    server = await new Promise((resolve) => { const made = web.listen(0, '127.0.0.1', () => resolve(made)); });
    address = 'http://127.0.0.1:' + server.address().port;
    await new CacheRepository('pages').set('k', 1);
    const seen = await get('/metrics');
    const others = [(await get('/metrics', {}, 'HEAD')).body, (await get('/metrics', {}, 'POST')).status, (await get('/broken')).status, (await get('/health')).status];
    let error; try { metricsHandler({ all: 1 }); } catch (thrown) { error = thrown.message; }
    await new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); });
    await RedisManager.closeAll();
    report({ same, type: seen.headers['content-type'], has: /^hawser_cache_reads/m.test(seen.body), ends: seen.body.endsWith('own_total 1\\n'), others, error });`,
  );
  expect(result).toEqual({ same: true, type: 'text/plain; version=0.0.4; charset=utf-8', has: true, ends: true, others: ['', 405, 500, 200], error: 'metricsHandler.all is not an option; there are: also' });
});

test('limits of rates count on the connection of the manager, and say so where there is no server', async () => {
  const result = await application(
    context.server,
    `${APP}
    const web = require('express')();
    const { rateLimit } = require('express-rate-limit');
    const { rateLimitStore } = require('hawser/express');
    web.use(rateLimit({ windowMs: 60000, limit: 2, store: rateLimitStore({ prefix: 'limit:' }), keyGenerator: (req) => String(req.headers.user) }));
    web.get('/', (req, res) => res.send('fine'));
    server = await new Promise((resolve) => { const made = web.listen(0, '127.0.0.1', () => resolve(made)); });
    address = 'http://127.0.0.1:' + server.address().port;
    const seen = [];
    for (const user of ['a', 'a', 'a', 'b']) seen.push((await get('/', { user })).status);
    await new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); });
    const app = require('fastify').fastify();
    const { rateLimitOptions } = require('hawser/fastify');
    await app.register(require('@fastify/rate-limit'), { max: 2, timeWindow: 60000, keyGenerator: (request) => request.headers.user, ...rateLimitOptions({ nameSpace: 'fl:' }) });
    app.get('/', async () => 'fine');
    await app.listen({ port: 0, host: '127.0.0.1' });
    address = 'http://127.0.0.1:' + app.server.address().port;
    for (const user of ['a', 'a', 'a', 'b']) seen.push((await get('/', { user })).status);
    app.server.closeAllConnections();
    await app.close();
    const keys = (await client().keys('*')).sort();
    await RedisManager.closeAll();
    RedisManager.configure({ url: 'memory://' });
    const errors = [() => rateLimitStore(), () => rateLimitOptions(), () => rateLimitStore({ prefix: 3 }), () => rateLimitOptions({ prefix: 'x' })].map((make) => { try { make(); return 'none'; } catch (error) { return error.code + ' ' + error.message; } });
    await RedisManager.closeAll();
    report({ seen, keys, errors });`,
  );
  expect(result).toEqual({
    seen: [200, 200, 429, 200, 200, 200, 429, 200],
    keys: expect.arrayContaining(['limit:a', 'limit:b', 'fl:a', 'fl:b']),
    errors: [
      "E_NEEDS_SERVER rateLimitStore of hawser/express needs a Redis server; the manager's URL is memory://",
      "E_NEEDS_SERVER rateLimitOptions of hawser/fastify needs a Redis server; the manager's URL is memory://",
      'E_BAD_OPTION rateLimitStore.prefix must be a non-empty string, got 3',
      'E_BAD_OPTION rateLimitOptions.prefix is not an option; there are: nameSpace',
    ],
  });
});
