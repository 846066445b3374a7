/** What the workers do. Every job may run twice after a crash, so everything here changes nothing the second time. */
import type { Services } from './contract';
import type { Tables } from './database';
import { background } from './database/pool';

type Run = (queue: string, jobId: string, payload: Record<string, unknown>) => Promise<void>;

export function jobRunner(services: Pick<Services, 'shipments' | 'wallet'>, tables: Tables): Run {
  const work: Run = async (queue, jobId, payload) => {
    const [companyId, id] = [String(payload.companyId), String(payload.id)];
    if (queue === 'order-processing') await services.shipments.createFor(companyId, id);
    if (queue === 'wallet-settlement') await services.wallet.charge(companyId, id);
    await tables.outbox.ran(queue, jobId);
  };
  return (queue, jobId, payload) => background(() => work(queue, jobId, payload));
}
