/** Queries about orders. */
import { ORDER_STEPS, type NewOrder, type OrderDetails, type OrderFilters, type OrderSort, type OrderStatus, type Order, type Page, type Pagination, type Zone } from '../types';
import { outboxSql, type Job } from './outbox';
import { pageOf, where } from './parts';
import type { Database } from './pool';

/** What the server adds to a new order. */
export interface Priced {
  zone: Zone;
  courier: string;
  price: number;
}

const COLUMNS = `id, company_id as "companyId", created_at as "createdAt", updated_at as "updatedAt", customer, phone, origin as "from", destination as "to",
  zone, weight_grams as "weightGrams", value, payment_mode as "paymentMode", courier, status, price`;
const SORTS: Record<OrderSort, string> = {
  '-createdAt': 'created_at desc, id desc',
  createdAt: 'created_at, id',
  '-value': 'value desc, id desc',
  value: 'value, id',
};

export class Orders {
  constructor(private readonly db: Database) {}

  async list(companyId: string, filters: OrderFilters, pagination: Pagination): Promise<Page<Order>> {
    const { status, search, courier, from, to, sort = '-createdAt' } = filters;
    const { sql, values } = where({
      'company_id = ?': companyId,
      'status = ?': status,
      'courier = ?': courier,
      '(customer ilike ? or id = upper(?))': search === undefined ? undefined : [`%${search.replace(/[\\%_]/g, '\\$&')}%`, search],
      'created_at >= ?::date': from,
      'created_at < ?::date + 1': to,
    });
    return pageOf<Order>(this.db, { columns: COLUMNS, table: 'orders', where: sql, values, order: SORTS[sort] }, pagination);
  }

  async find(companyId: string, id: string): Promise<OrderDetails | null> {
    const order = await this.db.one<OrderDetails>(`select ${COLUMNS}, items, timeline from orders where company_id = $1 and id = $2`, [companyId, id]);
    return order ?? null;
  }

  /** The order and the jobs that it needs, in one statement: both are saved, or neither. `$id` in a payload is the order's id. */
  async create(companyId: string, order: NewOrder, { zone, courier, price }: Priced, jobs: Job[]): Promise<OrderDetails> {
    const { customer, phone = '', from, to, weightGrams, value, paymentMode, items = [] } = order;
    const values = [companyId, customer, phone, from, to, zone, weightGrams, value, paymentMode, courier, price, JSON.stringify(items)];
    const created = await this.db.one<OrderDetails>(
      `with created as (
        insert into orders (id, company_id, created_at, updated_at, customer, phone, origin, destination, zone, weight_grams, value, payment_mode, courier, price, items, status, timeline)
        values ('ORD-' || lpad(nextval('order_numbers')::text, 6, '0'), $1, now(), now(), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'new', json_build_array(json_build_object('status', 'new', 'at', now())))
        returning *
      ), jobs as (${outboxSql('created', '$13')})
      select ${COLUMNS}, items, timeline from created`,
      [...values, JSON.stringify(jobs)],
    );
    return created!;
  }

  /** `null`: no such order. `undefined`: this status cannot follow the order's own. */
  async setStatus(companyId: string, id: string, status: OrderStatus, jobs: Job[] = []): Promise<OrderDetails | null | undefined> {
    const from = Object.entries(ORDER_STEPS).flatMap(([before, steps]) => ((steps as readonly string[]).includes(status) ? [before] : []));
    const changed = await this.db.one<OrderDetails>(
      `with changed as (
        update orders set status = $3, updated_at = now(), timeline = timeline || jsonb_build_object('status', $3::text, 'at', now())
        where company_id = $1 and id = $2 and status = any($4) returning *
      ), jobs as (${outboxSql('changed', '$5')})
      select ${COLUMNS}, items, timeline from changed`,
      [companyId, id, status, from, JSON.stringify(jobs)],
    );
    if (changed !== undefined) return changed;
    return (await this.find(companyId, id)) === null ? null : undefined;
  }
}
