/** The process whose heap is looked at: its servers, its requests, and a sample of its memory now and then. Tells the parent. */
import { CacheMetrics, RedisManager, type ManagerOptions } from 'hawser';
import { pause } from '../helpers/clock';
import { RedisCluster } from '../helpers/redis-cluster';
import { RedisServer } from '../helpers/redis-server';
import { Dice } from '../history/dice';
import { Requests } from './requests';

const [kind, operations, seed, concurrent, times] = [process.argv[2], ...process.argv.slice(3).map(Number)] as [string, number, number, number, number];

interface Place {
  readonly manager: ManagerOptions;
  readonly servers: RedisServer[];
  stop(): Promise<void>;
}

const places: Record<string, () => Promise<Place>> = {
  async standalone() {
    const server = await RedisServer.start();
    return { manager: { url: server.url }, servers: [server], stop: () => server.stop() };
  },
  async cluster() {
    const cluster = await RedisCluster.start({ replicas: 0 });
    return { manager: { cluster: { nodes: cluster.addresses } }, servers: cluster.servers, stop: () => cluster.stop() };
  },
};

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** What is alive. What finalizers let go of goes with the second collection. */
async function alive(): Promise<{ heap: number; external: number; rss: number }> {
  for (let turn = 0; turn < 2; turn++) {
    global.gc?.();
    await pause(10);
  }
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { heap: heapUsed, external: external + arrayBuffers, rss };
}

async function main(): Promise<void> {
  const place = await places[kind]();
  try {
    RedisManager.configure({ ...place.manager, logger: silent, cache: { compression: 'zstd' } });
    const requests = new Requests(new Dice(seed));
    for (let sample = 1; sample <= times; sample++) {
      const end = (operations * sample) / times;
      await Promise.all(Array.from({ length: concurrent }, () => requests.until(end)));
      await requests.rest();
      CacheMetrics.prometheus();
      for (const server of place.servers) await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      process.send?.({ type: 'sample', operations: requests.operations, ...(await alive()) });
    }
    const { operations: made, failed, unexpected } = requests;
    const { hits, nearHits, misses, stale } = CacheMetrics.snapshot();
    process.send?.({ type: 'result', operations: made, failed, unexpected, reads: { hits, 'from the near cache': nearHits, misses, stale } });
  } finally {
    await RedisManager.closeAll();
    await place.stop();
  }
}

process.on('disconnect', () => process.exit(1));
main().then(
  () => process.disconnect?.(),
  (error: Error) => {
    process.send?.({ type: 'broken', error: error.stack ?? String(error) });
    process.disconnect?.();
  },
);
