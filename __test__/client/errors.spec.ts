/** Errors: their class, message and command, and the caller's line in their stack. */
import { AbortError, MaxRetriesPerRequestError, Redis, ReplyError } from '../../lib';
import { serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';

const server = serverForAll();
let redis: Redis;
beforeAll(() => {
  redis = new Redis(server.port);
});
afterAll(() => redis.disconnect());

describe('a ReplyError', () => {
  test('has the class that applications test for, wherever it appears', async () => {
    await redis.set('text', 'x');
    const direct = await redis.incr('text').catch((e: unknown) => e);
    const [[inPipeline]] = (await redis.pipeline().incr('text').exec()) as unknown as [[Error]];
    const [[inTransaction]] = (await redis.multi().incr('text').exec()) as unknown as [[Error]];
    const inScript = await redis.eval("return redis.call('incr', KEYS[1])", 1, 'text').catch((e: unknown) => e);
    const byCallback = await new Promise((resolve) => void redis.incr('text', (e: unknown) => resolve(e)).catch(() => undefined));
    for (const error of [direct, inPipeline, inTransaction, inScript, byCallback]) {
      expect(error).toBeInstanceOf(ReplyError);
      expect(error).toBeInstanceOf(Error);
      expect((error as Error).name).toBe('ReplyError');
    }
    expect(Redis.ReplyError).toBe(ReplyError);
  });

  test('has its command with the arguments as sent, and a code that is not printed', async () => {
    const error = (await redis.incr('text', 1 as never).catch((e: unknown) => e)) as Error & { command: unknown; code: string };
    expect(error.command).toEqual({ name: 'incr', args: ['text', '1'] });
    expect(error.code).toBe('E_REPLY');
    expect(Object.keys(error)).toEqual(['command']);
  });

  test('keeps its place inside a reply', async () => {
    const reply = (await redis.eval("return {1, redis.error_reply('MINE inside'), 'x'}", 0)) as unknown[];
    expect([reply[0], (reply[1] as Error).message, reply[2]]).toEqual([1, 'MINE inside', 'x']);
    expect(reply[1]).toBeInstanceOf(ReplyError);
  });
});

describe('the stack of a failed command', () => {
  async function theCallerOfTheFailedCommand(): Promise<unknown> {
    return await redis.call('nosuch');
  }

  test('contains the line that awaits it', async () => {
    const error = (await theCallerOfTheFailedCommand().catch((e: unknown) => e)) as Error;
    expect(error.stack).toMatch(/^ReplyError: ERR unknown command/);
    expect(error.stack).toContain('theCallerOfTheFailedCommand');
    expect(error.stack).toContain('errors.spec.ts');
  });

  test('contains that line through Promise.all, for time-outs and for closed connections', async () => {
    async function theGroup(): Promise<unknown> {
      return await Promise.all([redis.ping(), theCallerOfTheFailedCommand()]);
    }
    expect(((await theGroup().catch((e: unknown) => e)) as Error).stack).toContain('theGroup');
    const closed = new Redis(server.port);
    closed.disconnect();
    await until(() => closed.status === 'end');
    async function theLateCaller(): Promise<unknown> {
      return await closed.get('a');
    }
    expect(((await theLateCaller().catch((e: unknown) => e)) as Error).stack).toContain('theLateCaller');
  });
});

test('errors of aborted commands have ioredis\'s classes and texts', async () => {
  const lost = new Redis(1, '127.0.0.1', { maxRetriesPerRequest: 1, retryStrategy: () => 1 });
  lost.on('error', () => undefined);
  const error = (await lost.get('a').catch((e: unknown) => e)) as Error;
  expect(error).toBeInstanceOf(MaxRetriesPerRequestError);
  expect(error).toBeInstanceOf(AbortError);
  expect([error.name, error.message]).toEqual([
    'MaxRetriesPerRequestError',
    'Reached the max retries per request limit (which is 1). Refer to "maxRetriesPerRequest" option for details.',
  ]);
  lost.disconnect();
});

test('on memory:// every command and pipeline rejects with E_NEEDS_SERVER, and quit works', async () => {
  const memory = new Redis('memory://');
  expect(await memory.get('a').catch((e: { code: string }) => e.code)).toBe('E_NEEDS_SERVER');
  const outcomes = (await memory.pipeline().get('a').set('a', 1).exec()) ?? [];
  expect(outcomes.map(([error]) => (error as Error & { code: string }).code)).toEqual(['E_NEEDS_SERVER', 'E_NEEDS_SERVER']);
  expect(await memory.quit()).toBe('OK');
  await until(() => memory.status === 'end');
});

test.each([
  [[true], 'Invalid argument true'],
  [[{ db: -1 }], 'db must be an integer from 0 on, got -1'],
  [[{ db: 1.5 }], 'db must be an integer from 0 on, got 1.5'],
  [[{ sentinels: [], name: 'm' }], 'Requires at least one sentinel to connect to.'],
  [[{ sentinels: [{ host: 'a', port: 1 }] }], 'Requires the name of master.'],
  [[{ sentinels: [{ host: 'a', port: 99999 }], name: 'm' }], 'sentinels[0].port must be a port from 1 to 65535, got 99999'],
  [[{ transport: 'fiber' }], "transport must be 'socket' or 'thread', got a string"],
  [['redis://['], 'The connection string cannot be parsed'],
])('new Redis(%j) throws and leaves no connection behind: %s', (args, message) => {
  // The pipe to the process that runs the specs has requests of its own.
  const resources = (): string[] => process.getActiveResourcesInfo().filter((kind) => /TCP|TLS|Timeout|AddrInfo/.test(kind));
  const before = resources();
  expect(() => new Redis(...(args as []))).toThrow(message);
  expect(resources()).toEqual(before);
});
