/** Tier 1: rate cards. One entry for each zone; a quote is computed from it. */
import type { Pricing, Written } from '../../../../../contract';
import type { Prices } from '../../../../../database/prices';
import { quotesOf } from '../../../../../quotes';
import { RATES_TAG } from '../../../../../tags';
import { tiers } from '../../../../../tiers';
import type { Quotes, RateCard, Zone } from '../../../../../types';
import { CachedService } from '../../base/cached.service';

export class PricingCacheService extends CachedService implements Pricing {
  protected serviceName = 'pricing';
  protected override tier = tiers.rateCards;

  constructor(private readonly prices: Prices) {
    super();
  }

  rateCards(): Promise<RateCard[]> {
    return this.cache.getOrSet('cards', () => this.prices.rateCards(), { tags: [RATES_TAG] });
  }

  async quote(zone: Zone, weightGrams: number, cod: boolean): Promise<Quotes> {
    const cards = await this.cache.getOrSet(`cards:${zone}`, () => this.prices.cardsOf(zone), { tags: [RATES_TAG] });
    return quotesOf(zone, cards, weightGrams, cod);
  }

  async setPrice(id: string, price: number): Promise<Written<RateCard | null>> {
    const value = await this.prices.setPrice(id, price);
    this.tellOldCode(RATES_TAG);
    return { value, isVisible: await this.visible(this.cache.invalidateTags([RATES_TAG])) };
  }
}
