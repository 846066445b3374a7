/** The database as the services see it: queries over `pg`, counted. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Pool, types, type QueryResultRow } from 'pg';

const BIGINT = 20;
const NUMERIC = 1700;
const TIMESTAMPTZ = 1184;
// Counts and sums are numbers in this application, and times are what JSON has: text.
for (const type of [BIGINT, NUMERIC]) types.setTypeParser(type, Number);
types.setTypeParser(TIMESTAMPTZ, (text) => new Date(text).toISOString());

const inBackground = new AsyncLocalStorage<true>();

/** Runs work that no request has caused; its queries are counted apart. */
export const background = <T>(work: () => T): T => inBackground.run(true, work);

export class Database {
  /** Queries that requests have caused. */
  queries = 0;
  /** Queries of jobs, of the relay and of health checks. */
  background = 0;
  private readonly pool: Pool;

  constructor(url: string, connections = 4) {
    this.pool = new Pool({ connectionString: url, max: connections });
    // An idle connection that is lost is replaced at the next query.
    this.pool.on('error', (error) => console.warn(`[database] ${error.message}`));
  }

  async query<T extends QueryResultRow>(sql: string, values: unknown[] = []): Promise<T[]> {
    if (inBackground.getStore() === true) this.background++;
    else this.queries++;
    const { rows } = await this.pool.query<T>(sql, values);
    return rows;
  }

  async one<T extends QueryResultRow>(sql: string, values: unknown[] = []): Promise<T | undefined> {
    const [row] = await this.query<T>(sql, values);
    return row;
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}
