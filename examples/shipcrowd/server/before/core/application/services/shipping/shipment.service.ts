/** Shipments in the general cache. */
import type { ShipmentService as Contract, Written } from '../../../../../contract';
import type { Shipments } from '../../../../../database/shipments';
import { jobsFor } from '../../../../../queues';
import { companyTag } from '../../../../../tags';
import type { Page, Pagination, Shipment, ShipmentFilters, ShipmentStatus } from '../../../../../types';
import type { CacheService } from '../../../../infrastructure/utilities/cache.service';
import { announce } from '../../../../shared/events/announce';

const TTL = 60;

export class ShipmentService implements Contract {
  constructor(
    private readonly shipments: Shipments,
    private readonly cache: CacheService,
  ) {}

  listShipments(companyId: string, filters: ShipmentFilters, pagination: Pagination): Promise<Page<Shipment>> {
    const key = `shipments:${companyId}:list:${JSON.stringify({ ...filters, ...pagination })}`;
    return this.cache.getOrSet('shipments', key, TTL, () => this.shipments.list(companyId, filters, pagination));
  }

  getShipmentById(companyId: string, id: string): Promise<Shipment | null> {
    return this.shipments.find(companyId, id);
  }

  async createFor(companyId: string, orderId: string): Promise<void> {
    await this.shipments.createFor(companyId, orderId);
    await this.invalidate(companyId);
  }

  async updateShipmentStatus(companyId: string, id: string, status: ShipmentStatus): Promise<Written<Shipment | null | undefined>> {
    const value = await this.shipments.setStatus(companyId, id, status, jobsFor(`shipment.${status}`));
    if (value !== null && value !== undefined) await this.invalidate(companyId);
    return { value, isVisible: true };
  }

  private async invalidate(companyId: string): Promise<void> {
    await this.cache.deletePattern(`shipments:${companyId}:*`);
    announce('ShipmentService', companyTag(companyId, 'shipments'));
  }
}
