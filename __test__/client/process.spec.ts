/** How a process with a client ends, what worker threads leave behind, and what happens if a listener throws. */
import { serverForAll } from '../helpers/lifetimes';
import { RedisServer } from '../helpers/redis-server';
import { runNode } from '../helpers/process';
import { until } from '../helpers/until';

const server = serverForAll();
beforeEach(() => server.command('FLUSHALL'));

/** Runs a snippet with a client class `Redis` and the server's `port`. */
const run = (body: string, deadlineMs = 15_000): ReturnType<typeof runNode> =>
  runNode(`const { Redis } = require('hawser'); const port = ${server.port};\n(async () => {\n${body}\n})();`, { deadlineMs });

describe('exit', () => {
  test('the commands of a tick leave before process.exit', async () => {
    const result = await run(`
      const redis = new Redis(port);
      await redis.ping();
      redis.set('last', 'words');
      redis.pipeline().set('piped', 'too').exec();
      process.exit(3);`);
    expect([result.code, result.stderr]).toEqual([3, '']);
    await until(async () => (await server.command('GET', 'last')) === 'words' && (await server.command('GET', 'piped')) === 'too');
  });

  test('a PUBLISH before synchronous work and process.exit arrives', async () => {
    const subscriber = await server.connect();
    await subscriber.command('SUBSCRIBE', 'news');
    const published = server.countCommands(async () => {
      const result = await run(`
        const redis = new Redis(port);
        await redis.ping();
        redis.publish('news', 'now');
        const end = Date.now() + 300;
        while (Date.now() < end);
        process.exit(0);`);
      expect(result.code).toBe(0);
      await until(async () => ((await server.commandCalls()).publish ?? 0) > 0);
    });
    expect((await published).publish).toBe(1);
    subscriber.close();
  });

  test.each([
    ['quit', 'const redis = new Redis(port); await redis.set("a", 1); await redis.quit();'],
    ['disconnect', 'const redis = new Redis(port); await redis.set("a", 1); redis.disconnect();'],
    ['disconnect before it is connected', 'const redis = new Redis(port); redis.disconnect();'],
    ['a lazy client that was never used', 'new Redis(port, { lazyConnect: true });'],
    ['a retryStrategy that gives up', 'const redis = new Redis(1, { retryStrategy: (n) => (n < 3 ? 1 : null) }); redis.on("error", () => {});'],
    ['a pipeline and a transaction that were never sent', 'const redis = new Redis(port); redis.pipeline().get("a"); redis.multi().get("a"); await redis.quit();'],
    ['unref', 'const redis = new Redis(port).unref(); await redis.set("a", 1); redis.unref();'],
    ['subscriptions', 'const redis = new Redis(port); await redis.subscribe("a"); await redis.quit();'],
    ['a blocked command', 'const redis = new Redis(port); redis.blpop("none", 0).catch(() => {}); await redis.ping; setTimeout(() => redis.disconnect(), 20);'],
    ['commandTimeout', 'const redis = new Redis(port, { commandTimeout: 60000 }); await redis.get("a"); await redis.quit();'],
  ])('the process ends on its own after: %s', async (_, body) => {
    const result = await run(body, 8000);
    expect([result.code, result.timedOut, result.stderr]).toEqual([0, false, '']);
    expect(result.durationMs).toBeLessThan(5000);
  });

  test('an open client keeps the process alive', async () => {
    const result = await run('const redis = new Redis(port); await redis.set("a", 1);', 1500);
    expect(result.timedOut).toBe(true);
  });

  test('a client whose connection was lost keeps the process alive', async () => {
    const result = await run(`
      const redis = new Redis(port, { watchdogMs: 1000, retryStrategy: () => 800 });
      await redis.ping();
      setTimeout(() => {
        redis.once('ready', () => { console.log('again'); redis.disconnect(); });
        redis.stream.destroy();
      }, 600);`);
    expect([result.code, result.stdout]).toEqual([0, 'again\n']);
  });

  test('lazy clients that were never used are collected', async () => {
    const result = await runNode(
      `const { Redis } = require('hawser');
      const made = Array.from({ length: 20 }, () => new WeakRef(new Redis({ lazyConnect: true })));
      setTimeout(() => { gc(); setTimeout(() => { gc(); console.log(made.filter((ref) => ref.deref()).length); }, 10); }, 10);`,
      { nodeArgs: ['--expose-gc'] },
    );
    expect(result.stdout).toBe('0\n');
  });

  test('a client that is between two connections keeps the process alive', async () => {
    const result = await run('const redis = new Redis(1, { retryStrategy: () => 60000 }); redis.on("error", () => {});', 1500);
    expect(result.timedOut).toBe(true);
  });
});

