/** What each courier asks for a parcel, cheapest first. */
import type { Quote, Quotes, RateCard, Zone } from './types';

export function quotesOf(zone: Zone, cards: readonly RateCard[], weightGrams: number, cod: boolean): Quotes {
  const best = new Map<string, RateCard>();
  for (const card of cards) {
    const known = best.get(card.courier);
    if (card.maxGrams >= weightGrams && (known === undefined || card.maxGrams < known.maxGrams)) best.set(card.courier, card);
  }
  const quotes = [...best.values()].map(({ courier, price, codFee, days }): Quote => ({ courier, price: price + (cod ? codFee : 0), days }));
  return { zone, quotes: quotes.sort((a, b) => a.price - b.price) };
}
