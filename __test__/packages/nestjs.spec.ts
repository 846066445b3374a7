/** `hawser/nestjs` in applications of Nest 11, on Express and on Fastify. */
import { application, withServer } from './programs';

const context = withServer();

const NEST = `
  require('reflect-metadata');
  const { CacheRepository, RedisManager, PubSubService } = require('hawser');
  const nest = require('@nestjs/common');
  const { NestFactory } = require('@nestjs/core');
  const { TerminusModule, HealthCheckService } = require('@nestjs/terminus');
  const { Cacheable, CacheEvict, HawserHealthIndicator, HawserModule, InjectCache, REDIS_MANAGER, HAWSER_BUS, getCacheToken } = require('hawser/nestjs');
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  const manager = { url: 'redis://127.0.0.1:' + port, logger: quiet };
  // What TypeScript makes of decorators.
  const decorate = (type, name, ...decorators) => Object.defineProperty(type.prototype, name, Reflect.decorate(decorators, type.prototype, name, Object.getOwnPropertyDescriptor(type.prototype, name)));
  const tags = (company) => ['company:' + company];
  class Orders {
    constructor(cache, redis, bus) { Object.assign(this, { cache, redis, bus, loads: 0 }); }
    list(company, filter) { if (company === 'bad') throw new Error('no company'); return { company, filter, n: ++this.loads }; }
    async create(company) { if (company === 'bad') throw new Error('not created'); return 'created ' + company; }
    one(id) { return id + ':' + ++this.loads; }
    drop(id) { return id; }
    reset() {}
  }
  decorate(Orders, 'list', Cacheable({ cache: 'orders', ttl: 60, tags }));
  decorate(Orders, 'create', CacheEvict({ cache: 'orders', tags }));
  decorate(Orders, 'one', Cacheable({ cache: 'orders', key: (id) => 'one:' + id }));
  decorate(Orders, 'drop', CacheEvict({ cache: 'orders', key: (id) => 'one:' + id }));
  decorate(Orders, 'reset', CacheEvict({ cache: 'orders', all: true }));
  InjectCache('orders')(Orders, undefined, 0);
  nest.Inject(REDIS_MANAGER)(Orders, undefined, 1);
  nest.Inject(HAWSER_BUS)(Orders, undefined, 2);
  nest.Injectable()(Orders);
  class Home {
    constructor(orders, health, redis) { Object.assign(this, { orders, health, redis }); }
    list(company) { return this.orders.list(company, { open: true }); }
    check() { return this.health.check([() => this.redis.isHealthy('redis')]); }
  }
  nest.Inject(Orders)(Home, undefined, 0);
  nest.Inject(HealthCheckService)(Home, undefined, 1);
  nest.Inject(HawserHealthIndicator)(Home, undefined, 2);
  decorate(Home, 'list', nest.Get('orders/:company'));
  nest.Param('company')(Home.prototype, 'list', 0);
  decorate(Home, 'check', nest.Get('health'));
  nest.Controller()(Home);
  const rootOf = (...imports) => { class Root {} nest.Module({ imports: [TerminusModule, ...imports], controllers: [Home], providers: [Orders] })(Root); return Root; };
`;

const run = (body: string): Promise<any> => application(context.server, `${NEST}\n${body}`, 60_000);

test.each(['express', 'fastify'])('on %s: methods are cached by arguments and invalidated by tags, health is up and down, close ends the connections', async (platform) => {
  const result = await run(`
    const adapter = '${platform}' === 'fastify' ? [new (require('@nestjs/platform-fastify').FastifyAdapter)()] : [];
    const app = await NestFactory.create(rootOf(HawserModule.forRoot({ manager, repositories: [{ prefix: 'orders', ttl: 30 }], bus: true })), ...adapter, { logger: false });
    await app.listen(0, '127.0.0.1');
    const base = 'http://127.0.0.1:' + app.getHttpServer().address().port;
    const get = async (path) => { const answer = await fetch(base + path); return [answer.status, await answer.json()]; };
    const orders = app.get(Orders);
    const web = [await get('/orders/1'), await get('/orders/1'), await get('/orders/2')].map(([, { n }]) => n);
    await orders.create('1');
    web.push((await get('/orders/1'))[1].n, (await get('/orders/2'))[1].n, (await orders.list('2', { open: false })).n);
    const keyed = [await orders.one('a'), await orders.one('a'), await orders.drop('a'), await orders.one('a')];
    await orders.reset();
    keyed.push(await orders.one('a'));
    const failures = [];
    for (const call of [() => orders.list('bad'), () => orders.create('bad'), () => orders.list(Promise.resolve())]) await call().catch((error) => failures.push(error.message));
    const injected = [orders.cache instanceof CacheRepository, orders.redis === RedisManager, orders.bus === PubSubService, app.get(getCacheToken('orders')) === orders.cache];
    const up = await get('/health');
    process.kill(${context.server.pid}, 'SIGSTOP');
    const down = await get('/health');
    process.kill(${context.server.pid}, 'SIGCONT');
    const main = await RedisManager.getMainClient();
    await app.close();
    report({ web, keyed, failures, injected, up: [up[0], up[1].details.redis.status, up[1].details.redis.main], down: [down[0], down[1].details.redis.status], status: main.status });`);
  expect(result).toEqual({
    web: [1, 1, 2, 3, 2, 4],
    keyed: ['a:5', 'a:5', 'a', 'a:6', 'a:7'],
    failures: ['no company', 'not created', expect.stringContaining('a promise')],
    injected: [true, true, true, true],
    up: [200, 'up', 'connected'],
    down: [503, 'down'],
    status: 'end',
  });
}, 60_000);

