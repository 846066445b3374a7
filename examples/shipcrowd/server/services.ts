/** Puts the services together: for each, the old code or the new, as the flags say. Nothing of the other side is made, so it opens no connection. */
import { createAfter } from './after';
import { createBefore } from './before';
import type { Events, Services } from './contract';
import type { Tables } from './database';
import { isMemory, type Flags, type ServiceName } from './flags';
import { createMemory } from './memory';

/** Each side makes a part when it is asked for it, once. */
export type Side = { [K in keyof Omit<Services, 'observers' | 'requirePermission'>]: () => Services[K] } & {
  observer: () => Services['observers'][number];
  requirePermission: (permissions: Services['permissions']) => Services['requirePermission'];
};

export function createServices(flags: Flags, tables: Tables): Services {
  const after = isMemory(process.env) ? { ...createAfter(tables), ...createMemory(tables) } : createAfter(tables);
  const before = createBefore(tables);
  const of = (name: ServiceName): Side => (flags[name] === 'after' ? after : before);
  // The new code's first, if there is any of it.
  const sides = [...new Set(Object.values(flags))].sort();

  const permissions = of('PERMISSIONS').permissions();
  return {
    permissions,
    requirePermission: of('PERMISSIONS').requirePermission(permissions),
    tokens: of('SESSIONS').tokens(),
    pincodes: of('PINCODES').pincodes(),
    pricing: of('PRICING').pricing(),
    orders: of('ORDERS').orders(),
    shipments: of('SHIPMENTS').shipments(),
    wallet: of('WALLET').wallet(),
    dashboards: of('ANALYTICS').dashboards(),
    limits: of('RATE_LIMITS').limits(),
    queues: of('QUEUES').queues(),
    // Entries of either side must hear what the other side changes, so both listen while there is anything of both.
    events: all(sides.map((side) => (side === 'after' ? after : before).events())),
    observers: sides.map((side) => (side === 'after' ? after : before).observer()),
};
}

const all = (listeners: Events[]): Events => ({
  start: async () => (await Promise.all(listeners.map((listener) => listener.start()))).every(Boolean),
  stop: async () => void (await Promise.all(listeners.map((listener) => listener.stop()))),
});
