/** The bus on a Redis Cluster: its connection for subscriptions moves from node to node. */
import { PubSubService, RedisManager, type Cluster } from '../../lib';
import { LIFE } from '../../lib/command/command_defaults';
import { clusterForAll } from '../helpers/lifetimes';
import type { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

jest.setTimeout(60_000);

const servers = clusterForAll({ masters: 3, replicas: 0 });
const gaps: object[] = [];
const onGap = (info: object): void => void gaps.push(info);
const heard: unknown[] = [];
const logger = { debug() {}, info() {}, warn() {}, error() {} };

beforeEach(() => {
  RedisManager.configure({ cluster: { nodes: servers.nodes }, logger, retryDelayMs: 5 });
  PubSubService.on('gap', onGap);
  PubSubService.onInvalidation('a', ({ target }) => heard.push(target));
});
afterEach(async () => {
  PubSubService.off('gap', onGap);
  PubSubService.offInvalidation('a');
  await RedisManager.closeAll();
  for (const server of servers.servers) if (!server.running) await server.launch();
  await servers.settled();
  gaps.length = heard.length = 0;
});

/** The server that has the bus's subscription. */
const host = (): Promise<RedisServer> =>
  until(async () => {
    for (const server of servers.servers) if (server.running && (await server.clientIds('pubsub')).length > 0) return server;
    return undefined;
  }, { what: 'a server to have the subscription' });

/** Publishes until the listener hears it: before that, the subscription may be on its way to another node. */
async function hears(target: string): Promise<void> {
  await until(async () => {
    await PubSubService.publish({ type: 'key', target });
    return heard.includes(target);
  }, { deadlineMs: 20_000 });
}

test('the first subscription is no gap, and neither is a connection that takes nothing over', async () => {
  await PubSubService.initialize();
  await hears('first');
  const subscriber = await RedisManager.getSubscriberClient<Cluster>();
  await subscriber.unsubscribe();
  const { routing } = subscriber[LIFE];
  const former = routing.subscriber.connection;
  former?.stream.destroy();
  await until(() => routing.subscriber.connection !== former);
  await subscriber.psubscribe('other*');
  expect(gaps).toEqual([]);
});

test('a connection that is cut is a gap each time, and the bus goes on', async () => {
  await PubSubService.initialize();
  await hears('before');
  for (let i = 1; i <= 3; i++) {
    await (await host()).command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(() => gaps.length === i);
    // Not before the subscription is there again.
    const [, count] = (await (await host()).command('PUBSUB', 'NUMSUB', 'shipcrowd:cache:invalidation')) as [string, number];
    expect(count).toBe(1);
    await hears(`after ${i}`);
  }
  expect(gaps).toEqual([{}, {}, {}]);
});

test('a node that dies is a gap, and the next node is asked for the subscription once', async () => {
  await PubSubService.initialize();
  await hears('before');
  const dead = await host();
  const before = new Map(await Promise.all(servers.servers.map(async (server) => [server, (await server.commandCalls()).subscribe ?? 0] as const)));
  await dead.kill();
  await until(() => gaps.length > 0, { deadlineMs: 20_000 });
  const heir = await host();
  expect((await heir.commandCalls()).subscribe).toBe((before.get(heir) ?? 0) + 1);
  await hears('after');
  expect(gaps).toEqual([{}]);
});

test('after close there are no gaps', async () => {
  await PubSubService.initialize();
  const subscriber = await RedisManager.getSubscriberClient<Cluster>();
  await subscriber.subscribe('other');
  await PubSubService.close();
  const server = await host();
  await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await host();
  await subscriber.ping();
  expect(gaps).toEqual([]);
});
