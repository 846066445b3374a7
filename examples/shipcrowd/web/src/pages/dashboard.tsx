/** How the company does: totals, orders and revenue by day, states, couriers, zones. */
import { useState } from 'react';
import { useDashboard } from '../api/queries';
import type { Dashboard as Data } from '../api/types';
import { AreaChart } from '../charts/area-chart';
import { Bars } from '../charts/bars';
import { compact, count, money, percent, timeOf, words } from '../ui/format';
import { PageHead, Panel } from '../ui/parts';
import { Empty, Loaded } from '../ui/states';
import { useSession } from '../session/session';

const PERIODS = [7, 30, 90] as const;
const DAY_MS = 86_400_000;

export function Dashboard() {
  const [days, setDays] = useState<number>(30);
  const query = useDashboard(days);
  const { user } = useSession();
  return (
    <>
      <PageHead title="Dashboard" note={query.data === undefined ? user.companyName : `${user.companyName ?? 'All companies'} · computed at ${timeOf(query.data.generatedAt)}`}>
        <div className="segments" role="group" aria-label="Period">
          {PERIODS.map((period) => (
            <button key={period} type="button" aria-pressed={period === days} onClick={() => setDays(period)}>
              {period} days
            </button>
          ))}
        </div>
      </PageHead>
      <Loaded query={query} lines={10}>
        {(data) => (data.totals.orders === 0 ? <Empty title="No orders in this time">Figures appear with the first order.</Empty> : <Figures data={data} />)}
      </Loaded>
    </>
  );
}

const STATUS_TONES: Record<string, string> = { delivered: 'green', rto: 'red', cancelled: 'grey', new: 'blue', packed: 'violet' };

function Figures({ data }: { data: Data }) {
  const [what, setWhat] = useState<'orders' | 'revenue'>('orders');
  const { totals, byDay, byStatus, byCourier, topZones } = data;
  const days = everyDay(byDay);
  const points = days.map((day) => ({ day: day.day, value: day[what] }));
  return (
    <div className="dashboard">
      <dl className="totals">
        <Total name="Orders" value={count(totals.orders)} note={`${count(Math.round(totals.orders / Math.max(days.length, 1)))} a day`} />
        <Total name="Revenue" value={compactMoney(totals.revenue)} note={`${money(Math.round(totals.revenue / Math.max(totals.orders, 1)))} an order`} />
        <Total name="Delivered" value={percent(totals.delivered / Math.max(totals.orders, 1), 1)} note={count(totals.delivered)} />
        <Total name="Returned" value={percent(totals.rto / Math.max(totals.orders, 1), 1)} note={count(totals.rto)} />
        <Total name="Time to deliver" value={!(totals.averageDays > 0) ? '–' : `${totals.averageDays.toFixed(1)} days`} note="on average" />
      </dl>
      <Panel title={what === 'orders' ? 'Orders by day' : 'Revenue by day'} className="wide">
        <div className="segments in-panel" role="group" aria-label="Series">
          <button type="button" aria-pressed={what === 'orders'} onClick={() => setWhat('orders')}>
            Orders
          </button>
          <button type="button" aria-pressed={what === 'revenue'} onClick={() => setWhat('revenue')}>
            Revenue
          </button>
        </div>
        <AreaChart points={points} label={what === 'orders' ? 'Orders by day' : 'Revenue by day'} format={what === 'orders' ? count : money} />
      </Panel>
      <Panel title="By status">
        <Bars caption="Orders by status" bars={byStatus.map((row) => ({ name: words(row.status), value: row.count, text: count(row.count), tone: STATUS_TONES[row.status] ?? 'amber' }))} />
      </Panel>
      <Panel title="Couriers" note="delivered in time">
        <Bars caption="Orders by courier" bars={byCourier.map((row) => ({ name: row.courier, value: row.orders, text: count(row.orders), note: <OnTime share={row.onTime} /> }))} />
      </Panel>
      <Panel title="Zones">
        <Bars caption="Orders by zone" bars={topZones.map((row) => ({ name: `Zone ${row.zone}`, value: row.orders, text: count(row.orders) }))} />
      </Panel>
    </div>
  );
}

/** Days without orders as well, which the API leaves out. */
function everyDay(byDay: Data['byDay']): Data['byDay'] {
  const [first, last] = [byDay[0], byDay[byDay.length - 1]];
  if (first === undefined || last === undefined) return [];
  const known = new Map(byDay.map((day) => [day.day, day]));
  const days = Math.round((Date.parse(last.day) - Date.parse(first.day)) / DAY_MS) + 1;
  return Array.from({ length: days }, (_, n) => {
    const day = new Date(Date.parse(first.day) + n * DAY_MS).toISOString().slice(0, 10);
    return known.get(day) ?? { day, orders: 0, revenue: 0 };
  });
}

const compactMoney = (amount: number): string => `₹${compact(amount)}`;

function Total({ name, value, note }: { name: string; value: string; note: string }) {
  return (
    <div className="total">
      <dt>{name}</dt>
      <dd>
        {value}
        <small>{note}</small>
      </dd>
    </div>
  );
}

/** The share that arrived in time. */
function OnTime({ share }: { share: number }) {
  return <span className={share >= 0.9 ? 'good' : share >= 0.75 ? 'fair' : 'bad'}>{percent(share)}</span>;
}
