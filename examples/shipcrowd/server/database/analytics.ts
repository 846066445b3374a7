/** The dashboard's figures: the most expensive query of all. */
import type { Dashboard } from '../types';
import type { Database } from './pool';

type Figures = Omit<Dashboard, 'generatedAt'>;

export class Analytics {
  constructor(private readonly db: Database) {}

  async dashboard(companyId: string, days: number): Promise<Dashboard> {
    const figures = await this.db.one<Figures>(
      `with recent as materialized (
        select o.*, s.updated_at as arrived, s.created_at as sent, c.days as promised
        from orders o left join shipments s on s.order_id = o.id
        left join lateral (select min(days) as days from rate_cards r where r.zone = o.zone and r.courier = o.courier) c on true
        where o.company_id = $1 and o.created_at >= date_trunc('day', now()) - make_interval(days => $2 - 1)
      )
      select
        (select json_build_object(
          'orders', count(*), 'revenue', coalesce(sum(value), 0),
          'delivered', count(*) filter (where status = 'delivered'), 'rto', count(*) filter (where status = 'rto'),
          'averageDays', coalesce(round((avg(extract(epoch from arrived - sent)) filter (where status = 'delivered') / 86400)::numeric, 1), 0)
        ) from recent) as totals,
        (select coalesce(json_agg(d order by d.day), '[]') from (
          select to_char(created_at, 'YYYY-MM-DD') as day, count(*) as orders, sum(value) as revenue from recent group by 1
        ) d) as "byDay",
        (select coalesce(json_agg(d), '[]') from (select status, count(*) as count from recent group by 1 order by 2 desc) d) as "byStatus",
        (select coalesce(json_agg(d), '[]') from (
          select courier, count(*) as orders,
            coalesce(round(avg(case when extract(epoch from arrived - sent) / 86400 <= promised then 1 else 0 end) filter (where status = 'delivered'), 3), 0) as "onTime"
          from recent group by 1 order by 2 desc
        ) d) as "byCourier",
        (select coalesce(json_agg(d), '[]') from (select zone, count(*) as orders from recent group by 1 order by 2 desc limit 5) d) as "topZones"`,
      [companyId, days],
    );
    return { generatedAt: new Date().toISOString(), ...figures! };
  }

  /** The companies with the most orders. */
  async topCompanies(limit: number): Promise<string[]> {
    const rows = await this.db.query<{ id: string }>('select company_id as id from orders group by 1 order by count(*) desc, 1 limit $1', [limit]);
    return rows.map(({ id }) => id);
  }
}
