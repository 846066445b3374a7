/** Tier 3: shipments. Lists and details carry the same tag. */
import type { ShipmentService as Contract, Written } from '../../../../../contract';
import type { JobKey } from '../../../../../database/jobs';
import type { Shipments } from '../../../../../database/shipments';
import { jobsFor } from '../../../../../queues';
import { tiers } from '../../../../../tiers';
import type { Page, Pagination, Shipment, ShipmentFilters, ShipmentStatus } from '../../../../../types';
import { CachedService } from '../../base/cached.service';

export class ShipmentService extends CachedService implements Contract {
  protected serviceName = 'shipment';
  protected override tier = tiers.shipments;

  constructor(private readonly shipments: Shipments) {
    super();
  }

  listShipments(companyId: string, filters: ShipmentFilters, pagination: Pagination): Promise<Page<Shipment>> {
    return this.cache.getOrSet(this.listCacheKey(companyId, { ...filters, ...pagination }), () => this.shipments.list(companyId, filters, pagination), this.tagged(companyId));
  }

  getShipmentById(companyId: string, id: string): Promise<Shipment | null> {
    return this.cache.getOrSet(this.cacheKey(companyId, 'shipment', id), () => this.shipments.find(companyId, id), this.tagged(companyId));
  }

  async createFor(companyId: string, orderId: string, job: JobKey): Promise<void> {
    await this.shipments.createFor(companyId, orderId, job);
    await this.invalidate(companyId);
  }

  async updateShipmentStatus(companyId: string, id: string, status: ShipmentStatus): Promise<Written<Shipment | null | undefined>> {
    const value = await this.shipments.setStatus(companyId, id, status, jobsFor(`shipment.${status}`));
    if (value === null || value === undefined) return { value, isVisible: true };
    return { value, isVisible: await this.invalidate(companyId) };
  }

  private tagged(companyId: string): { tags: string[] } {
    return { tags: [this.companyTag(companyId, 'shipments')] };
  }

  private invalidate(companyId: string): Promise<boolean> {
    const { tags } = this.tagged(companyId);
    this.tellOldCode(...tags);
    return this.visible(this.cache.invalidateTags(tags));
  }
}
