/** The services as they were. */
import type { Tables } from '../database';
import type { Side } from '../services';
import { DashboardService } from './core/application/services/analytics/dashboard.service';
import { PermissionService } from './core/application/services/auth/permission.service';
import { SessionService } from './core/application/services/auth/session.service';
import { PincodeLookupService } from './core/application/services/pricing/pincode-lookup.service';
import { PricingCacheService } from './core/application/services/pricing/pricing-cache.service';
import { OrderService } from './core/application/services/shipping/order.service';
import { ShipmentService } from './core/application/services/shipping/shipment.service';
import { WalletService } from './core/application/services/shipping/wallet.service';
import { CacheService } from './infrastructure/utilities/cache.service';
import { OldObserver } from './infrastructure/utilities/observe';
import { QueueManager } from './infrastructure/utilities/queue-manager';
import { RateLimiter } from './infrastructure/utilities/rate-limiter';
import { apiLimit } from './shared/config/rateLimit.config';
import { CacheInvalidationListener } from './shared/events/cache-invalidation.listener';
import { TokenService } from './shared/helpers/jwt';
import { requirePermissionOf } from './shared/middleware/require-permission.middleware';

export function createBefore({ orders, shipments, wallets, analytics, prices, people }: Tables): Side {
  let made: CacheService | undefined;
  const cache = (): CacheService => (made ??= new CacheService());
  return {
    tokens: () => new TokenService(new SessionService(people)),
    permissions: () => new PermissionService(people),
    requirePermission: (permissions) => requirePermissionOf(permissions),
    pincodes: () => new PincodeLookupService(prices, cache()),
    pricing: () => new PricingCacheService(prices),
    orders: () => new OrderService(orders, cache()),
    shipments: () => new ShipmentService(shipments),
    wallet: () => new WalletService(wallets),
    dashboards: () => new DashboardService(analytics, cache()),
    limits: () => {
      const limiter = new RateLimiter();
      return { api: apiLimit(), take: (what, who) => limiter.take(what, who) };
    },
    queues: () => new QueueManager(),
    events: () => new CacheInvalidationListener(cache()),
    observer: () => new OldObserver(cache()),
  };
}
