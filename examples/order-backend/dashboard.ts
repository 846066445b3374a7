/** Analytics: expensive to compute and allowed to be slightly old. Once there is a value, readers never wait. */
import { CachedService, StaleWhileRevalidate } from 'hawser';
import type { Dashboard, Database } from './database';

/** In seconds. */
export interface DashboardTimes {
  /** Up to this age, a dashboard is returned as it is. An older one is returned and computed again in the background. Default 300. */
  staleThreshold?: number;
  /** Beyond this age, a dashboard is computed before it is returned. Default 900. */
  maxAge?: number;
}

export class DashboardService extends CachedService {
  protected serviceName = 'shop.dashboards';
  private readonly swr: StaleWhileRevalidate;

  constructor(
    private readonly db: Database,
    { staleThreshold = 300, maxAge = 900 }: DashboardTimes = {},
  ) {
    super();
    this.swr = new StaleWhileRevalidate(this.cache, staleThreshold, maxAge);
  }

  /** Deliberately without the orders' tag: with it, every order would drop the dashboard, and a reader would wait for it. */
  get(companyId: string): Promise<Dashboard> {
    return this.swr.get(this.cacheKey(companyId, 'dashboard'), () => this.db.computeDashboard(companyId));
  }

  async clear(): Promise<number> {
    return this.cache.deletePattern('*');
  }
}
