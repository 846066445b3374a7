/** Reference data: pincodes and rate cards. */
import { ZONES, type Area } from '../types';
import type { Random } from './random';
import { COURIERS, STATES } from './words';

export interface PincodeRow {
  pincode: string;
  city: string;
  state: string;
  area: Area;
}

export interface RateCardRow {
  id: string;
  zone: string;
  courier: string;
  max_grams: number;
  price: number;
  cod_fee: number;
  days: number;
}

const SLABS = [500, 1_000, 2_000, 5_000, 10_000];
/** Pincodes of one city follow each other. */
const PER_CITY = 40;

export function pincodes(count: number, random: Random): PincodeRow[] {
  const each = Math.ceil(count / STATES.length);
  return Array.from({ length: count }, (_, i) => {
    const { prefix, state, area } = STATES[Math.floor(i / each)];
    const number = i % each;
    const city = Math.floor(number / PER_CITY);
    return { pincode: prefix + String(number).padStart(4, '0'), city: `${state} ${city + 1}`, state, area: city === 0 || random.next() > 0.03 ? areaOf(area, city) : 'remote' };
  });
}

/** A state of metros has its metro first and ordinary cities after it. */
function areaOf(area: Area, city: number): Area {
  return area === 'metro' && city > 3 ? 'standard' : area;
}

export function rateCards(random: Random): RateCardRow[] {
  return ZONES.flatMap((zone, distance) =>
    COURIERS.flatMap((courier, i) =>
      SLABS.map((max_grams) => ({
        id: `${zone}-${courier}-${max_grams}`,
        zone,
        courier,
        max_grams,
        price: Math.round((30 + distance * 12) * (0.6 + max_grams / 1_200) * (0.9 + i * 0.05)) + random.between(0, 5),
        cod_fee: 25 + i * 3,
        days: 1 + distance + (i % 3),
      })),
    ),
  );
}

/** The zone between two places. */
export function zoneBetween(from: Omit<PincodeRow, 'pincode'>, to: Omit<PincodeRow, 'pincode'>): (typeof ZONES)[number] {
  if (from.area === 'remote' || to.area === 'remote') return 'E';
  if (from.city === to.city) return 'A';
  if (from.state === to.state) return 'B';
  return from.area === 'metro' && to.area === 'metro' ? 'C' : 'D';
}
