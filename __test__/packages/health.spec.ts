/** The health check as a route of node:http, Express 4 and 5, and Fastify. */
import { application, withServer } from './programs';

const context = withServer();

const ROUTES = `
  const { RedisManager, redisHealthHandler } = Redis;
  const lines = [];
  const note = (line) => lines.push(line);
  const logger = { debug: note, info: note, warn: note, error: note };
  const handler = redisHealthHandler();
  const listen = (server) => new Promise((resolve) => { const made = server.listen(0, '127.0.0.1', () => resolve(made)); });
  const makers = {
    node: () => listen(require('node:http').createServer(handler)),
    express: () => listen(require('express')().get('/api/health/redis', handler)),
    express4: () => listen(require('express4')().get('/api/health/redis', handler)),
    express_use: () => listen(require('express')().use('/api/health/redis', handler)),
    fastify: async () => { const web = require('fastify').fastify(); web.route({ method: ['GET', 'HEAD', 'POST'], url: '/api/health/redis', handler }); await web.listen({ port: 0, host: '127.0.0.1' }); return web.server; },
    fastify_get: async () => { const web = require('fastify').fastify(); web.get('/api/health/redis', handler); await web.listen({ port: 0, host: '127.0.0.1' }); return web.server; },
  };
  const ask = async (server, method = 'GET') => {
    const answer = await fetch('http://127.0.0.1:' + server.address().port + '/api/health/redis', { method });
    const text = await answer.text();
    return { status: answer.status, type: answer.headers.get('content-type'), cache: answer.headers.get('cache-control'), length: Number(answer.headers.get('content-length')), text };
  };
  const shut = (server) => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); });
  const signal = (name) => process.kill(Number(process.env.REDIS_PID), name);
`;

const program = (body: string): Promise<unknown> => application(context.server, `process.env.REDIS_PID = '${context.server.pid}';${ROUTES}${body}`, 40_000);

interface Answer {
  status: number;
  type: string;
  cache: string;
  length: number;
  text: string;
}

test.each(['node', 'express', 'express4', 'express_use', 'fastify', 'fastify_get'])('%s: 200 with JSON, HEAD without a body, 503 when Redis hangs, and 200 again', async (maker) => {
  const { good, head, bad, ms, again, post } = (await program(`
    RedisManager.configure({ url: 'redis://127.0.0.1:' + port, logger });
    const server = await makers['${maker}']();
    const good = await ask(server);
    const head = await ask(server, 'HEAD');
    const post = await ask(server, 'POST');
    signal('SIGSTOP');
    const start = performance.now();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(server)));
    const ms = performance.now() - start;
    signal('SIGCONT');
    const again = await until(async () => { const answer = await ask(server); return answer.status === 200 && answer; });
    await shut(server);
    await RedisManager.closeAll();
    report({ good, head, bad: answers, ms, again, post });`)) as { good: Answer; head: Answer; bad: Answer[]; ms: number; again: Answer; post: Answer };
  expect(good).toMatchObject({ status: 200, type: 'application/json; charset=utf-8', cache: 'no-store' });
  expect(JSON.parse(good.text)).toEqual({
    main: 'connected', subscriber: 'PONG', publisher: 'PONG', healthy: true, mode: 'standalone', latencyMs: expect.any(Number), timestamp: expect.stringMatching(/^\d{4}-/),
  });
  expect(head).toMatchObject({ status: 200, type: good.type, cache: 'no-store', text: '' });
  expect(Math.abs(head.length - good.length)).toBeLessThan(10);
  expect(new Set(bad.map(({ status }) => status))).toEqual(new Set([503]));
  expect(JSON.parse(bad[0].text)).toMatchObject({ healthy: false, main: 'disconnected', subscriber: 'error', publisher: 'error', latencyMs: null });
  expect(ms).toBeLessThan(5_000);
  expect(again.status).toBe(200);
  // A method that has no route is the framework's business.
  expect(post.status).toBe(maker === 'node' || maker === 'express_use' || maker === 'fastify' ? 405 : 404);
});

test('no answer and no line shows a password, with details too, and unusable settings are 503', async () => {
  const { all, details, unusable, said } = (await program(`
    const secret = 'p@ss:w/rd%';
    await client().call('ACL', 'SETUSER', 'app', 'on', '>' + secret, '~*', '&*', '+@all');
    const detailed = await listen(require('node:http').createServer(redisHealthHandler({ details: true })));
    const plain = await makers.node();
    const url = (password) => 'redis://app:' + encodeURIComponent(password) + '@127.0.0.1:' + port;
    const all = [];
    RedisManager.configure({ url: url(secret), logger, monitor: true });
    all.push(await ask(plain), await ask(detailed));
    const details = JSON.parse(all[1].text);
    await RedisManager.closeAll();
    RedisManager.configure({ url: url(secret + '-wrong'), logger, monitor: true });
    all.push(await ask(plain), await ask(detailed));
    await RedisManager.closeAll();
    RedisManager.configure({ url: 'redis://app:' + encodeURIComponent(secret) + '@127.0.0.1:' + port + '/nodb', logger });
    const unusable = await ask(plain);
    all.push(unusable);
    await Promise.all([shut(plain), shut(detailed)]);
    report({ all, details, unusable, said: lines });`)) as { all: Answer[]; details: { roles: { main: { nodes: unknown[] } } }; unusable: Answer; said: string[] };
  expect(all.map(({ status }) => status)).toEqual([200, 200, 503, 503, 503]);
  expect(details.roles.main.nodes).toEqual([expect.objectContaining({ state: 'ready', server: expect.objectContaining({ role: 'master' }) })]);
  expect(JSON.parse(unusable.text)).toMatchObject({ healthy: false, error: 'E_BAD_OPTION' });
  expect(JSON.stringify([all, said])).not.toMatch(/p@ss|p%40ss|w\/rd|w%2Frd/i);
  expect(said.some((line) => line.includes('health check: manager.url'))).toBe(true);
});

test('a response that somebody else has sent, or whose client is gone, harms nothing', async () => {
  const seen = await program(`
    const seen = [];
    for (const name of ['unhandledRejection', 'uncaughtException']) process.on(name, (error) => seen.push(error.message));
    RedisManager.configure({ url: 'redis://127.0.0.1:' + port, logger });
    const early = await listen(require('node:http').createServer((request, response) => { const done = handler(request, response); response.end('early'); return done; }));
    seen.push((await ask(early)).text);
    signal('SIGSTOP');
    const server = await makers.express();
    const socket = require('node:net').connect(server.address().port, '127.0.0.1', () => socket.write('GET /api/health/redis HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n', () => socket.destroy()));
    seen.push((await ask(server)).status);
    signal('SIGCONT');
    await Promise.all([shut(early), shut(server)]);
    await RedisManager.closeAll();
    report(seen);`);
  expect(seen).toEqual(['early', 503]);
});
