/** BullMQ on a real cluster of six nodes, through the one client that the manager gives. */
import { application, withServer } from './programs';
import { clusterForAll } from '../helpers/lifetimes';

const context = withServer();
const servers = clusterForAll();

beforeEach(() => servers.flush());

const app = (bullmq: string, body: string): Promise<unknown> =>
  application(
    context.server,
    `
    const { Queue, Worker, QueueEvents, FlowProducer } = require('${bullmq}');
    const { RedisManager, Cluster } = Redis;
    RedisManager.configure({ cluster: { nodes: ${JSON.stringify(servers.nodes)} }, logger: { debug() {}, info() {}, warn() {}, error: console.error } });
    const connection = RedisManager.getBullMQConnection();
    const open = [];
    const made = (thing) => { open.push(thing); thing.on('error', (error) => { if (!thing.closing) console.error('error event:', error); }); return thing; };
    const options = { connection, prefix: '{bull}' };
    const happened = (emitter, event, count = 1) => new Promise((resolve) => { const seen = []; emitter.on(event, (...args) => { seen.push(args); if (seen.length === count) resolve(seen); }); });
    ${body}
    await Promise.all(open.map((thing) => thing.close()));
    await RedisManager.closeAll();`,
    60_000,
  );

describe.each(['bullmq5', 'bullmq6'])('%s', (bullmq) => {
  test('runs jobs, a flow and events, and ends', async () => {
    const result = await app(
      bullmq,
      `
      const events = made(new QueueEvents('q', options));
      await events.waitUntilReady();
      const queue = made(new Queue('q', options));
      const worker = made(new Worker('q', async (job) => {
        if (job.name === 'bad') throw new Error('for good');
        if (job.name === 'sum') return Object.values(await job.getChildrenValues()).reduce((a, b) => a + b, 0);
        return job.data.n * 2;
      }, { ...options, concurrency: 3 }));
      const failed = happened(worker, 'failed');
      const added = await queue.addBulk([1, 2, 3].map((n) => ({ name: 'twice', data: { n } })));
      await queue.add('late', { n: 50 }, { delay: 50 });
      await queue.add('bad', {});
      const values = await Promise.all(added.map((job) => job.waitUntilFinished(events, 20000)));
      const [[, error]] = await failed;
      const flow = made(new FlowProducer(options));
      const tree = await flow.add({ name: 'sum', queueName: 'q', children: [1, 2].map((n) => ({ name: 'leaf', queueName: 'q', data: { n } })) });
      const sum = await tree.job.waitUntilFinished(events, 20000);
      await until(async () => (await queue.getJobCounts('completed')).completed === 7);
      report({ isCluster: connection instanceof Cluster, values, failed: error.message, sum, counts: await queue.getJobCounts('completed', 'failed', 'delayed') });`,
    );
    expect(result).toEqual({ isCluster: true, values: [2, 4, 6], failed: 'for good', sum: 6, counts: { completed: 7, failed: 1, delayed: 0 } });
  });

  test('a worker that waits for a job is left at once', async () => {
    const result = await app(
      bullmq,
      `
      const queue = made(new Queue('q', options));
      const worker = made(new Worker('q', async (job) => job.data.n, options));
      const done = happened(worker, 'completed');
      await queue.add('one', { n: 1 });
      const [[job]] = await done;
      const start = performance.now();
      await worker.close();
      report({ value: job.returnvalue, wasQuick: performance.now() - start < 3000 });`,
    );
    expect(result).toEqual({ value: 1, wasQuick: true });
  });
});