describe('exit with much in flight', () => {
  // Bytes beyond the kernel's buffer (some 200 kB for a unix socket) wait in the event loop and are lost with it.
  test.each([
    ['TCP', 20_000],
    ['a unix socket', 2_000],
  ])('the commands of a tick are executed (%s, %s commands)', async (where, count) => {
    const target = where === 'TCP' ? 'port' : JSON.stringify(server.path);
    const result = await run(`
      const redis = new Redis(${target});
      await redis.ping();
      for (let i = 0; i < ${count}; i++) redis.incr('many');
      process.exit(3);`);
    expect([result.code, result.stderr]).toEqual([3, '']);
    await until(async () => (await server.clientIds()).length === 0);
    expect(await server.command('GET', 'many')).toBe(String(count));
  });

  test('a silent server and a blocking command delay the exit only briefly', async () => {
    const other = await RedisServer.start();
    const script = (issue: string): string => `
      const redis = new Redis(${other.port});
      await redis.ping();
      ${issue}
      const started = Date.now();
      process.on('exit', () => console.log(Date.now() - started < 5000));
      process.exit(0);`;
    expect((await run(script("redis.blpop('none', 0);"))).stdout).toBe('true\n');
    expect((await run(script(`redis.get('a'); process.kill(${other.pid}, 'SIGSTOP');`))).stdout).toBe('true\n');
    await other.stop();
  });
});

describe('worker threads', () => {
  test('a client works in a worker and ends with it', async () => {
    const result = await run(`
      const { Worker } = require('node:worker_threads');
      const code = 'const { parentPort } = require("node:worker_threads"); const { Redis } = require("hawser");' +
        'const redis = new Redis(' + port + '); redis.set("w", "1").then(() => redis.get("w")).then((v) => redis.quit().then(() => parentPort.postMessage(v)));';
      const worker = new Worker(code, { eval: true });
      worker.on('message', (m) => console.log('got', m));
      worker.on('exit', (c) => console.log('exit', c));`);
    expect([result.code, result.stdout]).toEqual([0, 'got 1\nexit 0\n']);
  });

  test('eighty workers that are terminated under traffic leave no socket and cause no crash', async () => {
    const result = await run(
      `
      const { Worker } = require('node:worker_threads');
      const { readdirSync } = require('node:fs');
      const code = 'const { parentPort } = require("node:worker_threads"); const { Redis } = require("hawser");' +
        'const redis = new Redis(' + port + ', { commandTimeout: 1000 }); redis.subscribe("chan"); redis.on("message", () => {});' +
        'const go = () => { for (let i = 0; i < 100; i++) redis.incr("n").catch(() => {}); redis.getBuffer("n").then(go, () => {}); };' +
        'redis.ping().then(() => { go(); parentPort.postMessage("up"); });';
      const round = () => new Promise((resolve) => {
        const worker = new Worker(code, { eval: true });
        worker.once('message', () => setTimeout(() => worker.terminate().then(resolve), Math.random() * 10));
      });
      for (let i = 0; i < 2; i++) await Promise.all([round(), round()]);
      const fds = () => readdirSync('/proc/self/fd').length;
      const before = fds();
      for (let i = 0; i < 20; i++) await Promise.all([round(), round(), round(), round()]);
      await new Promise((resolve) => setTimeout(resolve, 50));
      console.log(JSON.stringify({ leaked: fds() - before }));`,
      60_000,
    );
    expect([result.code, result.signal, result.stderr]).toEqual([0, null, '']);
    expect((JSON.parse(result.stdout) as { leaked: number }).leaked).toBeLessThanOrEqual(2);
    await until(async () => (await server.clientIds()).length === 0, { what: 'the server to have no clients' });
  }, 70_000);

  test('process.exit in a worker and in the main thread with commands in flight', async () => {
    const result = await run(`
      const { Worker } = require('node:worker_threads');
      const code = 'const { Redis } = require("hawser"); const redis = new Redis(' + port + ');' +
        'redis.ping().then(() => { for (let i = 0; i < 1000; i++) redis.incr("x"); process.exit(7); });';
      new Worker(code, { eval: true }).on('exit', (c) => {
        const redis = new Redis(port);
        redis.ping().then(() => { for (let i = 0; i < 1000; i++) redis.incr("y"); console.log(c); process.exit(5); });
      });`);
    expect([result.code, result.stdout, result.stderr]).toEqual([5, '7\n', '']);
    await until(async () => (await server.command('GET', 'x')) === '1000' && (await server.command('GET', 'y')) === '1000');
  });
});

