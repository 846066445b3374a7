/** One parcel. */
import { Link, useParams } from 'react-router';
import { useShipmentStatus } from '../api/mutations';
import { useShipment } from '../api/queries';
import { SHIPMENT_STEPS } from '../../../server/types';
import type { Shipment as Data } from '../api/types';
import { useSession } from '../session/session';
import { dateTimeOf, words } from '../ui/format';
import { Icon } from '../ui/icons';
import { useNotice } from '../ui/notice';
import { PageHead, Panel, Status } from '../ui/parts';
import { Loaded } from '../ui/states';

export function Shipment() {
  const { id = '' } = useParams();
  return (
    <>
      <Link to="/shipments" className="back">
        <Icon name="back" size={16} />
        Shipments
      </Link>
      <Loaded query={useShipment(id)} lines={8}>
        {(shipment) => <Detail shipment={shipment} />}
      </Loaded>
    </>
  );
}

function Detail({ shipment }: { shipment: Data }) {
  const { can } = useSession();
  const change = useShipmentStatus(shipment.id);
  const notice = useNotice();
  const next = SHIPMENT_STEPS[shipment.status];
  return (
    <>
      <PageHead title={shipment.awb} note={`${shipment.courier} · changed ${dateTimeOf(shipment.updatedAt)}`}>
        <Status value={shipment.status} />
      </PageHead>
      <div className="two-columns">
        <Panel title="Parcel" className="waybill">
          <div className="waybill-lane">
            <span>
              <small>Airway bill</small>
              <b>{shipment.awb}</b>
            </span>
          </div>
          <dl className="facts">
            <div>
              <dt>Order</dt>
              <dd>
                <Link to={`/orders/${shipment.orderId}`}>{shipment.orderId}</Link>
              </dd>
            </div>
            <div>
              <dt>Courier</dt>
              <dd>{shipment.courier}</dd>
            </div>
            <div>
              <dt>Created</dt>
              <dd>{dateTimeOf(shipment.createdAt)}</dd>
            </div>
            <div>
              <dt>Changed</dt>
              <dd>{dateTimeOf(shipment.updatedAt)}</dd>
            </div>
          </dl>
        </Panel>
        <div>
          {next.length > 0 && can('shipments.write') && (
            <Panel title="Next step">
              <div className="row wrap">
                {next.map((status) => (
                  <button
                    key={status}
                    type="button"
                    className={status === 'rto' || status === 'lost' ? 'button danger' : 'button primary'}
                    disabled={change.isPending}
                    onClick={() => change.mutate(status, { onSuccess: () => notice(`${shipment.awb}: ${words(status)}`), onError: (error) => notice(error.message, 'failed') })}
                  >
                    {words(status)}
                  </button>
                ))}
              </div>
            </Panel>
          )}
          <Panel title="Progress">
            <Progress status={shipment.status} />
          </Panel>
        </div>
      </div>
    </>
  );
}

const WAY = ['created', 'picked-up', 'in-transit', 'out-for-delivery', 'delivered'] as const;

/** The way of a parcel, as far as it has come. One that is lost or goes back has left it. */
function Progress({ status }: { status: Data['status'] }) {
  const at = (WAY as readonly string[]).indexOf(status);
  if (at < 0) return <p className="hint">This parcel has left its way: {words(status).toLowerCase()}.</p>;
  return (
    <ol className="timeline">
      {WAY.map((step, i) => (
        <li key={step} className={i === at ? 'now' : i > at ? 'ahead' : ''} aria-current={i === at ? 'step' : undefined}>
          <strong>{words(step)}</strong>
        </li>
      ))}
    </ol>
  );
}
