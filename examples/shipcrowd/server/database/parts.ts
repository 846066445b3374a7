/** Parts of statements. */
import type { QueryResultRow } from 'pg';
import type { Page, Pagination } from '../types';
import type { Database } from './pool';

/** Joins the conditions that have a value. Each `?` becomes a parameter; a condition with several takes an array. */
export function where(conditions: Record<string, unknown>): { sql: string; values: unknown[] } {
  const values: unknown[] = [];
  const parts = Object.entries(conditions).flatMap(([condition, value]) => {
    if (value === undefined) return [];
    const own = Array.isArray(value) ? [...(value as unknown[])] : [value];
    return [condition.replace(/\?/g, () => `$${values.push(own.shift())}`)];
  });
  return { sql: parts.length === 0 ? 'true' : parts.join(' and '), values };
}

interface Select {
  columns: string;
  table: string;
  where: string;
  values: unknown[];
  order: string;
}

/** One page and the number of all rows. */
export async function pageOf<T extends object>(db: Database, select: Select, { page, limit }: Pagination): Promise<Page<T>> {
  const { columns, table, where, values, order } = select;
  const count = values.length;
  const found = await db.one<QueryResultRow & { total: number; items: T[] }>(
    `select (select count(*) from ${table} where ${where}) as total,
      (select coalesce(json_agg(row), '[]') from (select ${columns} from ${table} where ${where} order by ${order} limit $${count + 1} offset $${count + 2}) row) as items`,
    [...values, limit, (page - 1) * limit],
  );
  return { items: found!.items, total: found!.total, page, limit };
}
