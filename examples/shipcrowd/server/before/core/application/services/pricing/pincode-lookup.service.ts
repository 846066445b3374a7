/** Zones between pincodes, in the general cache. */
import type { Pincodes, Written } from '../../../../../contract';
import type { Prices } from '../../../../../database/prices';
import { ZONES_TAG } from '../../../../../tags';
import type { Area, Zone } from '../../../../../types';
import type { CacheService } from '../../../../infrastructure/utilities/cache.service';
import { announce } from '../../../../shared/events/announce';

export class PincodeLookupService implements Pincodes {
  constructor(
    private readonly prices: Prices,
    private readonly cache: CacheService,
  ) {}

  getZone(from: string, to: string): Promise<Zone | null> {
    return this.cache.getOrSet('zones', `zone:${from}:${to}`, 3_600, () => this.prices.zone(from, to));
  }

  async setArea(pincode: string, area: Area): Promise<Written<boolean>> {
    const value = await this.prices.setArea(pincode, area);
    await this.cache.deletePattern('zone:*');
    announce('PincodeLookupService', ZONES_TAG);
    return { value, isVisible: true };
  }
}
