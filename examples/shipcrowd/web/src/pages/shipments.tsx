/** Parcels on their way. */
import { Link, useSearchParams } from 'react-router';
import { useShipments } from '../api/queries';
import { COURIERS } from '../../../server/database/words';
import { SHIPMENT_STEPS } from '../../../server/types';
import type { Page, Shipment } from '../api/types';
import { count, dateTimeOf, words } from '../ui/format';
import { PageHead, Pages, Panel, Status } from '../ui/parts';
import { Empty, Loaded } from '../ui/states';

const LIMIT = 20;

export function Shipments() {
  const [params, setParams] = useSearchParams();
  const status = params.get('status') ?? '';
  const courier = params.get('courier') ?? '';
  const page = Math.max(1, Number(params.get('page') ?? 1) || 1);
  const shipments = useShipments({ status, courier, page, limit: LIMIT });
  const change = (changes: Record<string, string>): void => {
    const next = { status, courier, ...changes };
    setParams(Object.fromEntries(Object.entries(next).filter(([, value]) => value !== '')));
  };
  return (
    <>
      <PageHead title="Shipments" note={shipments.data === undefined ? undefined : `${count(shipments.data.total)} parcels`} />
      <div className="tabs" role="group" aria-label="Status">
        {['', ...Object.keys(SHIPMENT_STEPS)].map((one) => (
          <button key={one} type="button" aria-pressed={one === status} onClick={() => change({ status: one })}>
            {one === '' ? 'All' : words(one)}
          </button>
        ))}
      </div>
      <Panel className={shipments.isPlaceholderData ? 'flush updating' : 'flush'}>
        <div className="filters">
          <label>
            <span className="hidden">Courier</span>
            <select value={courier} onChange={(event) => change({ courier: event.target.value })}>
              <option value="">All couriers</option>
              {COURIERS.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
        </div>
        <Loaded query={shipments} lines={12}>
          {(data) => <ShipmentTable page={data} onPage={(n) => change({ page: String(n) })} />}
        </Loaded>
      </Panel>
    </>
  );
}

function ShipmentTable({ page, onPage }: { page: Page<Shipment>; onPage: (page: number) => void }) {
  if (page.items.length === 0) return <Empty icon="truck" title="No shipments here">Orders become shipments when a courier gets them.</Empty>;
  return (
    <>
      <table className="data stacking" aria-label="Shipments">
        <thead>
          <tr>
            <th scope="col">Airway bill</th>
            <th scope="col">Order</th>
            <th scope="col">Courier</th>
            <th scope="col">Created</th>
            <th scope="col">Changed</th>
            <th scope="col">Status</th>
          </tr>
        </thead>
        <tbody>
          {page.items.map((shipment) => (
            <tr key={shipment.id}>
              <th scope="row">
                <Link to={`/shipments/${shipment.id}`} className="code">
                  {shipment.awb}
                </Link>
              </th>
              <td data-label="Order">
                <Link to={`/orders/${shipment.orderId}`} className="code">
                  {shipment.orderId}
                </Link>
              </td>
              <td data-label="Courier">{shipment.courier}</td>
              <td data-label="Created">{dateTimeOf(shipment.createdAt)}</td>
              <td data-label="Changed">{dateTimeOf(shipment.updatedAt)}</td>
              <td data-label="Status">
                <Status value={shipment.status} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <Pages page={page.page} limit={page.limit} total={page.total} onPage={onPage} what="shipments" />
    </>
  );
}
