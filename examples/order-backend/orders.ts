/** Orders: lists that any write to the company makes unusable, details that are deleted one by one. */
import { CachedService, CacheRepository, PubSubService } from 'hawser';
import type { Database, Order, OrderFilters, OrderList, OrderStatus, Page } from './database';

/** What a write did beside the database. */
export interface Written {
  order: Order;
  /** Lists that it made unusable: an estimate, exact for a handful. */
  lists: number;
  /** Details that it deleted. */
  details: number;
}

export class OrderService extends CachedService {
  protected serviceName = 'shop.orders';
  /** Details live in a repository of their own: the lists' tags are none of their business. */
  private readonly details = new CacheRepository('shop.order', { ttl: 300 });

  constructor(private readonly db: Database) {
    super();
  }

  /** Every combination of filters and page is an entry of its own; all of them carry one tag. */
  list(companyId: string, filters: OrderFilters = {}, page: Page = { page: 1, limit: 20 }): Promise<OrderList> {
    return this.cache.getOrSet(this.listCacheKey(companyId, { ...filters, ...page }), () => this.db.listOrders(companyId, filters, page), {
      ttl: 300,
      tags: [this.tag(companyId)],
    });
  }

  /** `null` is an answer like any other: an order that does not exist is asked for once. */
  byId(companyId: string, orderId: string): Promise<Order | null> {
    return this.details.getOrSet(this.cacheKey(companyId, orderId), () => this.db.findOrder(orderId));
  }

  async create(companyId: string, customer: string, cents: number): Promise<Written> {
    const order = await this.db.createOrder(companyId, customer, cents);
    // Somebody may have asked for this id before there was an order.
    const details = await this.details.deleteMany([this.cacheKey(companyId, order.id)]);
    return { order, details, lists: await this.dropLists(companyId, 'OrderService.create') };
  }

  async updateStatus(companyId: string, orderId: string, status: OrderStatus): Promise<Written | null> {
    const order = await this.db.setStatus(orderId, status);
    if (order === null) return null;
    const details = await this.details.deleteMany([this.cacheKey(companyId, orderId)]);
    return { order, details, lists: await this.dropLists(companyId, 'OrderService.updateStatus') };
  }

  /** Forgets everything. For housekeeping: requests use tags. */
  async clear(): Promise<number> {
    return (await this.cache.deletePattern('*')) + (await this.details.deletePattern('*'));
  }

  /** After the database has the change. From the moment this resolves no reader gets an older list, in whatever process. */
  private async dropLists(companyId: string, source: string): Promise<number> {
    const tags = [this.tag(companyId)];
    const invalidated = await this.cache.invalidateTags(tags);
    // The cache needs no message: its entries are shared. This is for what instances hold in memory.
    await PubSubService.publish({ type: 'tags', target: tags, source });
    return invalidated;
  }

  private tag(companyId: string): string {
    return this.companyTag(companyId, 'orders');
  }
}
