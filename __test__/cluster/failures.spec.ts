/** Nodes that die, freeze and lose replies: what each command comes to, and that the other nodes' commands do not notice. */
import { Cluster, type ClusterOptions } from '../../lib';
import { LIFE } from '../../lib/command/command_defaults';
import { clusterForAll } from '../helpers/lifetimes';
import { Proxy, type ProxyConnection } from '../helpers/proxy';
import { RedisCluster } from '../helpers/redis-cluster';
import type { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

const servers = clusterForAll();
const clients: Cluster[] = [];
beforeEach(async () => {
  await servers.settled();
  await servers.flush();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  for (const server of servers.servers) {
    if (server.running) server.thaw();
    else await server.launch();
  }
});

async function connect(options?: ClusterOptions): Promise<Cluster> {
  const client = new Cluster(servers.nodes, options);
  client.on('error', () => undefined);
  clients.push(client);
  await until(() => client.status === 'ready');
  return client;
}

/** Runs one operation after the other, until it is stopped or one fails. */
class Load {
  private done = 0;
  private isOver = false;
  private readonly running: Promise<void>;

  constructor(operation: () => Promise<unknown>) {
    this.running = (async () => {
      while (!this.isOver) {
        await operation();
        this.done++;
      }
    })();
    this.running.catch(() => undefined);
  }

  /** Resolves with how many operations were done; rejects with the first error. */
  async stop(): Promise<number> {
    this.isOver = true;
    await this.running;
    return this.done;
  }
}

/** The server that is the master of a key now, and a key of another master. */
async function masterOf(key: string): Promise<{ master: RedisServer; otherKey: string }> {
  const master = await servers.ownerOf(servers.slotOf(key));
  for (let i = 0; ; i++) {
    if ((await servers.ownerOf(servers.slotOf(`other${i}`))) !== master) return { master, otherKey: `other${i}` };
  }
}

/** With traffic for the lost slots, and with a first command long after the loss. */
test.each(['busy', 'idle'])('a master that is killed leaves other slots without an error, and its own, %s until then, come back within 2 s of the promotion', async (kind) => {
  const client = await connect();
  const { master, otherKey } = await masterOf('own');
  const [replica] = await servers.replicasOf(master);
  await client.set('own', '0');
  await until(async () => (await replica.info('replication')).master_link_status === 'up');
  const load = new Load(() => client.incr(otherKey));
  let servedAt: number | undefined;
  let isLost = false;
  /** Before the promotion, a command may use up its redirects. */
  const write = (n: number): Promise<void> =>
    client.set(`{own}${n}`, '1').then(
      () => {
        if (isLost) servedAt ??= performance.now();
      },
      () => undefined,
    );
  await master.kill();
  isLost = true;
  const own = kind === 'busy' ? new Load(() => write(1)) : undefined;
  await until(async () => (await replica.info('replication')).role === 'master', { deadlineMs: 20_000, everyMs: 1, what: 'the replica to be promoted' });
  const promotedAt = performance.now();
  await until(() => write(2).then(() => servedAt !== undefined), { deadlineMs: 10_000, everyMs: 1 });
  await own?.stop();
  const took = (servedAt as number) - promotedAt;
  if (process.env.HAWSER_FIGURES) process.stdout.write(`${kind}: ${took.toFixed(0)} ms after the promotion\n`);
  expect(took).toBeLessThan(2000);
  const done = await load.stop();
  expect(Number(await client.get(otherKey))).toBe(done);
});

test('a graceful failover loses nothing', async () => {
  const client = await connect();
  const { master } = await masterOf('n');
  const [replica] = await servers.replicasOf(master);
  const load = new Load(() => Promise.all(Array.from({ length: 10 }, () => client.incr('n'))));
  await servers.failOver(replica);
  await servers.settled();
  const done = await load.stop();
  expect(Number(await client.get('n'))).toBe(10 * done);
});

test('a frozen master delays no command of others, nor the reading of the map', async () => {
  const client = await connect();
  const { master, otherKey } = await masterOf('own');
  await client.set('own', '1');
  await client.set(otherKey, '1');
  master.freeze();
  const frozen = client.get('own');
  const started = performance.now();
  for (let i = 0; i < 50; i++) expect(await client.get(otherKey)).toBe('1');
  expect(performance.now() - started).toBeLessThan(1000);
  await new Promise<void>((resolve, reject) => client.refreshSlotsCache((error) => (error ? reject(error) : resolve())));
  expect(performance.now() - started).toBeLessThan(4000);
  master.thaw();
  expect(await frozen).toBe('1');
});

test('a frozen master is left for its replica once that is promoted', async () => {
  const client = await connect();
  const { master } = await masterOf('own');
  const [replica] = await servers.replicasOf(master);
  await client.set('own', '1');
  const { master_repl_offset: written } = await master.info('replication');
  await until(async () => {
    const { master_link_status: link, slave_repl_offset: has } = await replica.info('replication');
    return link === 'up' && Number(has) >= Number(written);
  }, { deadlineMs: 20_000, what: 'the replica to have what was written' });
  master.freeze();
  const waiting = client.get('own');
  await servers.promoted(replica);
  await until(() => client.set('own', '2'), { deadlineMs: 10_000 });
  // It was in flight on the frozen one.
  expect(['1', '2']).toContain(await waiting);
  expect(await client.get('own')).toBe('2');
  master.thaw();
  await servers.settled();
  expect(await client.get('own')).toBe('2');
});

test('a cluster that was down altogether is found again, and what was issued meanwhile is answered', async () => {
  const own = await RedisCluster.start({ replicas: 0 });
  try {
    const client = new Cluster(own.nodes, { clusterRetryStrategy: () => 50 });
    client.on('error', () => undefined);
    clients.push(client);
    await client.set('foo', '1');
    const seen: string[] = [];
    for (const name of ['close', 'reconnecting', 'ready'] as const) client.on(name, () => seen.push(name));
    await Promise.all(own.masters.map((server) => server.kill()));
    await until(() => seen.includes('reconnecting'), { deadlineMs: 15_000 });
    const waiting = [client.set('foo', '2'), client.set('bar', '2'), client.set('hello', '2')];
    await Promise.all(own.masters.map((server) => server.launch()));
    expect(await Promise.all(waiting)).toEqual(['OK', 'OK', 'OK']);
    expect(seen.at(-1)).toBe('ready');
  } finally {
    await own.stop();
  }
});

test.each(['is ended', 'gives up', 'fails what waits'])('a command that may have run says so when the cluster %s before it is sent again', async (how) => {
  const own = await RedisCluster.start({ masters: 1, replicas: 0 });
  try {
    const [server] = own.masters;
    let retries = 0;
    // `null` gives up; otherwise there is no attempt in the time of the test.
    const client = new Cluster(own.nodes, { clusterRetryStrategy: () => (retries++, how === 'gives up' ? null : 1_000_000) });
    client.on('error', () => undefined);
    clients.push(client);
    await client.set('n', 0);
    server.freeze();
    const sent = client.incr('n').catch((error: unknown) => error);
    const [node] = client.nodes();
    await until(() => node.commandQueue.length === 1);
    await server.kill();
    await until(() => node.status === 'end');
    if (how === 'is ended') client.disconnect();
    else await until(() => retries > 0);
    const unsent = client.incr('n').catch((error: unknown) => error);
    if (how === 'fails what waits') client[LIFE].routing.failWaiting({ code: 'E_MAX_RETRIES', node: '', maxRetriesPerRequest: 1 });
    expect(await sent).toMatchObject({ maybeExecuted: true });
    expect(await unsent).not.toHaveProperty('maybeExecuted');
  } finally {
    await own.stop();
  }
});

describe('a cut at every byte of a pipeline through a redirect', () => {
  test('settles every command, and runs none twice that may not', async () => {
    const slot = servers.slotOf('{cut}n');
    const from = await servers.ownerOf(slot);
    const to = servers.servers[(await Promise.all(servers.servers.map(async (server) => server !== from && (await server.info('replication')).role === 'master'))).indexOf(true)];
    const proxy = await Proxy.start(to);
    await servers.openMove(slot, to);
    try {
      const natMap = { [`127.0.0.1:${to.port}`]: { host: '127.0.0.1', port: proxy.port } };
      const client = await connect({ natMap, redisOptions: { resend: 'idempotent' }, retryDelayOnFailover: 5 });
      // Keys that do not exist are asked for at the node that the slot is moving to.
      const run = (key: string): Promise<[Error | null, unknown][]> =>
        client.pipeline().incr(key).set(`${key}s`, 'v').get(`${key}s`).incr(key).exec() as Promise<[Error | null, unknown][]>;
      const connection = async (): Promise<ProxyConnection> => {
        await until(() => client.nodes().find(({ options }) => options.port === proxy.port)?.ping());
        return proxy.live[proxy.live.length - 1];
      };
      const whole = await connection();
      const before = { ...whole.bytes };
      await run('{cut}whole');
      let failures = 0;
      for (const direction of ['toServer', 'toClient'] as const) {
        const length = whole.bytes[direction] - before[direction];
        expect(length).toBeGreaterThan(30);
        for (let at = 1; at < length; at++) {
          const current = await connection();
          current.plan = { direction, afterBytes: current.bytes[direction] + at };
          const key = `{cut}${direction}${at}`;
          const outcomes = await run(key);
          expect(outcomes).toHaveLength(4);
          const counts = [outcomes[0], outcomes[3]];
          // Whatever has a reply ran once; whatever may have run says so.
          const certain = counts.filter(([error]) => error === null).length;
          const open = counts.filter(([error]) => (error as { maybeExecuted?: boolean } | null)?.maybeExecuted === true).length;
          failures += 2 - certain;
          const value = Number((await until(() => client.get(key).then((text) => ({ text })))).text ?? 0);
          expect([at, value >= certain && value <= certain + open]).toEqual([at, true]);
        }
      }
      expect(failures).toBeGreaterThan(10);
    } finally {
      await proxy.stop();
      await servers.closeMove(slot, from);
    }
  }, 120_000);
});

describe('a reply that is lost with its connection', () => {
  let proxy: Proxy;
  let key: string;
  let master: RedisServer;
  beforeEach(async () => {
    key = 'lost';
    master = (await masterOf(key)).master;
    proxy = await Proxy.start(master);
  });
  afterEach(() => proxy.stop());

  /** A client that reaches this master through the proxy alone. */
  async function throughProxy(options: ClusterOptions = {}): Promise<Cluster> {
    const client = await connect({ ...options, natMap: { [`127.0.0.1:${master.port}`]: { host: '127.0.0.1', port: proxy.port } } });
    await client.get(key);
    return client;
  }

  /** Swallows the reply of one INCR and cuts the connection. */
  async function swallow(client: Cluster): Promise<unknown> {
    proxy.stall('toClient');
    const outcome = client.incr(key).catch((error: unknown) => error);
    await until(async () => Number(await master.command('GET', key)) === 1, { what: 'the server to have run it' });
    proxy.cutAll();
    proxy.resume();
    return outcome;
  }

  test('is asked for again by default', async () => {
    const client = await throughProxy();
    expect(await swallow(client)).toBe(2);
  });

  test('is not with resend: idempotent, and the error says that the command may have run', async () => {
    const client = await throughProxy({ redisOptions: { resend: 'idempotent' } });
    expect(await swallow(client)).toMatchObject({ maybeExecuted: true });
    expect(await client.get(key)).toBe('1');
  });
});
