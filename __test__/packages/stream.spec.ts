import { application, withServer } from './programs';

const context = withServer();

/** A client that reads until it has seen a tag. */
const STREAM = `
  const { CacheRepository, RedisManager, invalidationStream } = require('ioredis');
  const cache = new CacheRepository('orders');
  const read = async (address, options, text) => {
    const abort = new AbortController();
    const answer = await fetch(address, { ...options, signal: abort.signal });
    let seen = '';
    const decoder = new TextDecoder();
    for await (const chunk of answer.body) {
      seen += decoder.decode(chunk, { stream: true });
      if (seen.includes('event: ready') && text !== undefined) { await cache.invalidateTags(['company:2:x', 'company:1:' + text]); }
      if (text === undefined || seen.includes('"company:1:' + text)) break;
    }
    abort.abort();
    return [answer.status, answer.headers.get('content-type'), answer.headers.get('x-hook'), seen.includes('company:2')];
  };
`;

const app = (body: string): Promise<unknown> => application(context.server, `${STREAM} RedisManager.configure({ url: 'redis://127.0.0.1:' + port });\n${body}\nawait RedisManager.closeAll();`);

const STREAMED = [200, 'text/event-stream; charset=utf-8', 'set', false];
const FILTER = "{ filter: (tag, request) => tag.startsWith('company:' + request.company + ':'), maxConnections: 1 }";

test.each(['express', 'express4'])('%s serves a stream of invalidations, filtered by what its middleware knows', async (name) => {
  const result = await app(`
    const express = require('${name}');
    const web = express();
    const stream = invalidationStream(cache, ${FILTER});
    web.use((request, response, next) => { request.company = request.headers.company; response.setHeader('x-hook', 'set'); next(); });
    web.get('/stream', stream);
    const server = await new Promise((resolve) => { const s = web.listen(0, '127.0.0.1', () => resolve(s)); });
    const address = 'http://127.0.0.1:' + server.address().port + '/stream';
    report(await read(address, { headers: { company: '1' } }, 'a'));
    stream.close();
    await new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); });`);
  expect(result).toEqual(STREAMED);
});

test('fastify serves it, with the headers that its hooks set', async () => {
  const result = await app(`
    const web = require('fastify')();
    const stream = invalidationStream(cache, ${FILTER});
    web.decorateRequest('company', '');
    web.addHook('onRequest', async (request, reply) => { request.company = request.headers.company; reply.header('x-hook', 'set'); });
    web.get('/stream', stream);
    const address = await web.listen({ port: 0, host: '127.0.0.1' }) + '/stream';
    const first = await read(address, { headers: { company: '1' } }, 'a');
    await until(() => stream.connections === 0);
    report([first, (await fetch(address, { method: 'HEAD' })).status, (await fetch(address, { headers: { 'last-event-id': 'x' } })).status]);
    stream.close();
    web.server.closeAllConnections();
    await web.close();`);
  expect(result).toEqual([STREAMED, 405, 400]);
});
