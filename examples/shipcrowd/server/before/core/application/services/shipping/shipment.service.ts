/** Shipments, from the database each time. */
import type { ShipmentService as Contract, Written } from '../../../../../contract';
import type { JobKey } from '../../../../../database/jobs';
import type { Shipments } from '../../../../../database/shipments';
import { jobsFor } from '../../../../../queues';
import { companyTag } from '../../../../../tags';
import type { Page, Pagination, Shipment, ShipmentFilters, ShipmentStatus } from '../../../../../types';
import { countRead } from '../../../../measure';
import { announce } from '../../../../shared/events/announce';

export class ShipmentService implements Contract {
  constructor(private readonly shipments: Shipments) {}

  listShipments(companyId: string, filters: ShipmentFilters, pagination: Pagination): Promise<Page<Shipment>> {
    countRead('shipments', false);
    return this.shipments.list(companyId, filters, pagination);
  }

  getShipmentById(companyId: string, id: string): Promise<Shipment | null> {
    return this.shipments.find(companyId, id);
  }

  async createFor(companyId: string, orderId: string, job: JobKey): Promise<void> {
    await this.shipments.createFor(companyId, orderId, job);
    announce('ShipmentService', companyTag(companyId, 'shipments'));
  }

  async updateShipmentStatus(companyId: string, id: string, status: ShipmentStatus): Promise<Written<Shipment | null | undefined>> {
    const value = await this.shipments.setStatus(companyId, id, status, jobsFor(`shipment.${status}`));
    if (value !== null && value !== undefined) announce('ShipmentService', companyTag(companyId, 'shipments'));
    return { value, isVisible: true };
  }
}
