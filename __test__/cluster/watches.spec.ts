/** WATCH on a real cluster: a transaction does not run if its WATCH was lost with a connection or stayed behind when its slot moved. */
import { once } from 'node:events';
import { Cluster } from '../../lib';
import { clusterForAll, endsWithTest } from '../helpers/lifetimes';
import type { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

jest.setTimeout(60_000);

const servers = clusterForAll({ masters: 2, replicas: 0 });
const ends = endsWithTest();
beforeEach(() => servers.flush());

async function connect(options: object = {}): Promise<Cluster> {
  const cluster = ends(new Cluster(servers.nodes, options));
  cluster.on('error', () => undefined);
  await until(() => cluster.status === 'ready');
  return cluster;
}

/** The server ends the connections to it, and the client makes others. */
async function cut(cluster: Cluster, server: RedisServer, key: string): Promise<void> {
  const [connection] = cluster.nodes().filter(({ options }) => options.port === server.port);
  const gone = once(connection, 'close');
  await server.command('CLIENT', 'KILL', 'TYPE', 'normal');
  await gone;
  await until(() => cluster.get(key));
}

/** The slot of a key goes to the other node. */
async function move(cluster: Cluster, key: string): Promise<RedisServer> {
  const slot = servers.slotOf(key);
  const from = await servers.ownerOf(slot);
  const to = servers.masters.find((server) => server !== from) as RedisServer;
  await servers.moveSlot(slot, to);
  expect(await cluster.get(key)).not.toBeNull();
  return to;
}

const WAYS: [string, (cluster: Cluster, key: string) => Promise<RedisServer>][] = [
  ['its connection is lost', async (cluster, key) => {
    const server = await servers.ownerOf(servers.slotOf(key));
    await cut(cluster, server, key);
    return server;
  }],
  ['its slot moves', move],
  ['its slot moves away and back', async (cluster, key) => {
    await move(cluster, key);
    return move(cluster, key);
  }],
];

describe.each(WAYS)('%s', (_way, lose) => {
  test.each([{}, { clusterNodeRetryStrategy: () => 1 }, { redisOptions: { protocol: 2 } }])('a loop that tries again overwrites nothing (%j)', async (options) => {
    const cluster = await connect(options);
    const key = await servers.keyOn(servers.masters[0], 'balance');
    await cluster.set(key, 100);
    let tries = 0;
    for (;;) {
      tries++;
      await cluster.watch(key);
      const balance = Number(await cluster.get(key));
      if (tries === 1) await (await lose(cluster, key)).command('SET', key, 50);
      if ((await cluster.multi().set(key, balance - 10).exec()) !== null) break;
    }
    expect([tries, await cluster.get(key)]).toEqual([2, '40']);
  });

  test('a transaction that is opened by hand returns null as well', async () => {
    const cluster = await connect();
    const key = await servers.keyOn(servers.masters[0], 'hand');
    await cluster.set(key, 'a');
    await cluster.watch(key);
    await lose(cluster, key);
    await cluster.multi({ pipeline: false });
    expect(await cluster.set(key, 'b')).toBe('QUEUED');
    expect(await cluster.exec()).toBeNull();
    expect(await cluster.get(key)).toBe('a');
    // One EXEC has heard of it.
    expect(await cluster.multi().set(key, 'c').exec()).toEqual([[null, 'OK']]);
  });
});

test('a transaction runs if its WATCH was given up, on whatever nodes it was', async () => {
  const cluster = await connect();
  const keys = await Promise.all(servers.masters.map((server) => servers.keyOn(server, 'up')));
  for (const key of keys) await cluster.watch(key);
  for (const [i, server] of servers.masters.entries()) await server.command('SET', keys[i], 'other');
  expect(await cluster.unwatch()).toBe('OK');
  for (const key of keys) expect(await cluster.multi().set(key, 'own').exec()).toEqual([[null, 'OK']]);
});

test('a transaction on another node is not concerned', async () => {
  const cluster = await connect();
  const [a, b] = await Promise.all(servers.masters.map((server) => servers.keyOn(server, 'two')));
  await cluster.set(a, 1);
  await cluster.watch(a);
  await cut(cluster, servers.masters[0], a);
  expect(await cluster.multi().set(b, 1).exec()).toEqual([[null, 'OK']]);
  expect(await cluster.multi().set(a, 2).exec()).toBeNull();
});

test('a transaction by hand waits for a cluster that is not ready, and runs as one', async () => {
  const key = await servers.keyOn(servers.masters[1], 'early');
  const cluster = ends(new Cluster(servers.nodes));
  cluster.on('error', () => undefined);
  const made = [cluster.set(key, 1), cluster.multi({ pipeline: false }), cluster.incr(key), cluster.incr(key), cluster.exec(), cluster.incr(key)];
  expect(cluster.status).not.toBe('ready');
  expect(await Promise.all(made as Promise<unknown>[])).toEqual(['OK', 'OK', 'QUEUED', 'QUEUED', [[null, 2], [null, 3]], 4]);
});
