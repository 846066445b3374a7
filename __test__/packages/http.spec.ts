import { application, withServer } from './programs';

const context = withServer();

const HTTP = `
  const listen = (app) => new Promise((resolve) => { const server = app.listen(0, '127.0.0.1', () => resolve(server)); });
  const address = (server) => 'http://127.0.0.1:' + server.address().port;
  const shut = (server) => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); });
`;

const app = (body: string): Promise<unknown> => application(context.server, HTTP + body);

test('rate-limit-redis counts for express-rate-limit, and loads its scripts again when the server forgot them', async () => {
  const result = await app(`
    const express = require('express');
    const { rateLimit } = require('express-rate-limit');
    const { RedisStore } = require('rate-limit-redis');
    const redis = client();
    const web = express();
    const store = new RedisStore({ sendCommand: (name, ...args) => redis.call(name, ...args), prefix: 'limit:' });
    web.use(rateLimit({ windowMs: 60000, limit: 2, store, standardHeaders: true, legacyHeaders: false, keyGenerator: (request) => String(request.headers.user) }));
    web.get('/', (request, response) => response.send('fine'));
    const server = await listen(web);
    const get = async (user) => { const answer = await fetch(address(server), { headers: { user } }); return [answer.status, answer.headers.get('ratelimit-remaining')]; };
    const seen = [await get('a'), await get('a'), await get('a'), await get('b')];
    await redis.script('FLUSH');
    seen.push(await get('b'), await get('b'));
    await store.resetKey('a');
    seen.push(await get('a'));
    report({ seen, keys: (await redis.keys('limit:*')).sort(), ttl: (await redis.pttl('limit:b')) > 50000 });
    await shut(server);`);
  expect(result).toEqual({
    seen: [[200, '1'], [200, '0'], [429, '0'], [200, '1'], [200, '0'], [429, '0'], [200, '1']],
    keys: ['limit:a', 'limit:b'],
    ttl: true,
  });
});

test('connect-redis keeps the sessions of express-session', async () => {
  const result = await app(`
    const express = require('express');
    const session = require('express-session');
    const { RedisStore } = require('connect-redis');
    const redis = client({ keyPrefix: 'app:' });
    const store = new RedisStore({ client: client(), prefix: 'sess:', ttl: 100 });
    const web = express();
    web.use(session({ store, secret: 's', resave: false, saveUninitialized: false }));
    web.get('/', (request, response) => { request.session.views = (request.session.views ?? 0) + 1; response.send(String(request.session.views)); });
    web.get('/out', (request, response) => request.session.destroy(() => response.send('out')));
    const server = await listen(web);
    let cookie = '';
    const get = async (path = '/') => {
      const answer = await fetch(address(server) + path, { headers: { cookie } });
      cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? cookie;
      return answer.text();
    };
    const views = [await get(), await get(), await get()];
    const call = (name, ...args) => new Promise((resolve, reject) => store[name](...args, (error, value) => (error ? reject(error) : resolve(value))));
    for (let n = 0; n < 250; n++) await store.set('s' + n, { cookie: {}, n });
    const counted = [await call('length'), (await call('ids')).length, (await call('all')).length];
    const one = await call('get', 's7');
    await call('touch', 's7', one);
    const ttl = await client().ttl('sess:s7');
    await call('destroy', 's7');
    views.push(await get('/out'), await get());
    await call('clear');
    report({ views, counted, n: one.n, isGone: (await call('get', 's7')) ?? null, ttl: ttl > 90 && ttl <= 100, left: await call('length') });
    await shut(server);`);
  expect(result).toEqual({ views: ['1', '2', '3', 'out', '1'], counted: [251, 251, 251], n: 7, isGone: null, ttl: true, left: 0 });
});

test('@fastify/redis opens its own clients, accepts an open one, and closes those that it opened', async () => {
  const result = await app(`
    const { fastify } = require('fastify');
    const plugin = require('@fastify/redis');
    const given = client();
    const web = fastify();
    web.register(plugin, { host: '127.0.0.1', port, namespace: 'options' });
    web.register(plugin, { url: 'redis://127.0.0.1:' + port + '/1', namespace: 'url' });
    web.register(plugin, { client: given, namespace: 'given' });
    web.get('/:name', async (request) => ({ n: await web.redis[request.params.name].incr('hits') }));
    await web.listen({ port: 0, host: '127.0.0.1' });
    const get = async (name) => (await (await fetch('http://127.0.0.1:' + web.server.address().port + '/' + name)).json()).n;
    const hits = [await get('options'), await get('given'), await get('url')];
    const areHawser = Object.values(web.redis).every((one) => one instanceof Redis);
    const { options, url } = web.redis;
    await web.close();
    await until(() => options.status === 'end' && url.status === 'end');
    const refused = fastify();
    refused.register(plugin, { host: '127.0.0.1', port, username: 'nobody', password: 'wrong' });
    const error = await refused.ready().then(() => 'none', (thrown) => thrown.name + ' ' + thrown.message.split(' ')[0]);
    report({ hits, areHawser, given: given.status, error });`);
  expect(result).toEqual({ hits: [1, 2, 1], areHawser: true, given: 'ready', error: 'ReplyError WRONGPASS' });
});

test.each([
  ['a client', 'client()'],
  ['options', '{ host: "127.0.0.1", port }'],
])('@nest-lab/throttler-storage-redis throttles a Nest application, given %s', async (_, argument) => {
  const result = await app(`
    require('reflect-metadata');
    const { Controller, Get, Module } = require('@nestjs/common');
    const { APP_GUARD, NestFactory } = require('@nestjs/core');
    const { ThrottlerGuard, ThrottlerModule } = require('@nestjs/throttler');
    const { ThrottlerStorageRedisService } = require('@nest-lab/throttler-storage-redis');
    const storage = new ThrottlerStorageRedisService(${argument});
    class Home { index() { return 'fine'; } }
    Get()(Home.prototype, 'index', Object.getOwnPropertyDescriptor(Home.prototype, 'index'));
    Controller()(Home);
    class Root {}
    Module({
      imports: [ThrottlerModule.forRoot({ throttlers: [{ limit: 2, ttl: 60000 }], storage })],
      controllers: [Home],
      providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
    })(Root);
    const web = await NestFactory.create(Root, { logger: false });
    await web.listen(0, '127.0.0.1');
    const get = async () => (await fetch(address(web.getHttpServer()))).status;
    const seen = [await get(), await get(), await get()];
    report({ seen, isHawser: storage.redis instanceof Redis });
    await web.close();`);
  expect(result).toEqual({ seen: [200, 200, 429], isHawser: true });
});
