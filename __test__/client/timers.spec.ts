/** Time: fake timers, deadlines during synchronous work, and what jest reports about a client's handles. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { Redis } from '../../lib';
import { ROOT, runNode } from '../helpers/process';
import { serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';

const server = serverForAll();

function busy(ms: number): void {
  const end = process.hrtime.bigint() + BigInt(ms) * 1_000_000n;
  while (process.hrtime.bigint() < end);
}

describe("jest's fake timers", () => {
  afterEach(() => jest.useRealTimers());

  test('that are installed before the client is made do not stop it', async () => {
    jest.useFakeTimers();
    const redis = new Redis(server.port, { retryStrategy: () => 1, commandTimeout: 5000 });
    expect(await redis.set('a', '1')).toBe('OK');
    expect(await redis.pipeline().get('a').exec()).toEqual([[null, '1']]);
    redis.disconnect(true);
    expect(await redis.get('a')).toBe('1');
    expect(await redis.quit()).toBe('OK');
    await until(() => redis.status === 'end');
  });

  test('that are installed while a client is connected do not stop it', async () => {
    const redis = new Redis(server.port);
    await redis.ping();
    jest.useFakeTimers();
    expect(await redis.get('none')).toBeNull();
    await expect(redis.call('nosuch')).rejects.toThrow('unknown command');
    redis.disconnect();
    await until(() => redis.status === 'end');
  });

  test('do not move commandTimeout', async () => {
    jest.useFakeTimers();
    const redis = new Redis(server.port, { commandTimeout: 40 });
    // Not by a command, which would have the timeout, too.
    await once(redis, 'ready');
    await server.command('CLIENT', 'PAUSE', 300, 'ALL');
    await expect(redis.get('a')).rejects.toThrow('Command timed out');
    await server.command('CLIENT', 'UNPAUSE');
    redis.disconnect();
  });
});

describe('commandTimeout', () => {
  test('replies that arrived during 300 ms of synchronous work are delivered, not timed out', async () => {
    const redis = new Redis(server.port, { commandTimeout: 250 });
    await redis.ping();
    const pending = Promise.allSettled([redis.set('a', 1), redis.get('a'), redis.echo('x'), redis.pipeline().get('a').exec()]);
    await new Promise(setImmediate);
    busy(300);
    expect((await pending).map((result) => result.status)).toEqual(Array(4).fill('fulfilled'));
    redis.disconnect();
  });

  test('synchronous work in the tick of the calls does not count', async () => {
    const redis = new Redis(server.port, { commandTimeout: 250 });
    await redis.ping();
    const pending = redis.echo('late to leave');
    busy(300);
    expect(await pending).toBe('late to leave');
    redis.disconnect();
  });

  test('a late command rejects, its reply goes to no other command, and the next ones are answered', async () => {
    const redis = new Redis(server.port, { commandTimeout: 60 });
    await redis.ping();
    await server.command('CLIENT', 'PAUSE', 400, 'ALL');
    const error: Error & { code?: string } = await redis.echo('late').catch((e: Error) => e) as never;
    expect([error.message, error.code]).toEqual(['Command timed out', 'E_TIMEOUT']);
    await server.command('CLIENT', 'UNPAUSE');
    expect(await redis.echo('next')).toBe('next');
    redis.disconnect();
  });

  test('time without a connection counts', async () => {
    const redis = new Redis(1, '127.0.0.1', { commandTimeout: 50, retryStrategy: () => 5, maxRetriesPerRequest: null });
    redis.on('error', () => undefined);
    await expect(redis.get('a')).rejects.toThrow('Command timed out');
    redis.disconnect();
  });
});

describe('jest in its own process', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'hawser-jest-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const runJest = (spec: string, config: object, ...args: string[]): ReturnType<typeof runNode> => {
    const head = `const { Redis, ReplyError } = require(${JSON.stringify(path.join(ROOT, 'index.js'))}); const port = ${server.port};\n`;
    writeFileSync(path.join(folder, 'small.test.js'), head + spec);
    const settings = { rootDir: folder, testEnvironment: 'node', transform: {}, ...config };
    return runNode(path.join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js'), { args: ['--ci', '--config', JSON.stringify(settings), ...args], deadlineMs: 30_000 });
  };

  const spec = `
    test('small', async () => {
      const redis = new Redis(port);
      expect(await redis.set('a', 1)).toBe('OK');
      const subscriber = redis.duplicate();
      const message = new Promise((resolve) => subscriber.on('message', (c, m) => resolve(m)));
      await subscriber.subscribe('c');
      await redis.publish('c', 'm');
      expect(await message).toBe('m');
      const error = await redis.incr('c1', 'too', 'many').catch((e) => e);
      expect(error).toBeInstanceOf(ReplyError);
      expect(error).toBeInstanceOf(Error);
      expect((await redis.multi().set('s', 'x').incr('s').exec())[1][0]).toBeInstanceOf(Error);
      expect(await redis.hgetall('none')).toEqual({});
      expect(await redis.mget('a', 'none')).toStrictEqual(['1', null]);
      await subscriber.quit();
      await redis.quit();
    });`;

  test('--detectOpenHandles finds no open handle', async () => {
    const result = await runJest(spec, {}, '--detectOpenHandles');
    expect(result.stderr).toMatch(/Tests: +1 passed/);
    expect(result.stderr).not.toMatch(/open handle|did not exit/);
    expect([result.code, result.timedOut]).toEqual([0, false]);
  });

  test('fakeTimers.enableGlobally does not stop a client', async () => {
    const result = await runJest(spec, { fakeTimers: { enableGlobally: true } });
    expect(result.stderr).toMatch(/Tests: +1 passed/);
    expect([result.code, result.timedOut]).toEqual([0, false]);
  });
});
