/** Slots that move while clients use them: no error, no wrong value, nothing lost or done twice. */
import { Cluster } from '../../lib';
import { clusterForAll } from '../helpers/lifetimes';
import type { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

const servers = clusterForAll({ replicas: 0 });
let client: Cluster;
beforeEach(async () => {
  await servers.flush();
  client = new Cluster(servers.nodes);
  await until(() => client.status === 'ready');
});
afterEach(() => client.disconnect());

/** Another master than the one of a slot. */
async function otherThan(slot: number): Promise<RedisServer> {
  const owner = await servers.ownerOf(slot);
  return servers.masters.find((server) => server !== owner) as RedisServer;
}

/** Operations a second that the issue of slots under load is about. */
const RATE = 5000;

test('resharding under thousands of operations a second: no error, no wrong value, no INCR lost or doubled', async () => {
  const counters = Array.from({ length: 30 }, (_, n) => `counter:${n}`);
  const values = Array.from({ length: 30 }, (_, n) => `value:${n}`);
  const issued = new Map(counters.map((key) => [key, 0]));
  const errors: unknown[] = [];
  let isOver = false;
  let done = 0;
  /** Several in flight on one key: their replies are in the order of the calls. */
  const count = async (key: string): Promise<void> => {
    const first = issued.get(key) as number;
    issued.set(key, first + 5);
    const replies = await Promise.all(Array.from({ length: 5 }, () => client.incr(key)));
    expect(replies).toEqual([1, 2, 3, 4, 5].map((n) => first + n));
    done += 5;
  };
  let round = 0;
  const change = async (key: string): Promise<void> => {
    const value = `${key} ${++round}`;
    const [, read, pairs] = await Promise.all([client.set(key, value), client.get(key), client.pipeline().get(key).getset(key, value).exec()]);
    expect([read, pairs]).toEqual([value, [[null, value], [null, value]]]);
    done += 4;
  };
  const loop = async (step: (key: string) => Promise<void>, key: string): Promise<void> => {
    while (!isOver && errors.length === 0) await step(key).catch((error: unknown) => errors.push(error));
  };
  const loops = [...counters.map((key) => loop(count, key)), ...values.map((key) => loop(change, key))];
  /** The rate of a time. */
  const during = async (run: () => Promise<unknown>): Promise<number> => {
    const [before, start] = [done, performance.now()];
    await run();
    return ((done - before) * 1000) / (performance.now() - start);
  };
  const measure = async (): Promise<[calm: number, moving: number]> => [
    await during(() => until(() => done > 10_000)),
    await during(async () => {
      for (const key of [...counters.slice(0, 12), ...values.slice(0, 12)]) await servers.moveSlot(servers.slotOf(key), await otherThan(servers.slotOf(key)));
    }),
  ];
  const [calm, moving] = await measure().finally(() => (isOver = true));
  await Promise.all(loops);
  expect(errors).toEqual([]);
  for (const key of counters) expect([key, Number(await client.get(key))]).toEqual([key, issued.get(key)]);
  if (process.env.HAWSER_FIGURES) process.stdout.write(`${calm.toFixed(0)} operations a second, ${moving.toFixed(0)} while slots move\n`);
  // What the machine gives in calm times is the measure, where that is less.
  expect(moving).toBeGreaterThan(Math.min(RATE, calm / 4));
});

test('writes of one key keep their order through a redirect', async () => {
  const slot = servers.slotOf('order');
  let isOver = false;
  let moves = 0;
  const moving = (async () => {
    for (; !isOver; moves++) await servers.moveSlot(slot, await otherThan(slot));
  })();
  for (let round = 0; round < 100 || moves < 4; round++) {
    const writes = Array.from({ length: 20 }, (_, n) => client.set('order', `${round}-${n}`));
    const last = client.get('order');
    await Promise.all(writes);
    expect(await last).toBe(`${round}-19`);
  }
  isOver = true;
  await moving;
});

test('a half moved slot answers for keys on both sides', async () => {
  const slot = servers.slotOf('{half}1');
  const to = await otherThan(slot);
  await client.set('{half}1', 'one');
  await client.set('{half}2', 'two');
  const from = await servers.openMove(slot, to);
  await servers.moveKeys(slot, from, to, ['{half}1']);
  expect(await Promise.all([client.get('{half}1'), client.get('{half}2'), client.get('{half}3')])).toEqual(['one', 'two', null]);
  expect(await client.pipeline().get('{half}1').get('{half}2').set('{half}4', 'four').exec()).toEqual([[null, 'one'], [null, 'two'], [null, 'OK']]);
  // Keys on both sides: TRYAGAIN until the move is over.
  const both = client.mget('{half}1', '{half}2');
  await servers.moveKeys(slot, from, to);
  await servers.closeMove(slot, to);
  expect(await both).toEqual(['one', 'two']);
  expect(await client.get('{half}4')).toBe('four');
});

test('transactions move whole', async () => {
  const slot = servers.slotOf('{tx}n');
  let isOver = false;
  let moves = 0;
  const moving = (async () => {
    for (; !isOver; moves++) await servers.moveSlot(slot, await otherThan(slot));
  })();
  for (let round = 1; round <= 100 || moves < 4; round++) {
    expect(await client.multi().incr('{tx}n').incr('{tx}m').exec()).toEqual([[null, round], [null, round]]);
  }
  isOver = true;
  await moving;
});

test('scripts follow their keys', async () => {
  client.defineCommand('both', { lua: "return {redis.call('INCR', KEYS[1]), ARGV[1]}", numberOfKeys: 1 });
  const scripted = client as unknown as { both(key: string, arg: string): Promise<unknown> };
  const slot = servers.slotOf('scripted');
  for (let round = 1; round <= 4; round++) {
    expect(await Promise.all([scripted.both('scripted', 'a'), scripted.both('scripted', 'b')])).toEqual([[2 * round - 1, 'a'], [2 * round, 'b']]);
    await servers.moveSlot(slot, await otherThan(slot));
  }
});

test('a node without slots is left', async () => {
  const third = servers.masters[2];
  const key = await servers.keyOn(third);
  await client.get(key);
  const own = [...(await servers.slotsOf(third))];
  await servers.moveEmptySlots(own.filter((slot) => slot !== servers.slotOf(key)), servers.masters[0]);
  await servers.moveSlot(servers.slotOf(key), servers.masters[0]);
  await until(async () => {
    await new Promise<void>((resolve) => client.refreshSlotsCache(() => resolve()));
    return client.nodes('master').length === 2;
  }, { deadlineMs: 15_000 });
  await until(async () => (await third.clientIds()).length === 0, { what: 'the connection to the node without slots to be closed' });
});
