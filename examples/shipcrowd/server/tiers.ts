/** The kinds of data, with the times of the server and of the browser. Shared with web/, so it imports `hawser/client` only. Times are in seconds. */
import { defineTiers } from 'hawser/client';

/** What the browser stores is kept for a day, whether the page shows it or not. */
const stored = { persist: true, gcTime: 86_400 };

export const tiers = defineTiers({
  /** Tier 1: reference data, invalidated by an admin. */
  zones: { ttl: 86_400, target: 0.75, browser: { staleTime: Infinity, ...stored } },
  rateCards: { ttl: 86_400, target: 0.9, browser: { staleTime: Infinity, ...stored } },
  /** Tier 2: needed by every request. */
  permissions: { ttl: 300, target: 0.9, browser: { staleTime: 300 } },
  /** Tier 3: lists, one tag per company and resource. */
  orders: { ttl: 300, target: 0.6, browser: { staleTime: 30, ...stored } },
  shipments: { ttl: 300, target: 0.6, browser: { staleTime: 30, ...stored } },
  walletLists: { ttl: 300, browser: { staleTime: 30, ...stored } },
  /** Tier 4: details, deleted one by one. */
  orderDetails: { ttl: 300, browser: { staleTime: 30, ...stored } },
  /** Tier 5: stale-while-revalidate. */
  analytics: { ttl: 900, staleAfter: 300, target: 0.8, browser: { staleTime: 300, ...stored } },
  /** Never cached on the server. */
  wallet: { direct: true, browser: { staleTime: 10, ...stored } },
});
export type TierName = keyof typeof tiers;
