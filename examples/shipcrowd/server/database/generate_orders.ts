/** Orders, with their shipments and what they cost. */
import type { OrderStatus, PaymentMode } from '../types';
import type { Size } from './generate';
import type { Random } from './random';
import { zoneBetween, type PincodeRow, type RateCardRow } from './reference';
import { COURIERS, FIRST, LAST, PRODUCTS } from './words';

export interface OrderRow {
  id: string;
  company_id: string;
  created_at: string;
  updated_at: string;
  customer: string;
  phone: string;
  origin: string;
  destination: string;
  zone: string;
  weight_grams: number;
  value: number;
  payment_mode: PaymentMode;
  courier: string;
  status: OrderStatus;
  price: number;
  items: { name: string; quantity: number; price: number }[];
  timeline: { status: OrderStatus; at: string }[];
}

export interface Batch {
  orders: OrderRow[];
  shipments: object[];
  transactions: object[];
}

const HOUR = 3_600_000;
const DAYS = 90;
/** What a company adds to its wallet at once, and when. */
const RECHARGE = 25_000;
const LOW = 5_000;
const BATCH = 5_000;
/** The ways an order goes, and how often. */
const WAYS: { share: number; steps: OrderStatus[] }[] = [
  { share: 0.74, steps: ['new', 'packed', 'shipped', 'in-transit', 'delivered'] },
  { share: 0.1, steps: ['new', 'packed', 'shipped', 'in-transit', 'rto'] },
  { share: 0.05, steps: ['new', 'cancelled'] },
  { share: 0.05, steps: ['new', 'packed', 'shipped', 'in-transit'] },
  { share: 0.03, steps: ['new', 'packed'] },
  { share: 0.03, steps: ['new'] },
];
const SHIPMENT_OF: Partial<Record<OrderStatus, string>> = { shipped: 'picked-up', 'in-transit': 'in-transit', delivered: 'delivered', rto: 'rto' };

export function* ordersOf(
  size: Size,
  companies: { id: string; pincode: string }[],
  places: PincodeRow[],
  cards: RateCardRow[],
  random: Random,
): Generator<Batch> {
  const end = Date.now() - HOUR;
  const byPincode = new Map(places.map((place) => [place.pincode, place]));
  const cardsOf = (zone: string, grams: number) => cards.filter((card) => card.zone === zone && card.max_grams >= grams && card.max_grams / 2.5 <= Math.max(grams, 400));
  let batch: Batch = { orders: [], shipments: [], transactions: [] };

  // Everybody begins with a recharge, and adds another one before the balance would be negative.
  const balances = new Map<string, number>();
  let recharges = 0;
  const recharge = (id: string, at: string): void => {
    balances.set(id, (balances.get(id) ?? 0) + RECHARGE);
    batch.transactions.push({ company_id: id, at, kind: 'recharge', amount: RECHARGE, reference: `recharge ${++recharges}` });
  };
  const start = new Date(end - (DAYS + 1) * 24 * HOUR).toISOString();
  for (const { id } of companies) recharge(id, start);

  for (let number = 1; number <= size.orders; number++) {
    const company = companies[random.skewed(companies.length)];
    const to = places[random.skewed(places.length)];
    const zone = zoneBetween(byPincode.get(company.pincode)!, to);
    const grams = random.between(1, 40) * 100;
    const card = random.pick(cardsOf(zone, grams));
    const steps = wayOf(random);
    // Numbers grow with time, as they do in real life.
    const at = end - DAYS * 24 * HOUR * (1 - number / size.orders);
    // Delivered after two steps more: half of the promised days for each is just in time. Some couriers are late more often.
    const isLate = random.next() < 0.03 + 0.035 * COURIERS.indexOf(card.courier);
    const pace = card.days * 24 * HOUR * (isLate ? 0.52 + random.next() * 0.2 : 0.2 + random.next() * 0.25);
    // What is still to come is not in the data.
    const timeline = steps.map((status, i) => ({ status, at: at + i * pace })).filter((step) => step.at <= end).map(({ status, at }) => ({ status, at: new Date(at).toISOString() }));
    const quantity = random.between(1, 3);
    const price = random.between(2, 40) * 50;
    const id = orderId(number);
    const last = timeline[timeline.length - 1];
    const payment: PaymentMode = random.next() < 0.4 ? 'cod' : 'prepaid';
    const cost = card.price + (payment === 'cod' ? card.cod_fee : 0);
    batch.orders.push({
      id,
      company_id: company.id,
      created_at: timeline[0].at,
      updated_at: last.at,
      customer: `${random.pick(FIRST)} ${random.pick(LAST)}`,
      phone: `+91 9${random.between(100_000_000, 999_999_999)}`,
      origin: company.pincode,
      destination: to.pincode,
      zone,
      weight_grams: grams,
      value: quantity * price,
      payment_mode: payment,
      courier: card.courier,
      status: last.status,
      price: cost,
      items: [{ name: random.pick(PRODUCTS), quantity, price }],
      timeline,
    });
    const status = SHIPMENT_OF[last.status];
    if (status !== undefined) {
      const shipped = timeline[2].at;
      if ((balances.get(company.id) ?? 0) < cost + LOW) recharge(company.id, shipped);
      balances.set(company.id, (balances.get(company.id) ?? 0) - cost);
      batch.shipments.push({ id: `SHP-${id.slice(4)}`, order_id: id, company_id: company.id, courier: card.courier, awb: awbOf(id), status, created_at: shipped, updated_at: last.at });
      batch.transactions.push({ company_id: company.id, at: shipped, kind: 'shipping', amount: -cost, reference: id });
    }
    if (batch.orders.length === BATCH || number === size.orders) {
      yield batch;
      batch = { orders: [], shipments: [], transactions: [] };
    }
  }
}

export const orderId = (number: number): string => `ORD-${String(number).padStart(6, '0')}`;
export const awbOf = (order: string): string => `AWB${order.slice(4)}IN`;

function wayOf(random: Random): OrderStatus[] {
  let left = random.next();
  for (const { share, steps } of WAYS) if ((left -= share) < 0) return steps;
  return WAYS[0].steps;
}
