/** Tier 5: the dashboard. Once there is one, nobody waits for it: an old one is returned while a single caller of the fleet computes the next. */
import type { DashboardService as Contract } from '../../../../../contract';
import type { Analytics } from '../../../../../database/analytics';
import { tiers } from '../../../../../tiers';
import type { Dashboard } from '../../../../../types';
import { StaleWhileRevalidate } from '../../../../infrastructure/redis/stale-while-revalidate';
import { CachedService } from '../../base/cached.service';

const { staleAfter, ttl } = tiers.analytics;

export class DashboardService extends CachedService implements Contract {
  protected serviceName = 'analytics';
  protected override tier = tiers.analytics;
  private readonly swr = new StaleWhileRevalidate(this.cache, staleAfter, ttl);

  constructor(private readonly analytics: Analytics) {
    super();
  }

  /** Without the orders' tag on purpose: with it, every order would drop the dashboard, and the next reader would wait. */
  getDashboard(companyId: string, days: number): Promise<Dashboard> {
    return this.swr.get(this.cacheKey(companyId, 'dashboard', days), () => this.analytics.dashboard(companyId, days), [this.companyTag(companyId, 'analytics')]);
  }
}
