/** The thirteen queues. BullMQ opens a connection for each queue and two for each worker. */
import { Queue, Worker } from 'bullmq';
import type { Queues, QueueCounts } from '../../../contract';
import type { WaitingJob } from '../../../database/outbox';
import { JOB_OPTIONS, QUEUE_PREFIX, QUEUES } from '../../../queues';
import { connectNodeRedis, queueAddress } from './redis.connection';

type Run = (queue: string, jobId: string, payload: Record<string, unknown>) => Promise<void>;

export class QueueManager implements Queues {
  private readonly redis = connectNodeRedis('redis.connection');
  private readonly options = { connection: queueAddress(), prefix: QUEUE_PREFIX };
  private readonly queues = QUEUES.map((name) => loud(new Queue(name, { ...this.options, defaultJobOptions: JOB_OPTIONS })));
  private workers: Worker[] = [];

  async start(run: Run): Promise<void> {
    this.workers = QUEUES.map((name) => loud(new Worker(name, (job) => run(name, String(job.id), job.data as Record<string, unknown>), { ...this.options, concurrency: 10 })));
  }

  async add(jobs: WaitingJob[]): Promise<void> {
    await Promise.all(
      this.queues.map((queue) => {
        const own = jobs.filter((job) => job.queue === queue.name);
        return own.length > 0 && queue.addBulk(own.map(({ id, payload }) => ({ name: queue.name, data: payload, opts: { jobId: id } })));
      }),
    );
  }

  async counts(): Promise<QueueCounts[]> {
    return Promise.all(
      this.queues.map(async (queue) => {
        const { waiting = 0, active = 0, completed = 0, failed = 0, delayed = 0, prioritized = 0 } = await queue.getJobCounts();
        return { name: queue.name, waiting: waiting + delayed + prioritized, active, completed, failed };
      }),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close()));
    await Promise.all(this.queues.map((queue) => queue.close()));
    this.redis.destroy();
  }
}

function loud<T extends { name: string; on(event: 'error', listener: (error: Error) => void): unknown }>(made: T): T {
  made.on('error', (error: Error) => console.warn(`[queues] ${made.name}: ${error.message}`));
  return made;
}
