/** The thirteen queues. One connection for all of them, and one more for each worker, which waits on it. */
import { Queue, Worker, type ConnectionOptions } from 'bullmq';
import { Redis, type Cluster } from 'hawser';
import type { Queues, QueueCounts } from '../../../contract';
import type { WaitingJob } from '../../../database/outbox';
import { isCluster } from '../../../flags';
import { JOB_OPTIONS, QUEUE_PREFIX, QUEUES, type QueueName } from '../../../queues';
import { RedisManager } from '../redis/redis.manager';

type Run = (queue: string, jobId: string, payload: Record<string, unknown>) => Promise<void>;

export class QueueManager implements Queues {
  private readonly redis = open();
  private readonly queues = new Map<string, Queue>();
  private workers: Worker[] = [];

  constructor() {
    for (const name of QUEUES) this.queues.set(name, quiet(new Queue(name, { ...this.options(), defaultJobOptions: JOB_OPTIONS })));
  }

  async start(run: Run): Promise<void> {
    this.workers = QUEUES.map((name) => quiet(new Worker(name, (job) => run(name, String(job.id), job.data as Record<string, unknown>), { ...this.options(), concurrency: 10 })));
  }

  async add(jobs: WaitingJob[]): Promise<void> {
    // BullMQ would keep them in this process until Redis is back. In the outbox, any instance finds them then.
    if (this.redis.status !== 'ready') throw new Error('Redis does not answer');
    await Promise.all(
      [...this.queues].map(([name, queue]) => {
        const own = jobs.filter((job) => job.queue === name);
        return own.length > 0 && queue.addBulk(own.map(({ id, payload }) => ({ name, data: payload, opts: { jobId: id } })));
      }),
    );
  }

  async counts(): Promise<QueueCounts[]> {
    return Promise.all(
      QUEUES.map(async (name: QueueName) => {
        const { waiting = 0, active = 0, completed = 0, failed = 0, delayed = 0, prioritized = 0 } = await this.queues.get(name)!.getJobCounts();
        return { name, waiting: waiting + delayed + prioritized, active, completed, failed };
      }),
    );
  }

  /** Lets running jobs end. */
  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close()));
    await Promise.all([...this.queues.values()].map((queue) => queue.close()));
    if (this.redis instanceof Redis) this.redis.disconnect();
  }

  private options(): { connection: ConnectionOptions; prefix: string } {
    return { connection: this.redis as unknown as ConnectionOptions, prefix: QUEUE_PREFIX };
  }
}

/** On a cluster, the manager has one client for all queues and closes it. */
function open(): Redis | Cluster {
  if (isCluster(process.env)) return RedisManager.getBullMQConnection<Cluster>();
  return new Redis({ ...RedisManager.getBullMQConnection(), commandTimeout: undefined, connectionName: 'bullmq' });
}

/** BullMQ tells of every lost connection, and comes back on its own. */
function quiet<T extends { name: string; on(event: 'error', listener: (error: Error) => void): unknown }>(made: T): T {
  let last = '';
  made.on('error', (error: Error) => {
    if (error.message !== last) console.warn(`[queues] ${made.name}: ${(last = error.message)}`);
  });
  return made;
}
