/** Queues where there is no Redis: jobs run in this process, one after the other for each queue, and again if they fail. */
import type { QueueCounts, Queues } from '../contract';
import type { WaitingJob } from '../database/outbox';
import { JOB_OPTIONS, QUEUES } from '../queues';

type Run = (queue: string, jobId: string, payload: Record<string, unknown>) => Promise<void>;

export class MemoryQueues implements Queues {
  private readonly figures = new Map<string, QueueCounts>(QUEUES.map((name) => [name, { name, waiting: 0, active: 0, completed: 0, failed: 0 }]));
  private readonly ends = new Map<string, Promise<void>>();
  private run: Run = async () => undefined;

  async start(run: Run): Promise<void> {
    this.run = run;
  }

  async add(jobs: WaitingJob[]): Promise<void> {
    for (const job of jobs) {
      this.figures.get(job.queue)!.waiting++;
      this.ends.set(job.queue, (this.ends.get(job.queue) ?? Promise.resolve()).then(() => this.work(job)));
    }
  }

  async counts(): Promise<QueueCounts[]> {
    return [...this.figures.values()].map((one) => ({ ...one }));
  }

  async close(): Promise<void> {
    await Promise.all(this.ends.values());
  }

  private async work({ queue, id, payload }: WaitingJob): Promise<void> {
    const figures = this.figures.get(queue)!;
    figures.waiting--;
    figures.active++;
    const isDone = await this.attempt(queue, id, payload);
    figures.active--;
    figures[isDone ? 'completed' : 'failed']++;
  }

  private async attempt(queue: string, id: string, payload: Record<string, unknown>): Promise<boolean> {
    for (let left = JOB_OPTIONS.attempts; left > 0; left--) {
      try {
        await this.run(queue, id, payload);
        return true;
      } catch (error) {
        console.warn(`[queues] ${queue}: ${(error as Error).message}`);
      }
    }
    return false;
  }
}
