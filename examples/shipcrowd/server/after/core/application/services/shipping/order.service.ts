/** Tier 3 and 4: order lists with one tag for each company, and details, which are deleted one by one. */
import type { OrderService as Contract, Written } from '../../../../../contract';
import type { Orders, Priced } from '../../../../../database/orders';
import { jobsFor } from '../../../../../queues';
import { tiers } from '../../../../../tiers';
import type { NewOrder, Order, OrderDetails, OrderFilters, OrderStatus, Page, Pagination } from '../../../../../types';
import { CacheRepository } from '../../../../infrastructure/redis/cache.repository';
import { CachedService } from '../../base/cached.service';

export class OrderService extends CachedService implements Contract {
  protected serviceName = 'order';
  protected override tier = tiers.orders;
  private readonly details = new CacheRepository('order-details', { tier: tiers.orderDetails });

  constructor(private readonly orders: Orders) {
    super();
  }

  listOrders(companyId: string, filters: OrderFilters, pagination: Pagination): Promise<Page<Order>> {
    return this.cache.getOrSet(this.listCacheKey(companyId, { ...filters, ...pagination }), () => this.orders.list(companyId, filters, pagination), {
      tags: [this.companyTag(companyId, 'orders')],
    });
  }

  getOrderById(companyId: string, orderId: string): Promise<OrderDetails | null> {
    return this.details.getOrSet(this.cacheKey(companyId, orderId), () => this.orders.find(companyId, orderId));
  }

  async createOrder(companyId: string, order: NewOrder, priced: Priced): Promise<Written<OrderDetails>> {
    const value = await this.orders.create(companyId, order, priced, jobsFor('order.new'));
    return { value, isVisible: await this.invalidate(companyId, value.id) };
  }

  async updateOrderStatus(companyId: string, orderId: string, status: OrderStatus): Promise<Written<OrderDetails | null | undefined>> {
    const value = await this.orders.setStatus(companyId, orderId, status, jobsFor(`order.${status}`));
    if (value === null || value === undefined) return { value, isVisible: true };
    return { value, isVisible: await this.invalidate(companyId, orderId) };
  }

  /** All lists of the company, and one order: somebody may have cached that it does not exist. */
  private invalidate(companyId: string, orderId: string): Promise<boolean> {
    const tag = this.companyTag(companyId, 'orders');
    this.tellOldCode(tag);
    return this.visible(this.cache.invalidateTags([tag]), this.details.delete(this.cacheKey(companyId, orderId)));
  }
}
