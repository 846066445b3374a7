/** Queries about shipments. */
import { SHIPMENT_STEPS, type Page, type Pagination, type Shipment, type ShipmentFilters, type ShipmentStatus } from '../types';
import { onceSql, type JobKey } from './jobs';
import { outboxSql, type Job } from './outbox';
import { pageOf, where } from './parts';
import type { Database } from './pool';

const COLUMNS = 'id, order_id as "orderId", company_id as "companyId", courier, awb, status, created_at as "createdAt", updated_at as "updatedAt"';

export class Shipments {
  constructor(private readonly db: Database) {}

  async list(companyId: string, { status, courier }: ShipmentFilters, pagination: Pagination): Promise<Page<Shipment>> {
    const { sql, values } = where({ 'company_id = ?': companyId, 'status = ?': status, 'courier = ?': courier });
    return pageOf<Shipment>(this.db, { columns: COLUMNS, table: 'shipments', where: sql, values, order: 'created_at desc, id desc' }, pagination);
  }

  async find(companyId: string, id: string): Promise<Shipment | null> {
    return (await this.db.one<Shipment>(`select ${COLUMNS} from shipments where company_id = $1 and id = $2`, [companyId, id])) ?? null;
  }

  /** Creates the shipment of an order, which is the effect of a job. */
  async createFor(companyId: string, orderId: string, job: JobKey): Promise<void> {
    await this.db.query(
      `with ${onceSql('$3', '$4')}
       insert into shipments (id, order_id, company_id, courier, awb, status, created_at, updated_at)
       select 'SHP-' || substr(id, 5), id, company_id, courier, 'AWB' || substr(id, 5) || 'IN', 'created', now(), now() from orders, job where company_id = $1 and id = $2
       on conflict do nothing`,
      [companyId, orderId, job.queue, job.id],
    );
  }

  /** `null`: no such shipment. `undefined`: this status cannot follow the shipment's own. */
  async setStatus(companyId: string, id: string, status: ShipmentStatus, jobs: Job[] = []): Promise<Shipment | null | undefined> {
    const from = Object.entries(SHIPMENT_STEPS).flatMap(([before, steps]) => ((steps as readonly string[]).includes(status) ? [before] : []));
    const changed = await this.db.one<Shipment>(
      `with changed as (
        update shipments set status = $3, updated_at = now() where company_id = $1 and id = $2 and status = any($4) returning *
      ), jobs as (${outboxSql('changed', '$5')})
      select ${COLUMNS} from changed`,
      [companyId, id, status, from, JSON.stringify(jobs)],
    );
    if (changed !== undefined) return changed;
    return (await this.find(companyId, id)) === null ? null : undefined;
  }
}
