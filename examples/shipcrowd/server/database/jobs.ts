/**
 * What jobs do, once. A queue gives a job out again if it does not know that it is done: after a crash, or when a failover has lost the news. So a job's id is
 * a key in `job_runs`, and the statement that makes the effect takes the key: both are saved, or neither. Queues know nothing of it, so it holds for old and new code.
 */
import type { QueryResultRow } from 'pg';
import type { Database } from './pool';

/** A job, as its queue knows it. */
export interface JobKey {
  queue: string;
  id: string;
}

export interface JobCounts {
  /** Jobs that are not done yet. */
  outbox: number;
  /** Effects of jobs. */
  runs: number;
  /** Jobs that had their effect twice. */
  twice: number;
  /** How often a queue has given out a job that was done already. Nothing happened then. */
  repeated: number;
}

/**
 * Parts of a statement, from the queue's and the job's parameters. `job` has one row the first time and none later, so what selects from it happens once. Each
 * effect leaves a row in `job_effects`, where nothing keeps a second one out: that is how a run of the example proves that there is none.
 */
export const onceSql = (queue: string, id: string): string =>
  `taken as (
    insert into job_runs (queue, job_id) values (${queue}, ${id}) on conflict (queue, job_id) do update set attempts = job_runs.attempts + 1 returning attempts
  ), job as (
    select 1 as first from taken where attempts = 1
  ), effect as (
    insert into job_effects (queue, job_id) select ${queue}, ${id} from job
  ), done as (
    delete from outbox where id = ${id}::uuid
  )`;

export class Jobs {
  constructor(private readonly db: Database) {}

  /** A job whose effect is outside of the database: a mail, a web hook. */
  async run({ queue, id }: JobKey): Promise<void> {
    await this.db.query(`with ${onceSql('$1', '$2')} select first from job`, [queue, id]);
  }

  async counts(): Promise<JobCounts> {
    const row = await this.db.one<JobCounts & QueryResultRow>(
      `select (select count(*) from outbox) as outbox, (select count(*) from job_effects) as runs,
        (select count(*) from (select 1 from job_effects group by queue, job_id having count(*) > 1) effects) as twice,
        (select coalesce(sum(attempts - 1), 0) from job_runs where attempts > 1) as repeated`,
    );
    return row!;
  }
}
