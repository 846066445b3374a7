import * as net from 'node:net';
import { runNode, NodeProcess } from './process';
import { Proxy } from './proxy';
import { RawClient, parseReply } from './raw-client';
import { clientsForTest, endsWithTest, serverForAll } from './lifetimes';
import { RedisServer, freePort } from './redis-server';
import { until } from './until';

describe('until', () => {
  test('resolves with the result of the condition, and ignores earlier exceptions', async () => {
    let looks = 0;
    const value = await until(() => {
      if (++looks < 3) throw new Error('not yet');
      return 'here';
    });
    expect([value, looks]).toEqual(['here', 3]);
  });

  test('fails after the deadline and shows the last result', async () => {
    await expect(until(() => false, { deadlineMs: 20, what: 'the flag' })).rejects.toThrow(/not within 20 ms: the flag.*false/);
    await expect(until(() => new Promise(() => undefined), { deadlineMs: 20 })).rejects.toThrow(/did not answer/);
  });

  test('is not stopped by fake timers', async () => {
    jest.useFakeTimers();
    try {
      await expect(until(() => false, { deadlineMs: 20 })).rejects.toThrow('not within');
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('raw client', () => {
  test.each([
    ['+OK\r\n', 'OK'],
    [':42\r\n', 42],
    ['$-1\r\n', null],
    ['$3\r\na\r\n\r\n', 'a\r\n'],
    ['*2\r\n$1\r\na\r\n*1\r\n:1\r\n', ['a', [1]]],
    ['*-1\r\n', null],
    ['%1\r\n+k\r\n,1.5\r\n', new Map([['k', 1.5]])],
    ['#t\r\n', true],
    ['_\r\n', null],
    ['=5\r\ntxt:x\r\n', 'x'],
    ['|1\r\n+a\r\n+b\r\n:7\r\n', 7],
    ['(12345678901234567890\r\n', 12345678901234567890n],
  ])('parses %j, but no part of it', (wire, value) => {
    const bytes = Buffer.from(wire);
    expect(parseReply(bytes)).toEqual(value);
    for (let cut = 0; cut < bytes.length; cut++) expect(parseReply(bytes.subarray(0, cut))).toBeUndefined();
  });
});

describe('redis server', () => {
  const server = serverForAll({ password: 'se cret', users: ['alice on >pw ~* &* +@all'] });

  test('answers commands, large values included', async () => {
    const value = Buffer.alloc(8 << 20, 'x');
    expect(await server.command('SET', 'a', value)).toBe('OK');
    expect(value.equals((await server.commandBuffer('GET', 'a')) as Buffer)).toBe(true);
    await expect(server.command('LPUSH', 'a', 1)).rejects.toThrow('WRONGTYPE');
    await server.config.set('maxmemory-policy', 'allkeys-lru');
    expect(await server.config.get('maxmemory-policy')).toBe('allkeys-lru');
  });

  test('knows its users', async () => {
    const client = await RawClient.connect(server);
    await expect(client.command('PING')).rejects.toThrow('NOAUTH');
    expect(await client.command('AUTH', 'alice', 'pw')).toBe('OK');
    client.close();
    await expect(client.command('PING')).rejects.toThrow('closed');
  });

  test('counts commands', async () => {
    const calls = await server.countCommands(async () => {
      await server.command('GET', 'x');
      await server.command('GET', 'x');
      await server.command('EVAL', "return redis.call('incr', KEYS[1])", 1, 'n');
    });
    expect(calls).toEqual({ get: 2, eval: 1, incr: 1 });
  });

  test('freezes and thaws', async () => {
    server.freeze();
    let answered = false;
    const reply = server.command('PING').then(() => (answered = true));
    await expect(until(() => answered, { deadlineMs: 100 })).rejects.toThrow();
    server.thaw();
    await reply;
  });

  test('dies and comes back on the same port', async () => {
    const { port, pid } = server;
    await server.kill();
    await expect(RawClient.connect(server)).rejects.toThrow('ECONNREFUSED');
    await server.launch();
    expect(server.port).toBe(port);
    await server.restart();
    expect(server.pid).not.toBe(pid);
    expect(await server.command('GET', 'a')).toBeNull();
  });

  test('speaks TLS with its own certificates', async () => {
    const secure = await RedisServer.start({ tls: { clientCertificates: true } });
    const { ca, client } = secure.certificates!;
    const target = { port: secure.port, host: 'localhost' };
    const raw = await RawClient.connect({ ...target, tls: { ca, ...client } });
    expect(await raw.command('PING')).toBe('PONG');
    await expect(RawClient.connect({ ...target, tls: {} })).rejects.toThrow();
    const stranger = await RawClient.connect({ ...target, tls: { ca } });
    await expect(stranger.command('PING')).rejects.toThrow();
    await secure.stop();
  });

  test('shows why it cannot start', async () => {
    await expect(RedisServer.start({ args: ['--nonsense', '1'] })).rejects.toThrow(/nonsense/);
    await expect(RedisServer.start({ binary: '/no/such/server' })).rejects.toThrow(/cannot run/);
  });

  test('does not outlive the process that started it', async () => {
    const source = `
      require('ts-jest');
      const ts = require('typescript');
      require.extensions['.ts'] = (module, file) => module._compile(ts.transpileModule(require('fs').readFileSync(file, 'utf8'), { compilerOptions: { module: 'commonjs', target: 'es2022' } }).outputText, file);
      const { RedisServer } = require('./__test__/helpers/redis-server.ts');
      RedisServer.start().then((server) => console.log('pid', server.pid));
      setInterval(() => 0, 1000);
    `;
    const child = new NodeProcess(source);
    const pid = Number((await child.line(/^pid/)).slice(4));
    process.kill(pid, 0);
    await child.kill();
    await until(() => {
      try {
        process.kill(pid, 0);
        return false;
      } catch {
        return true;
      }
    });
  });
});

describe('what a test makes', () => {
  const server = serverForAll();
  const connect = clientsForTest(() => ({ port: server.port, retryStrategy: null }));
  const ends = endsWithTest();
  const made: { proxy?: Proxy; client?: { status: string; options: { port?: number } } } = {};

  test('lives as long as the test', async () => {
    made.proxy = ends(await Proxy.start(server));
    const client = (made.client = connect(made.proxy.port));
    expect([await client.ping(), client.options.port, made.proxy.live.length]).toEqual(['PONG', made.proxy.port, 1]);
  });

  test('is gone in the next one', async () => {
    await until(() => made.client?.status === 'end');
    expect([made.proxy?.live.length, await server.clientIds()]).toEqual([0, []]);
    await expect(RawClient.connect({ port: made.client?.options.port ?? 0 })).rejects.toThrow('ECONNREFUSED');
  });
});

describe('proxy', () => {
  const server = serverForAll();
  let proxy: Proxy;
  beforeAll(async () => {
    proxy = await Proxy.start(server);
  });
  afterAll(() => proxy.stop());

  test('passes on, counts and ends', async () => {
    const client = await RawClient.connect(proxy);
    expect(await client.command('ECHO', 'hello')).toBe('hello');
    expect([proxy.accepted, proxy.live.length, proxy.live[0].bytes.toClient]).toEqual([1, 1, 11]);
    client.close();
    await until(() => proxy.live.length === 0);
  });

  test('cuts with a reset after an exact number of reply bytes', async () => {
    for (const afterBytes of [0, 1, 7, 12]) {
      proxy.cut({ direction: 'toClient', afterBytes, afterMs: 20 });
      const socket = net.connect(proxy.port);
      let got = 0;
      let failure = '';
      socket.on('data', (chunk) => (got += chunk.length));
      socket.on('error', (error: NodeJS.ErrnoException) => (failure = error.code!));
      socket.write('PING\r\nPING\r\n');
      await until(() => failure);
      expect([got, failure]).toEqual([afterBytes, 'ECONNRESET']);
    }
  });

  test('cuts after an exact number of request bytes', async () => {
    proxy.cut({ direction: 'toServer', afterBytes: 'SET cut 1\r\nSE'.length, how: 'fin' });
    const client = await RawClient.connect(proxy);
    client.write('SET cut 1\r\nSET cut 2\r\n');
    await expect(client.read()).rejects.toThrow('closed');
    await until(async () => (await server.command('GET', 'cut')) === '1');
  });

  test('stalls, delays and resumes in order', async () => {
    const client = await RawClient.connect(proxy);
    proxy.stall('toClient');
    const seen: unknown[] = [];
    const all = [1, 2, 3].map((n) => client.command('INCR', 'stalled').then((reply) => seen.push([n, reply])));
    await until(async () => (await server.command('GET', 'stalled')) === '3');
    expect(seen).toEqual([]);
    proxy.delayMs = 20;
    proxy.resume();
    await Promise.all(all);
    proxy.delayMs = 0;
    expect(seen).toEqual([[1, 1], [2, 2], [3, 3]]);
    client.close();
  });

  test('refuses, ignores and cuts all', async () => {
    proxy.reception = 'refuse';
    const refused = RawClient.connect(proxy).then((client) => client.command('PING'));
    await expect(refused).rejects.toThrow(/ECONNRESET|closed/);
    proxy.reception = 'ignore';
    const ignored = await RawClient.connect(proxy);
    const lost = expect(ignored.command('PING')).rejects.toThrow('ECONNRESET');
    proxy.reception = 'pass';
    const client = await RawClient.connect(proxy);
    await client.command('PING');
    const cut = expect(client.command('BLPOP', 'nothing', 0)).rejects.toThrow('ECONNRESET');
    proxy.cutAll();
    await Promise.all([lost, cut]);
  });

  test('closes connections when the server is gone', async () => {
    const lost = await Proxy.start({ port: await freePort() });
    const client = RawClient.connect(lost).then((raw) => raw.command('PING'));
    await expect(client).rejects.toThrow(/ECONNRESET|closed/);
    await lost.stop();
  });
});

describe('process', () => {
  test('runs a snippet and reports how it ended', async () => {
    const result = await runNode('console.log(process.argv.slice(-1)[0]); console.error("e"); process.exitCode = 3', { args: ['x'] });
    expect(result).toMatchObject({ code: 3, signal: null, stdout: 'x\n', stderr: 'e\n', timedOut: false });
    expect((await runNode('console.log(typeof require, import.meta.url.slice(0, 4))', { esm: true })).stdout).toBe('undefined file\n');
  });

  test('kills a process that does not end', async () => {
    const result = await runNode('setInterval(() => 0, 1000)', { deadlineMs: 300 });
    expect(result).toMatchObject({ timedOut: true, signal: 'SIGKILL' });
  });

  test('exchanges lines with a running process', async () => {
    const child = new NodeProcess("process.stdin.on('data', (text) => { console.log('got ' + text); process.exit(); })");
    child.send('this');
    expect(await child.line(/^got/)).toBe('got this');
    expect((await child.done).code).toBe(0);
  });
});
