/** What the workers do. A queue may give a job out twice; its effect is made once, because the statement that makes it takes the job's key. */
import type { Services } from './contract';
import type { Tables } from './database';
import { background } from './database/pool';

type Run = (queue: string, jobId: string, payload: Record<string, unknown>) => Promise<void>;

export function jobRunner(services: Pick<Services, 'shipments' | 'wallet'>, { jobs }: Tables): Run {
  const work: Run = async (queue, id, payload) => {
    const [companyId, about, job] = [String(payload.companyId), String(payload.id), { queue, id }];
    if (queue === 'order-processing') await services.shipments.createFor(companyId, about, job);
    else if (queue === 'wallet-settlement') await services.wallet.charge(companyId, about, job);
    else await jobs.run(job);
  };
  return (queue, jobId, payload) => background(() => work(queue, jobId, payload));
}
