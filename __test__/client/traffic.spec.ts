/** Commands under load and across cuts: none is lost, none is answered twice, and every reply reaches its own command. */
import { Redis } from '../../lib';
import { Proxy } from '../helpers/proxy';
import { serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';

const server = serverForAll();
let proxy: Proxy;
beforeAll(async () => {
  proxy = await Proxy.start(server);
});
afterAll(() => proxy.stop());
beforeEach(() => server.command('FLUSHALL'));

interface Tally {
  answered: number;
  aborted: number;
  wrong: number;
}

/** Sends `n` pairs of INCR and ECHO in one tick and returns their outcomes. */
async function batch(redis: Redis, n: number): Promise<{ increments: Tally; echoes: Tally; settledTwice: number }> {
  const increments = { answered: 0, aborted: 0, wrong: 0 };
  const echoes = { answered: 0, aborted: 0, wrong: 0 };
  const counts = new Map<number, number>();
  const all: Promise<void>[] = [];
  for (let i = 0; i < n; i++) {
    all.push(
      redis.incr('n').then(
        () => void increments.answered++,
        (error: Error & { code?: string; maybeExecuted?: boolean }) => {
          if (error.code === 'E_ABORTED' && error.maybeExecuted === true) increments.aborted++;
          else increments.wrong++;
        },
      ),
      redis.echo(`echo ${i}`).then(
        (reply) => {
          counts.set(i, (counts.get(i) ?? 0) + 1);
          if (reply === `echo ${i}`) echoes.answered++;
          else echoes.wrong++;
        },
        () => void echoes.aborted++,
      ),
    );
  }
  await Promise.all(all);
  return { increments, echoes, settledTwice: [...counts.values()].filter((count) => count > 1).length };
}

describe('a reset in the middle of a batch', () => {
  const N = 500;
  // In the first reply, in the middle, in the last replies.
  const places = [1, 7, 2048, 5003, 9000];

  test.each(places)("resend 'all': every command is answered with its own reply (cut %d bytes into the replies)", async (place) => {
    const redis = new Redis(proxy.port, { retryStrategy: () => 1 });
    redis.on('error', () => undefined);
    await redis.ping();
    const connection = proxy.live[proxy.live.length - 1];
    if (connection) connection.plan = { direction: 'toClient', afterBytes: connection.bytes.toClient + place, afterMs: 5 };
    const { increments, echoes, settledTwice } = await batch(redis, N);
    expect([increments, echoes, settledTwice]).toEqual([{ answered: N, aborted: 0, wrong: 0 }, { answered: N, aborted: 0, wrong: 0 }, 0]);
    const ran = Number(await server.command('GET', 'n'));
    expect(ran).toBeGreaterThan(N);
    expect(ran).toBeLessThanOrEqual(2 * N);
    redis.disconnect();
  });

  test.each(places)("resend 'idempotent': reads are repeated, increments never are (cut %d bytes into the replies)", async (place) => {
    const redis = new Redis(proxy.port, { retryStrategy: () => 1, resend: 'idempotent' });
    redis.on('error', () => undefined);
    await redis.ping();
    const connection = proxy.live[proxy.live.length - 1];
    if (connection) connection.plan = { direction: 'toClient', afterBytes: connection.bytes.toClient + place, afterMs: 5 };
    const { increments, echoes } = await batch(redis, N);
    expect(echoes).toEqual({ answered: N, aborted: 0, wrong: 0 });
    expect([increments.answered + increments.aborted, increments.wrong]).toEqual([N, 0]);
    expect(increments.aborted).toBeGreaterThan(0);
    // All of them reached the server and ran once.
    expect(Number(await server.command('GET', 'n'))).toBe(N);
    redis.disconnect();
  });

  test('commands that never reached the server are sent again, whatever they are', async () => {
    const redis = new Redis(proxy.port, { retryStrategy: () => 1, resend: 'all' });
    redis.on('error', () => undefined);
    await redis.ping();
    const connection = proxy.live[proxy.live.length - 1];
    if (connection) connection.plan = { direction: 'toServer', afterBytes: connection.bytes.toServer + 3, afterMs: 5 };
    const { increments } = await batch(redis, N);
    expect(increments.answered).toBe(N);
    expect(Number(await server.command('GET', 'n'))).toBe(N);
    redis.disconnect();
  });

  test('a pipeline that was cut is rejected from the first unanswered command on, and later commands are answered', async () => {
    const redis = new Redis(proxy.port, { retryStrategy: () => 1 });
    redis.on('error', () => undefined);
    await redis.ping();
    const connection = proxy.live[proxy.live.length - 1];
    // `:1\r\n:2\r\n` and half of the third.
    if (connection) connection.plan = { direction: 'toClient', afterBytes: connection.bytes.toClient + 10, afterMs: 5 };
    const pipeline = redis.pipeline().incr('n').incr('n').incr('n').incr('n').exec();
    const later = redis.echo('later');
    const outcomes = (await pipeline) ?? [];
    expect(outcomes.slice(0, 2)).toEqual([[null, 1], [null, 2]]);
    expect(outcomes.slice(2).map(([error]) => [error?.name, error?.message])).toEqual([
      ['AbortError', 'Command aborted due to connection close'],
      ['AbortError', 'Command aborted due to connection close'],
    ]);
    expect(await later).toBe('later');
    redis.disconnect();
  });

  test('a transaction that was cut before EXEC was answered is rejected and never runs in part', async () => {
    const redis = new Redis(proxy.port, { retryStrategy: () => 1 });
    redis.on('error', () => undefined);
    await redis.ping();
    const connection = proxy.live[proxy.live.length - 1];
    if (connection) connection.plan = { direction: 'toClient', afterBytes: connection.bytes.toClient + 8, afterMs: 5 };
    await expect(redis.multi().incr('n').incr('n').exec()).rejects.toThrow('Command aborted due to connection close');
    expect(await redis.get('n')).toBe('2');
    redis.disconnect();
  });
});

describe('odd and large values', () => {
  let redis: Redis;
  beforeEach(() => {
    redis = new Redis(server.port);
  });
  afterEach(() => redis.disconnect());

  test('lone surrogates do not join with a neighbouring argument', async () => {
    const lone = Buffer.from([0xef, 0xbf, 0xbd]);
    await redis.rpush('l', '\ud83c', '\udf89', '\ud83c\udf89', 'a\ud800', '\udc00b', '\ud83c', '');
    const items = await redis.lrangeBuffer('l', 0, -1);
    const a = Buffer.from('a');
    const b = Buffer.from('b');
    expect(items).toEqual([lone, lone, Buffer.from('🎉'), Buffer.concat([a, lone]), Buffer.concat([lone, b]), lone, Buffer.alloc(0)]);
    expect(await redis.ping('still in step')).toBe('still in step');
  });

  test.each([31, 32, 33, 99, 100, 101, 9999, 10000, 65535, 65536, 131072, 262144, 300000])('text and bytes of %d characters come back unchanged', async (length) => {
    const ascii = 'x'.repeat(length);
    const wide = 'ż'.repeat(length);
    const bytes = Buffer.alloc(length, 0xff);
    await Promise.all([redis.set('a', ascii), redis.set('w', wide), redis.set('b', bytes), redis.set(wide, 'key')]);
    const [gotAscii, gotWide, gotBytes, byKey] = await Promise.all([redis.get('a'), redis.get('w'), redis.getBuffer('b'), redis.get(wide)]);
    expect(gotAscii === ascii && gotWide === wide && bytes.equals(gotBytes as unknown as Buffer) && byKey === 'key').toBe(true);
  });

  test('a value of 64 MB is written and read beside small ones', async () => {
    const value = Buffer.alloc(64 << 20, 'abcdefg');
    const replies = await Promise.all([redis.set('small', '1'), redis.set('large', value), redis.get('small'), redis.getBuffer('large'), redis.strlen('large'), redis.get('large')]);
    expect(replies[0]).toBe('OK');
    expect(replies[2]).toBe('1');
    expect(value.equals(replies[3] as unknown as Buffer)).toBe(true);
    expect(replies[4]).toBe(64 << 20);
    expect((replies[5] as unknown as string).length).toBe(64 << 20);
  });

  test('100,000 commands of one tick are all answered, in order', async () => {
    const seen: number[] = [];
    const all: Promise<unknown>[] = [];
    for (let i = 0; i < 100_000; i++) all.push(redis.incr('n').then((reply) => seen.push(reply)));
    await Promise.all(all);
    expect(seen.length).toBe(100_000);
    expect(seen.every((reply, index) => reply === index + 1)).toBe(true);
  });

  test('a Uint8Array that is not a Buffer is sent as bytes', async () => {
    await redis.set('u', new Uint8Array([0, 1, 255]) as unknown as Buffer);
    expect(await redis.getBuffer('u')).toEqual(Buffer.from([0, 1, 255]));
  });

  test('changing a key\'s Buffer after the call does not change the command', async () => {
    const key = Buffer.from('before');
    const done = redis.set(key, 'x');
    key.write('after!');
    await done;
    expect(await server.command('EXISTS', 'before')).toBe(1);
  });
});

describe('many connections', () => {
  test('two hundred clients leave nothing behind', async () => {
    const before = process.getActiveResourcesInfo().length;
    for (let round = 0; round < 10; round++) {
      const clients = Array.from({ length: 20 }, () => new Redis(server.port));
      await Promise.all(clients.map((client, i) => client.set(`k${i}`, i)));
      await Promise.all(clients.filter((_, i) => i % 2 === 0).map((client) => client.quit()));
      for (const client of clients) client.disconnect();
      await until(() => clients.every((client) => client.status === 'end'));
    }
    await until(async () => (await server.clientIds()).length === 0, { what: 'the server to have no clients' });
    await until(() => process.getActiveResourcesInfo().length <= before + 2, { what: 'no sockets and timers to be left' });
  });

  test('a client whose connection is killed again and again answers every command', async () => {
    const redis = new Redis(server.port, { retryStrategy: () => 1 });
    redis.on('error', () => undefined);
    for (let i = 0; i < 20; i++) {
      const id = Number(await redis.client('ID'));
      const replies = Promise.all(Array.from({ length: 50 }, (_, n) => redis.echo(`${n}`)));
      await server.command('CLIENT', 'KILL', 'ID', id);
      expect((await replies).every((reply, n) => reply === `${n}`)).toBe(true);
    }
    redis.disconnect();
  });

  test('a blocking command does not delay earlier replies, and has no commandTimeout', async () => {
    const redis = new Redis(server.port, { commandTimeout: 50 });
    const order: string[] = [];
    const blocked = redis.blpop('later', 10).then((reply) => order.push(`blocked ${String(reply)}`));
    await until(async () => (await server.info('clients')).blocked_clients === '1');
    // Longer than the commandTimeout, which the commands behind a blocking command do not have here.
    const other = new Redis(server.port);
    await other.set('a', 'b');
    await expect(redis.get('a')).rejects.toThrow('Command timed out');
    await other.rpush('later', 'value');
    await blocked;
    expect(order).toEqual(['blocked later,value']);
    expect(await redis.get('a')).toBe('b');
    redis.disconnect();
    other.disconnect();
  });
});
