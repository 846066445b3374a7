/** Puts jobs of the database's outbox into the queues. Every instance does it; a job is taken by one of them. It stays in the outbox until it is done. */
import type { Queues } from '../contract';
import { background } from '../database/pool';
import type { Outbox } from '../database/outbox';

const BATCH = 200;

export class Relay {
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> | undefined;
  private isStopped = false;
  private isStuck = false;

  constructor(
    private readonly outbox: Outbox,
    private readonly queues: Queues,
    private readonly everyMs = 200,
  ) {}

  start(): void {
    this.timer = setTimeout(() => {
      this.round = background(() => this.move()).finally(() => {
        if (!this.isStopped) this.start();
      });
    }, this.everyMs);
  }

  /** Waits for the round that is under way, but not for a Redis that does not answer. */
  async stop(waitMs = 1_000): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await Promise.race([this.round, new Promise((resolve) => setTimeout(resolve, waitMs).unref())]);
  }

  private async move(): Promise<void> {
    try {
      for (;;) {
        const jobs = await this.outbox.take(BATCH);
        if (jobs.length === 0) return;
        const ids = jobs.map(({ id }) => id);
        if (this.isStopped) return await this.outbox.release(ids);
        try {
          await this.queues.add(jobs);
        } catch (error) {
          // The jobs may be in their queues all the same. Adding them again changes nothing, because they have ids.
          await this.outbox.release(ids);
          throw error;
        }
        this.isStuck = false;
      }
    } catch (error) {
      // Said once, however often it is tried.
      if (!this.isStuck) console.warn(`[relay] jobs stay in the outbox: ${(error as Error).message}`);
      this.isStuck = true;
    }
  }
}
