/** The limit of the queue: `maxQueueCommands`. */
import { clientsForTest, serverForAll } from '../helpers/lifetimes';

const server = serverForAll();

const connect = clientsForTest(() => ({ port: server.port }));

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'ran',
    (error: { code?: string }) => error.code,
  );

test('commands beyond the limit are rejected at once', async () => {
  const redis = connect({ maxQueueCommands: 2 });
  const outcomes = [redis.set('a', 1), redis.set('b', 2), redis.set('c', 3)].map(codeOf);
  expect(await Promise.all(outcomes)).toEqual(['ran', 'ran', 'E_QUEUE_FULL']);
  expect(await redis.get('a')).toBe('1');
});

test('a transaction is accepted as a whole, even if there is room for a part only', async () => {
  const redis = connect({ maxQueueCommands: 2 });
  expect(await redis.multi().set('a', 1).incr('a').get('a').exec()).toEqual([[null, 'OK'], [null, 2], [null, '2']]);
  expect(await redis.get('a')).toBe('2');
});

describe('a long queue that is rejected', () => {
  const COUNT = 50_000;

  /** Turns of the event loop until `done`. */
  async function turnsUntil(done: Promise<unknown>): Promise<number> {
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    await done;
    isOver = true;
    return turns;
  }

  test.each(['promises', 'callbacks', 'pipelines'])('lets the event loop turn, and keeps its order (%s)', async (how) => {
    const redis = connect({ port: 1, retryStrategy: () => 60_000 });
    const lost = new Promise((resolve) => redis.once('error', resolve));
    const order: number[] = [];
    let left = COUNT;
    let finish = (): void => undefined;
    const done = new Promise<void>((resolve) => (finish = resolve));
    const heard = (i: number): void => {
      order.push(i);
      if (--left === 0) finish();
    };
    for (let i = 0; i < COUNT; i++) {
      if (how === 'promises') redis.get('k').catch(() => heard(i));
      else if (how === 'callbacks') redis.get('k', () => heard(i)).catch(() => undefined);
      else void redis.pipeline().get('k').exec(() => heard(i));
    }
    await lost;
    redis.disconnect();
    expect(await turnsUntil(done)).toBeGreaterThan(COUNT / 1000);
    expect(order).toEqual(Array.from({ length: COUNT }, (_, i) => i));
  });

  test('is rejected before later commands are answered', async () => {
    const redis = connect({ maxRetriesPerRequest: 0, retryStrategy: () => 1 });
    await redis.ping();
    const order: string[] = [];
    redis.blpop('nothing', 0).catch(() => order.push('rejected'));
    for (let i = 0; i < 5000; i++) redis.get('k').catch(() => order.push('rejected'));
    const id = await new Promise<string>((resolve) => {
      const list = setInterval(() => void server.command('CLIENT', 'LIST').then((text) => {
        const blocked = /^id=(\d+) .*cmd=blpop/m.exec(String(text));
        if (blocked) { clearInterval(list); resolve(blocked[1]); }
      }), 5);
    });
    const again = new Promise((resolve) => redis.once('ready', resolve));
    await server.command('CLIENT', 'KILL', 'ID', id);
    await again;
    const answered = Array.from({ length: 10 }, () => redis.ping().then(() => order.push('answered')));
    await Promise.all(answered);
    expect([order.length, order.lastIndexOf('rejected')]).toEqual([5011, 5000]);
  });
});
