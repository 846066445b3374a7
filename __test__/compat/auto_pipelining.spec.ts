/** `enableAutoPipelining`: which commands are held until the turn of the event loop ends, in which order they leave, and their results. */
import { serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';
import { compareOn } from './compare';
import { hawser, observe, outcome } from './peers';

const server = serverForAll();

type Make = (options?: object) => any;

/** The commands that go through `sendCommand`, as tools see them. */
function watch(redis: any): unknown[] {
  const seen: unknown[] = [];
  const { sendCommand } = redis;
  redis.sendCommand = function (command: any, ...rest: unknown[]) {
    seen.push([command.name, command.pipelineIndex, command.inTransaction]);
    return sendCommand.call(this, command, ...rest);
  };
  return seen;
}

/** Promises in the order in which they settled. */
async function inOrder(promises: Record<string, Promise<unknown>>): Promise<unknown> {
  const log: unknown[] = [];
  await Promise.all(Object.entries(promises).map(async ([name, promise]) => log.push([name, await outcome(promise)])));
  return log;
}

const scenarios: Record<string, (make: Make) => unknown> = {
  'commands of a tick are counted at once, until they have their replies': async (make) => {
    const r = make();
    const replies = [r.set('a', 1), r.get('a'), r.incr('a'), r.getBuffer('a')];
    return [r.autoPipelineQueueSize, observe(await Promise.all(replies)), r.autoPipelineQueueSize];
  },
  'nothing is counted while it is off': async (make) => {
    const r = make({ enableAutoPipelining: false });
    const reply = r.set('a', 1);
    return [r.autoPipelineQueueSize, await reply];
  },
  'held commands go through sendCommand as a pipeline, after commands that are not held': async (make) => {
    const r = make({ autoPipeliningIgnoredCommands: ['incr'] });
    await r.ping();
    const seen = watch(r);
    await Promise.all([r.set('a', 1), r.get('a'), r.info('server'), r.incr('b'), r.hset('h', { f: 1 })]);
    return seen;
  },
  'a command that is not held overtakes held ones': async (make) => {
    const r = make({ autoPipeliningIgnoredCommands: ['append'] });
    await r.ping();
    await Promise.all([r.set('a', 'held'), r.append('a', 'not held'), r.set('b', 1), r.select(1)]);
    return [await r.get('a'), await r.get('b'), await r.keys('*')];
  },
  'pipelines and transactions overtake held commands': async (make) => {
    const r = make();
    await r.ping();
    const all = Promise.all([r.append('a', 1), r.pipeline().append('a', 2).exec(), r.multi().append('a', 3).exec()]);
    return [await all, await r.get('a')];
  },
  'the list of ignored commands may change, and is looked up by the name of the method': async (make) => {
    const r = make();
    r.defineCommand('mine', { lua: 'return 1', numberOfKeys: 0 });
    r.options.autoPipeliningIgnoredCommands.push('mine', 'PING');
    const replies = [r.mine(), r.call('PING'), r.call('ping')];
    const held = r.autoPipelineQueueSize;
    r.options.autoPipeliningIgnoredCommands.length = 0;
    return [held, await Promise.all(replies)];
  },
  'each command rejects on its own': async (make) => {
    const r = make();
    await r.set('a', 'x');
    return inOrder({ incr: r.incr('a'), get: r.get('a'), unknown: r.call('nosuch', 'x'), hset: r.hset('a', 'b') });
  },
  'callbacks are called as well as the promise': async (make) => {
    const r = make();
    const log: unknown[] = [];
    const note = (name: string) => (...args: unknown[]) => log.push([name, observe(args)]);
    await Promise.all([r.set('a', 'x', note('set')), r.incr('a', note('incr')).catch(() => undefined), r.get('a', note('get'))]);
    await until(() => log.length === 3);
    return log;
  },
  'scripts, prefixes, objects and added commands': async (make) => {
    const r = make({ keyPrefix: 'p:' });
    r.defineCommand('pair', { lua: 'return {KEYS[1], ARGV[1]}', numberOfKeys: 1 });
    r.addBuiltinCommand('nosuch');
    const replies = [r.pair('k', 'v'), r.pairBuffer('k', 'w'), r.mset({ a: 1, b: 2 }), r.nosuch('x')].map(outcome);
    return [r.autoPipelineQueueSize, await Promise.all(replies), (await r.keys('*')).sort()];
  },
  'a script that the server has forgotten': async (make) => {
    const r = make();
    r.defineCommand('one', { lua: 'return 1', numberOfKeys: 0 });
    await r.one();
    await r.script('FLUSH');
    return Promise.all([r.one(), r.one(), r.get('none')]);
  },
  'functions of createBuiltinCommand are not held': async (make) => {
    const r = make();
    const reply = r.createBuiltinCommand('get').string.call(r, 'a');
    return [r.autoPipelineQueueSize, await reply];
  },
  'a lazy client connects when they are sent': async (make) => {
    const r = make({ lazyConnect: true });
    const reply = r.set('a', 1);
    return [r.status, await reply, r.status];
  },
  'without an offline queue': (make) => {
    const r = make({ enableOfflineQueue: false });
    return inOrder({ set: r.set('a', 1), get: r.get('a') });
  },
  'before disconnect': async (make) => {
    const r = make();
    await r.ping();
    const replies = inOrder({ set: r.set('a', 1), get: r.get('a') });
    r.disconnect();
    return [await replies, r.autoPipelineQueueSize];
  },
  'before quit': async (make) => {
    const r = make();
    await r.ping();
    return inOrder({ set: r.set('a', 1), quit: r.quit() });
  },
  'while one runs, the next is collected': async (make) => {
    const r = make();
    await r.ping();
    const popped = r.blpop('list', 0);
    await until(async () => (await server.info('clients')).blocked_clients === '1');
    const behind = r.set('x', 1);
    // The turn in which it would have been sent is over.
    await new Promise((resolve) => setImmediate(resolve));
    const held = r.autoPipelineQueueSize;
    await server.command('RPUSH', 'list', 'v');
    return [held, await popped, await behind, r.autoPipelineQueueSize];
  },
  'with showFriendlyErrorStack': async (make) => {
    const r = make({ showFriendlyErrorStack: true });
    const theCaller = (): Promise<Error> => r.call('nosuch').catch((error: Error) => error);
    return (await theCaller()).stack?.includes('theCaller');
  },
};

describe('enableAutoPipelining, as in ioredis:', () => {
  compareOn(() => server, scenarios, { enableAutoPipelining: true });
});

describe('enableAutoPipelining of hawser', () => {
  test('EXEC of a transaction that was opened by hand stays behind its commands', async () => {
    const redis: any = new hawser.Redis({ port: server.port, enableAutoPipelining: true });
    await redis.multi({ pipeline: false });
    const queued = [redis.set('a', 1), redis.get('a')];
    expect(await redis.exec()).toEqual([[null, 'OK'], [null, '1']]);
    expect(await Promise.all(queued)).toEqual(['QUEUED', 'QUEUED']);
    redis.disconnect();
  });
});
