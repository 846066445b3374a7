/** Tier 1: zones between pincodes. They change when an admin changes a pincode. */
import type { Pincodes, Written } from '../../../../../contract';
import type { Prices } from '../../../../../database/prices';
import { ZONES_TAG } from '../../../../../tags';
import { tiers } from '../../../../../tiers';
import type { Area, Zone } from '../../../../../types';
import { CachedService } from '../../base/cached.service';

export class PincodeLookupService extends CachedService implements Pincodes {
  protected serviceName = 'pincode';
  protected override tier = tiers.zones;

  constructor(private readonly prices: Prices) {
    super();
  }

  getZone(from: string, to: string): Promise<Zone | null> {
    return this.cache.getOrSet(`zone:${from}:${to}`, () => this.prices.zone(from, to), { tags: [ZONES_TAG] });
  }

  async setArea(pincode: string, area: Area): Promise<Written<boolean>> {
    const value = await this.prices.setArea(pincode, area);
    return { value, isVisible: await this.invalidateAllZones() };
  }

  private invalidateAllZones(): Promise<boolean> {
    this.tellOldCode(ZONES_TAG);
    return this.visible(this.cache.invalidateTags([ZONES_TAG]));
  }
}
