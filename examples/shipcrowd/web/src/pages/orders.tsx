/** The company's orders: filters and page are in the address, so that they can be sent to a colleague. */
import { Link, useSearchParams } from 'react-router';
import { useOrders } from '../api/queries';
import { ORDER_STEPS } from '../../../server/types';
import type { Order, OrderQuery, Page } from '../api/types';
import { useSession } from '../session/session';
import { count, dateTimeOf, money, weight, words } from '../ui/format';
import { Icon } from '../ui/icons';
import { Lane, PageHead, Pages, Panel, Status } from '../ui/parts';
import { Empty, Loaded } from '../ui/states';
import { OrderFilters } from './order-filters';

const LIMIT = 20;

export function Orders() {
  const [params, setParams] = useSearchParams();
  const { can } = useSession();
  const query = queryOf(params);
  const orders = useOrders(query);
  const change = (changes: Record<string, string>): void => {
    const next = new URLSearchParams(params);
    // Another filter begins at the first page.
    if (!('page' in changes)) next.delete('page');
    for (const [name, value] of Object.entries(changes)) {
      if (value === '') next.delete(name);
      else next.set(name, value);
    }
    setParams(next, { replace: 'search' in changes });
  };
  return (
    <>
      <PageHead title="Orders" note={orders.data === undefined ? undefined : `${count(orders.data.total)} ${isFiltered(params) ? 'match' : 'in all'}`}>
        {can('orders.write') && (
          <Link className="button primary" to="/orders/new">
            <Icon name="plus" size={16} />
            New order
          </Link>
        )}
      </PageHead>
      <StatusTabs value={query.status ?? ''} onChange={(status) => change({ status })} />
      <Panel className={orders.isPlaceholderData ? 'flush updating' : 'flush'}>
        <OrderFilters params={params} onChange={change} />
        <Loaded query={orders} lines={12}>
          {(page) => <OrderTable page={page} isFiltered={isFiltered(params)} onPage={(n) => change({ page: String(n) })} onClear={() => setParams({})} />}
        </Loaded>
      </Panel>
    </>
  );
}

function queryOf(params: URLSearchParams): OrderQuery {
  const given = Object.fromEntries(['status', 'search', 'courier', 'from', 'to', 'sort'].flatMap((name) => (params.get(name) ? [[name, params.get(name)!]] : [])));
  return { ...given, page: Math.max(1, Number(params.get('page') ?? 1) || 1), limit: LIMIT };
}

const isFiltered = (params: URLSearchParams): boolean => ['status', 'search', 'courier', 'from', 'to'].some((name) => params.has(name));

function StatusTabs({ value, onChange }: { value: string; onChange: (status: string) => void }) {
  return (
    <div className="tabs" role="group" aria-label="Status">
      {['', ...Object.keys(ORDER_STEPS)].map((status) => (
        <button key={status} type="button" aria-pressed={status === value} onClick={() => onChange(status)}>
          {status === '' ? 'All' : words(status)}
        </button>
      ))}
    </div>
  );
}

function OrderTable({ page, isFiltered: filtered, onPage, onClear }: { page: Page<Order>; isFiltered: boolean; onPage: (page: number) => void; onClear: () => void }) {
  if (page.items.length === 0) {
    return filtered ? (
      <Empty icon="search" title="No order matches">
        <button type="button" className="button" onClick={onClear}>
          Clear the filters
        </button>
      </Empty>
    ) : (
      <Empty title="No orders yet">Create the first one; it appears here and on every other screen of your company.</Empty>
    );
  }
  return (
    <>
      <table className="data stacking" aria-label="Orders">
        <thead>
          <tr>
            <th scope="col">Order</th>
            <th scope="col">Customer</th>
            <th scope="col">Lane</th>
            <th scope="col">Courier</th>
            <th scope="col" className="number">
              Weight
            </th>
            <th scope="col" className="number">
              Value
            </th>
            <th scope="col">Status</th>
          </tr>
        </thead>
        <tbody>
          {page.items.map((order) => (
            <tr key={order.id}>
              <th scope="row">
                <Link to={`/orders/${order.id}`} className="code">
                  {order.id}
                </Link>
                <small>{dateTimeOf(order.createdAt)}</small>
              </th>
              <td data-label="Customer">{order.customer}</td>
              <td data-label="Lane">
                <Lane from={order.from} to={order.to} />
                <small>Zone {order.zone}</small>
              </td>
              <td data-label="Courier">{order.courier}</td>
              <td data-label="Weight" className="number">
                {weight(order.weightGrams)}
              </td>
              <td data-label="Value" className="number">
                {money(order.value)}
                <small>{order.paymentMode === 'cod' ? 'Cash on delivery' : 'Prepaid'}</small>
              </td>
              <td data-label="Status">
                <Status value={order.status} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <Pages page={page.page} limit={page.limit} total={page.total} onPage={onPage} what="orders" />
    </>
  );
}
