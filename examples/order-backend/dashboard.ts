/** Analytics: expensive to compute, allowed to be a little old, never late once there is something to show. */
import { CachedService, StaleWhileRevalidate } from 'hawser';
import type { Dashboard, Database } from './database';

/** Seconds. */
export interface DashboardTimes {
  /** Younger than this, a dashboard is returned as it is; older, it is returned and computed anew in the background. Default 300. */
  staleThreshold?: number;
  /** Older than this, it is computed before it is returned. Default 900. */
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

  /** Without the orders' tag on purpose: it would be dropped, and computed while somebody waits, with every order. */
  get(companyId: string): Promise<Dashboard> {
    return this.swr.get(this.cacheKey(companyId, 'dashboard'), () => this.db.computeDashboard(companyId));
  }

  async clear(): Promise<number> {
    return this.cache.deletePattern('*');
  }
}
