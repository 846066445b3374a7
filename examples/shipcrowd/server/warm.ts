/** Fills the caches of the companies with the most orders before the first request. */
import { warmCache } from 'hawser';
import type { Services } from './contract';
import type { Tables } from './database';

const COMPANIES = 10;

export async function warmTopCompanies({ orders, dashboards }: Services, { analytics }: Tables): Promise<void> {
  const top = await analytics.topCompanies(COMPANIES);
  const tasks = top.flatMap((id) => [() => orders.listOrders(id, {}, { page: 1, limit: 20 }), () => dashboards.getDashboard(id, 30)]);
  const { failed } = await warmCache(tasks, { concurrency: 4 });
  if (failed > 0) console.warn(`[warm] ${failed} of ${tasks.length} were not loaded`);
}