test('an asynchronous module gets its settings from other providers, features add repositories, and SIGTERM ends the process by itself', async () => {
  const result = await run(`
    class Settings { get() { return { manager }; } }
    nest.Injectable()(Settings);
    class SettingsModule {}
    nest.Module({ providers: [Settings], exports: [Settings] })(SettingsModule);
    class Feature {}
    nest.Module({ imports: [HawserModule.forFeature(['prices'])] })(Feature);
    const app = await NestFactory.createApplicationContext(rootOf(Feature, HawserModule.forRootAsync({ imports: [SettingsModule], inject: [Settings], useFactory: async (settings) => settings.get(), repositories: ['orders'] })), { logger: false });
    app.enableShutdownHooks(['SIGUSR2']);
    const orders = app.get(Orders);
    await orders.list('1', {});
    const seen = [(await orders.list('1', {})).n, app.select(Feature).get(getCacheToken('prices'), { strict: false }).prefix];
    const main = await RedisManager.getMainClient();
    process.once('exit', () => console.log(JSON.stringify({ seen, status: main.status })));
    process.kill(process.pid, 'SIGUSR2');
    // Nest sends the signal again when its hooks have run.
    process.once('SIGUSR2', () => process.once('SIGUSR2', () => process.exit(0)));
    await until(() => main.status === 'end');`);
  expect(result).toEqual({ seen: [1, 'prices'], status: 'end' });
}, 60_000);

test('wrong options are named', async () => {
  const result = await run(`
    const errors = [
      () => HawserModule.forRoot({ managr: {} }), () => HawserModule.forRoot({ bus: 1 }), () => HawserModule.forRoot({ repositories: ['a#'] }), () => HawserModule.forRootAsync({}), () => HawserModule.forRootAsync({ useFactory: () => 1, inject: 'x' }),
      () => Cacheable({}), () => Cacheable({ cache: 'a', tag: [] }), () => Cacheable({ cache: 'a', key: 'k' }), () => CacheEvict({ cache: 'a' }), () => CacheEvict({ cache: 'a', tags: [''] }), () => Cacheable({ cache: 'a' })(Orders.prototype, 'x', { value: 1 }),
    ].map((make) => { try { make(); return 'none'; } catch (error) { return error.message; } });
    await NestFactory.createApplicationContext(rootOf(HawserModule.forRootAsync({ useFactory: () => ({ url: 'x' }) })), { logger: false, abortOnError: false }).catch((error) => errors.push(error.message));
    await NestFactory.createApplicationContext(rootOf(HawserModule.forRoot({ manager: { url: 'http://x' }, repositories: ['orders'] })), { logger: false, abortOnError: false }).catch((error) => errors.push(error.name + ' ' + error.code));
    await RedisManager.closeAll();
    report(errors);`);
  expect(result).toEqual([
    'HawserModule.forRoot.managr is not an option; there are: manager, bus, close, repositories, isGlobal',
    'HawserModule.forRoot.bus must be true or false, got 1',
    'cache.prefix must be a string without #, got a string',
    'HawserModule.forRootAsync.useFactory must be a function, got undefined',
    'HawserModule.forRootAsync.inject must be an array, got a string',
    'Cacheable.cache must be a CacheRepository or the prefix of one, got undefined',
    expect.stringContaining('Cacheable.tag is not an option'),
    'Cacheable.key must be a function, got a string',
    'CacheEvict.tags must be given, where there is neither a key nor all: true, got undefined',
    'CacheEvict.tags[0] must be a non-empty string, got an empty string',
    'what @Cacheable stands at must be a method, got 1',
    'the result of HawserModule.forRootAsync.useFactory.url is not an option; there are: manager, bus, close',
    'HawserError E_BAD_OPTION',
  ]);
}, 60_000);
