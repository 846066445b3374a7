/** Prices, with a client of its own. One entry for each weight. */
import type { Pricing, Written } from '../../../../../contract';
import type { Prices } from '../../../../../database/prices';
import { quotesOf } from '../../../../../quotes';
import { RATES_TAG } from '../../../../../tags';
import type { Quotes, RateCard, Zone } from '../../../../../types';
import { connect } from '../../../../infrastructure/utilities/ioredis';
import { countRead } from '../../../../measure';
import { announce } from '../../../../shared/events/announce';

const TTL = 3_600;

export class PricingCacheService implements Pricing {
  private readonly redis = connect('pricing-cache.service');

  constructor(private readonly prices: Prices) {}

  rateCards(): Promise<RateCard[]> {
    return this.prices.rateCards();
  }

  async quote(zone: Zone, weightGrams: number, cod: boolean): Promise<Quotes> {
    const key = `pricing:${zone}:${weightGrams}:${cod}`;
    const cached = await this.redis.get(key);
    countRead('rateCards', cached !== null);
    if (cached !== null) return JSON.parse(cached) as Quotes;
    const quotes = quotesOf(zone, await this.prices.cardsFor(zone, weightGrams), weightGrams, cod);
    await this.redis.setex(key, TTL, JSON.stringify(quotes));
    return quotes;
  }

  async setPrice(id: string, price: number): Promise<Written<RateCard | null>> {
    const value = await this.prices.setPrice(id, price);
    const keys = await this.redis.keys('pricing:*');
    if (keys.length > 0) await this.redis.del(...keys);
    announce('PricingCacheService', RATES_TAG);
    return { value, isVisible: true };
  }
}
