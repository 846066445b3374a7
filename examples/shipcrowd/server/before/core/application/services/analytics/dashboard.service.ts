/** The dashboard, cached for five minutes or until the next order. Then somebody waits for it. */
import type { DashboardService as Contract } from '../../../../../contract';
import type { Analytics } from '../../../../../database/analytics';
import type { Dashboard } from '../../../../../types';
import type { CacheService } from '../../../../infrastructure/utilities/cache.service';

const TTL = 300;

export class DashboardService implements Contract {
  constructor(
    private readonly analytics: Analytics,
    private readonly cache: CacheService,
  ) {}

  getDashboard(companyId: string, days: number): Promise<Dashboard> {
    return this.cache.getOrSet('analytics', `analytics:${companyId}:${days}`, TTL, () => this.analytics.dashboard(companyId, days));
  }
}
