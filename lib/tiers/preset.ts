/** Tiers that fit many backends. */
import { defineTiers } from './tier';

/**
 * Five tiers of a backend with orders: lists that change often, dashboards that may be old but never slow, prices that hardly change, permissions, and
 * balances that are never cached. Take them as they are, or as an example.
 */
export const presetTiers = defineTiers({
  /** Orders, shipments. */
  orders: { ttl: 300, target: 0.75, browser: { staleTime: 30 } },
  analytics: { ttl: 900, staleAfter: 300, target: 0.9, browser: { staleTime: 300 } },
  /** Zones, rates. */
  pricing: { ttl: 3600, target: 0.95, browser: { staleTime: Infinity, persist: true } },
  permissions: { ttl: 300, target: 0.9, browser: { staleTime: 300 } },
  wallet: { direct: true, browser: { staleTime: 10 } },
});
