/**
 * Jobs that are to be done. They are saved in the same statement as what they are about, so that an order and its jobs exist together whatever happens to
 * Redis or to this process. `app/relay.ts` puts them into the queues; a job leaves the table with the statement that makes its effect (`jobs.ts`). One that a
 * queue has lost, for example in a failover, is put into it again.
 */
import type { Database } from './pool';

export interface Job {
  queue: string;
  payload: Record<string, unknown>;
}

export interface WaitingJob extends Job {
  /** Never used twice, so that a queue knows a job that it already has. */
  id: string;
}

/** How long a job may take from its queue to its effect before it is put into the queue again. */
const PATIENCE = '30 seconds';

/** Part of a statement: saves the jobs in the JSON parameter once for each row of `rows`, with the row's id and company added. */
export const outboxSql = (rows: string, parameter: string): string =>
  `insert into outbox (queue, payload)
   select job->>'queue', (job->'payload') || jsonb_build_object('id', ${rows}.id, 'companyId', ${rows}.company_id)
   from ${rows}, jsonb_array_elements(${parameter}::jsonb) job`;

export class Outbox {
  constructor(private readonly db: Database) {}

  /** Takes the oldest jobs that are due. Two instances never get the same ones. */
  take(limit: number): Promise<WaitingJob[]> {
    return this.db.query<WaitingJob>(
      `update outbox set due = now() + interval '${PATIENCE}' where id in (
        select id from outbox where due <= now() order by due, position limit $1 for update skip locked
      ) returning id, queue, payload`,
      [limit],
    );
  }

  /** Gives jobs back that could not be put into their queue. */
  async release(ids: string[]): Promise<void> {
    await this.db.query('update outbox set due = now() where id = any($1)', [ids]);
  }
}