describe('an exception of user code', () => {
  const trap = "const caught = []; process.on('uncaughtException', (e) => caught.push(e.message));";

  test('in a message listener is an uncaught exception, and later messages and replies arrive', async () => {
    const result = await run(`
      ${trap}
      const redis = new Redis(port);
      const other = new Redis(port);
      const seen = [];
      redis.on('message', (c, m) => { seen.push(m); if (m === '1') throw new Error('listener'); });
      redis.on('messageBuffer', (c, m) => { if (String(m) === '2') throw new Error('second'); });
      await redis.subscribe('c');
      await Promise.all([other.publish('c', '0'), other.publish('c', '1'), other.publish('c', '2'), other.publish('c', '3')]);
      const reply = await redis.echo('fine');
      await new Promise((r) => setTimeout(r, 20));
      console.log(JSON.stringify({ caught, seen, reply, status: redis.status }));
      redis.disconnect(); other.disconnect();`);
    expect(JSON.parse(result.stdout)).toEqual({ caught: ['listener', 'second'], seen: ['0', '1', '2', '3'], reply: 'fine', status: 'ready' });
  });

  test('in a callback is an uncaught exception, and the replies of the same read arrive', async () => {
    const result = await run(`
      ${trap}
      const redis = new Redis(port);
      await redis.ping();
      redis.set('a', 1, () => { throw new Error('callback'); });
      const rest = await Promise.all([redis.get('a'), redis.echo('x')]);
      await new Promise((r) => setTimeout(r, 20));
      console.log(JSON.stringify({ caught, rest }));
      redis.disconnect();`);
    expect(JSON.parse(result.stdout)).toEqual({ caught: ['callback'], rest: ['1', 'x'] });
  });

  test.each(['connect', 'ready', 'close', 'reconnecting', 'end'])('in a listener of %s is an uncaught exception, and the client continues', async (event) => {
    const result = await run(`
      ${trap}
      const redis = new Redis(port, { retryStrategy: () => 1 });
      redis.once('${event}', () => { throw new Error('in ${event}'); });
      await redis.ping();
      redis.disconnect(true);
      while (redis.status === 'ready') await new Promise(setImmediate);
      const reply = await redis.echo('again');
      redis.disconnect();
      await new Promise((r) => setTimeout(r, 30));
      console.log(JSON.stringify({ caught, reply, status: redis.status }));`);
    expect(JSON.parse(result.stdout)).toEqual({ caught: [`in ${event}`], reply: 'again', status: 'end' });
  });

  test('in a listener of select at a reconnect is an uncaught exception, and the client becomes ready', async () => {
    const result = await run(`
      ${trap}
      const redis = new Redis(port, { retryStrategy: () => 1 });
      await redis.select(1);
      redis.once('select', () => { throw new Error('select'); });
      redis.stream.destroy();
      while (redis.status === 'ready') await new Promise(setImmediate);
      const end = Date.now() + 1000;
      while (redis.status !== 'ready' && Date.now() < end) await new Promise(setImmediate);
      console.log(JSON.stringify({ caught, status: redis.status }));
      redis.disconnect();`);
    expect(JSON.parse(result.stdout)).toEqual({ caught: ['select'], status: 'ready' });
  });

  test('in a listener of error, in retryStrategy or in reconnectOnError is an uncaught exception, and the client stays usable', async () => {
    const result = await run(`
      ${trap}
      const redis = new Redis(1, { lazyConnect: true, retryStrategy: () => { throw new Error('strategy'); } });
      redis.on('error', () => { throw new Error('error listener'); });
      await redis.connect().catch((e) => caught.push('connect: ' + e.message));
      await new Promise((r) => setTimeout(r, 30));
      const other = new Redis(port, { reconnectOnError: () => { throw new Error('verdict'); } });
      const [failed, fine] = await Promise.allSettled([other.call('nosuch'), other.echo('fine')]);
      await new Promise((r) => setTimeout(r, 30));
      console.log(JSON.stringify({ caught: caught.sort(), status: redis.status, failed: failed.status, fine: fine.value }));
      redis.disconnect(); other.disconnect();`);
    expect(JSON.parse(result.stdout)).toEqual({
      caught: ['connect: Connection is closed.', 'error listener', 'strategy', 'verdict'],
      status: 'end',
      failed: 'rejected',
      fine: 'fine',
    });
  });

  test('in a replaced `resolve` is an uncaught exception, and later replies arrive', async () => {
    const result = await run(`
      ${trap}
      const redis = new Redis(port);
      await redis.ping();
      const { sendCommand } = redis;
      redis.sendCommand = function (command) {
        if (command.args[0] === 'boom') command.resolve = () => { throw new Error('resolve'); };
        return sendCommand.apply(this, arguments);
      };
      redis.echo('boom');
      const reply = await redis.echo('x');
      await new Promise((r) => setTimeout(r, 20));
      console.log(JSON.stringify({ caught, reply }));
      redis.disconnect();`);
    expect(JSON.parse(result.stdout)).toEqual({ caught: ['resolve'], reply: 'x' });
  });

  test('an error event without a listener is one line on the console', async () => {
    const result = await run('const redis = new Redis(1, { retryStrategy: null });');
    expect([result.code, result.stderr.match(/\[ioredis\] Unhandled error event: /g)?.length]).toEqual([0, 1]);
  });
});
