/**
 * Jobs that are waiting to be put into a queue. They are saved in the same statement as what they are about, so that an order and its jobs exist
 * together whatever happens to Redis or to this process. `app/relay.ts` moves them to the queues.
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

/** How long a claimed job belongs to the instance that took it. If that one dies, another takes it then. */
const CLAIM = '30 seconds';

/** Part of a statement: saves the jobs in the JSON parameter once for each row of `rows`, with the row's id and company added. */
export const outboxSql = (rows: string, parameter: string): string =>
  `insert into outbox (queue, payload)
   select job->>'queue', (job->'payload') || jsonb_build_object('id', ${rows}.id, 'companyId', ${rows}.company_id)
   from ${rows}, jsonb_array_elements(${parameter}::jsonb) job`;

export class Outbox {
  constructor(private readonly db: Database) {}

  /** Takes the oldest jobs that nobody has. */
  claim(limit: number): Promise<WaitingJob[]> {
    return this.db.query<WaitingJob>(
      `update outbox set claimed_until = now() + interval '${CLAIM}' where id in (
        select id from outbox where claimed_until is null or claimed_until < now() order by position limit $1 for update skip locked
      ) returning id, queue, payload`,
      [limit],
    );
  }

  async done(ids: string[]): Promise<void> {
    await this.db.query('delete from outbox where id = any($1)', [ids]);
  }

  /** Gives jobs back that could not be put into their queue. */
  async release(ids: string[]): Promise<void> {
    await this.db.query('update outbox set claimed_until = null where id = any($1)', [ids]);
  }

  /** Counts a run of a job and returns how often it has run. */
  async ran(queue: string, jobId: string): Promise<number> {
    const row = await this.db.one<{ runs: number }>(
      'insert into job_runs (queue, job_id, runs) values ($1, $2, 1) on conflict (queue, job_id) do update set runs = job_runs.runs + 1 returning runs',
      [queue, jobId],
    );
    return row!.runs;
  }

  async counts(): Promise<{ outbox: number; runs: number; twice: number }> {
    const row = await this.db.one<{ outbox: number; runs: number; twice: number }>(
      'select (select count(*) from outbox) as outbox, (select count(*) from job_runs) as runs, (select count(*) from job_runs where runs > 1) as twice',
    );
    return row!;
  }
}
