/** One order with its timeline and what can be done next. */
import { Link, useParams } from 'react-router';
import { useOrderStatus } from '../api/mutations';
import { useOrder } from '../api/queries';
import { ORDER_STEPS } from '../../../server/types';
import type { OrderDetails } from '../api/types';
import { useSession } from '../session/session';
import { count, dateTimeOf, exactMoney, money, weight, words } from '../ui/format';
import { Icon } from '../ui/icons';
import { useNotice } from '../ui/notice';
import { PageHead, Panel, Status, Timeline } from '../ui/parts';
import { Loaded } from '../ui/states';

const DO: Record<string, string> = { packed: 'Mark as packed', shipped: 'Hand to courier', 'in-transit': 'Mark as in transit', delivered: 'Mark as delivered', rto: 'Return to origin', cancelled: 'Cancel the order' };

export function Order() {
  const { id = '' } = useParams();
  const query = useOrder(id);
  return (
    <>
      <Link to="/orders" className="back">
        <Icon name="back" size={16} />
        Orders
      </Link>
      <Loaded query={query} lines={8}>
        {(order) => <Detail order={order} />}
      </Loaded>
    </>
  );
}

function Detail({ order }: { order: OrderDetails }) {
  return (
    <>
      <PageHead title={order.id} note={`Created ${dateTimeOf(order.createdAt)} · changed ${dateTimeOf(order.updatedAt)}`}>
        <Status value={order.status} />
      </PageHead>
      <div className="two-columns">
        <div>
          <Waybill order={order} />
          {order.items.length > 0 && <Items items={order.items} />}
        </div>
        <div>
          <Actions order={order} />
          <Panel title="Timeline">
            <Timeline steps={order.timeline} />
          </Panel>
        </div>
      </div>
    </>
  );
}

function Waybill({ order }: { order: OrderDetails }) {
  const facts: [string, string][] = [
    ['Customer', order.customer],
    ['Phone', order.phone || '–'],
    ['Courier', order.courier],
    ['Weight', weight(order.weightGrams)],
    ['Value', money(order.value)],
    ['Payment', order.paymentMode === 'cod' ? 'Cash on delivery' : 'Prepaid'],
    ['Shipping', exactMoney(order.price)],
  ];
  return (
    <Panel title="Waybill" className="waybill">
      <div className="waybill-lane">
        <span>
          <small>From</small>
          <b>{order.from}</b>
        </span>
        <span className="waybill-zone">
          <i aria-hidden="true" />
          Zone {order.zone}
        </span>
        <span>
          <small>To</small>
          <b>{order.to}</b>
        </span>
      </div>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

function Items({ items }: { items: OrderDetails['items'] }) {
  return (
    <Panel title="Contents" className="flush">
      <table className="data" aria-label="Contents">
        <thead>
          <tr>
            <th scope="col">Article</th>
            <th scope="col" className="number">
              Quantity
            </th>
            <th scope="col" className="number">
              Price
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.name}>
              <th scope="row">{item.name}</th>
              <td className="number">{count(item.quantity)}</td>
              <td className="number">{money(item.price)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function Actions({ order }: { order: OrderDetails }) {
  const { can } = useSession();
  const change = useOrderStatus(order.id);
  const notice = useNotice();
  const next = ORDER_STEPS[order.status];
  if (next.length === 0) return null;
  if (!can('orders.write')) return <p className="hint boxed">You may read orders. Changing them needs the permission orders.write.</p>;
  return (
    <Panel title="Next step">
      <div className="row wrap">
        {next.map((status) => (
          <button
            key={status}
            type="button"
            className={status === 'cancelled' || status === 'rto' ? 'button danger' : 'button primary'}
            disabled={change.isPending}
            onClick={() =>
              change.mutate(status, {
                onSuccess: () => notice(`${order.id}: ${words(status)}`),
                onError: (error) => notice(error.message, 'failed'),
              })
            }
          >
            {DO[status] ?? words(status)}
          </button>
        ))}
      </div>
    </Panel>
  );
}
