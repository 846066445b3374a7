/** Orders: a write to a company invalidates all of its lists; details are deleted one by one. */
import { CachedService, CacheRepository, PubSubService } from 'hawser';
import type { Database, Order, OrderFilters, OrderList, OrderStatus, Page } from './database';

/** The effects of a write on the cache. */
export interface Written {
  order: Order;
  /** Lists that it invalidated. An estimate, exact for small numbers. */
  lists: number;
  /** Details that it deleted. */
  details: number;
}

export class OrderService extends CachedService {
  protected serviceName = 'shop.orders';
  /** Details have a separate repository, because the lists' tags do not apply to them. */
  private readonly details = new CacheRepository('shop.order', { ttl: 300 });

  constructor(private readonly db: Database) {
    super();
  }

  /** Every combination of filters and page has its own entry; all of them carry one tag. */
  list(companyId: string, filters: OrderFilters = {}, page: Page = { page: 1, limit: 20 }): Promise<OrderList> {
    return this.cache.getOrSet(this.listCacheKey(companyId, { ...filters, ...page }), () => this.db.listOrders(companyId, filters, page), {
      ttl: 300,
      tags: [this.tag(companyId)],
    });
  }

  /** `null` is cached like any other answer, so a missing order is queried once. */
  byId(companyId: string, orderId: string): Promise<Order | null> {
    return this.details.getOrSet(this.cacheKey(companyId, orderId), () => this.db.findOrder(orderId));
  }

  async create(companyId: string, customer: string, cents: number): Promise<Written> {
    const order = await this.db.createOrder(companyId, customer, cents);
    // A reader may have cached that this id does not exist.
    const details = await this.details.deleteMany([this.cacheKey(companyId, order.id)]);
    return { order, details, lists: await this.dropLists(companyId, 'OrderService.create') };
  }

  async updateStatus(companyId: string, orderId: string, status: OrderStatus): Promise<Written | null> {
    const order = await this.db.setStatus(orderId, status);
    if (order === null) return null;
    const details = await this.details.deleteMany([this.cacheKey(companyId, orderId)]);
    return { order, details, lists: await this.dropLists(companyId, 'OrderService.updateStatus') };
  }

  /** Deletes all entries. This is for maintenance; requests use tags. */
  async clear(): Promise<number> {
    return (await this.cache.deletePattern('*')) + (await this.details.deletePattern('*'));
  }

  /** Call this after the database has the change. Once it resolves, no reader in any process gets an older list. */
  private async dropLists(companyId: string, source: string): Promise<number> {
    const tags = [this.tag(companyId)];
    const invalidated = await this.cache.invalidateTags(tags);
    // The cache needs no message, because its entries are shared. The message is for data that instances hold in memory.
    await PubSubService.publish({ type: 'tags', target: tags, source });
    return invalidated;
  }

  private tag(companyId: string): string {
    return this.companyTag(companyId, 'orders');
  }
}
