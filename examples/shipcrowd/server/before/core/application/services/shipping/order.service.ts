/** Orders, from the database each time: any order changes any list, and nobody knows which keys to delete. A write drops the company's dashboards by pattern. */
import type { OrderService as Contract, Written } from '../../../../../contract';
import type { Orders, Priced } from '../../../../../database/orders';
import { jobsFor } from '../../../../../queues';
import { companyTag } from '../../../../../tags';
import type { NewOrder, Order, OrderDetails, OrderFilters, OrderStatus, Page, Pagination } from '../../../../../types';
import type { CacheService } from '../../../../infrastructure/utilities/cache.service';
import { countRead } from '../../../../measure';
import { announce } from '../../../../shared/events/announce';

export class OrderService implements Contract {
  constructor(
    private readonly orders: Orders,
    private readonly cache: CacheService,
  ) {}

  listOrders(companyId: string, filters: OrderFilters, pagination: Pagination): Promise<Page<Order>> {
    countRead('orders', false);
    return this.orders.list(companyId, filters, pagination);
  }

  getOrderById(companyId: string, orderId: string): Promise<OrderDetails | null> {
    countRead('orderDetails', false);
    return this.orders.find(companyId, orderId);
  }

  async createOrder(companyId: string, order: NewOrder, priced: Priced): Promise<Written<OrderDetails>> {
    const value = await this.orders.create(companyId, order, priced, jobsFor('order.new'));
    await this.invalidate(companyId);
    return { value, isVisible: true };
  }

  async updateOrderStatus(companyId: string, orderId: string, status: OrderStatus): Promise<Written<OrderDetails | null | undefined>> {
    const value = await this.orders.setStatus(companyId, orderId, status, jobsFor(`order.${status}`));
    if (value !== null && value !== undefined) await this.invalidate(companyId);
    return { value, isVisible: true };
  }

  private async invalidate(companyId: string): Promise<void> {
    await this.cache.deletePattern(`analytics:${companyId}:*`);
    announce('OrderService', companyTag(companyId, 'orders'));
  }
}
