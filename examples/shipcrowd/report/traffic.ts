/**
 * The traffic of the report: what users of a shipping company's backend ask for, from a seed. The same seed and the same facts about the data give
 * the same requests in the same order, so that both versions of the backend get equal work.
 */
import { createHash } from 'node:crypto';
import { Dice } from './dice';

export type Kind = 'zone' | 'quote' | 'list' | 'detail' | 'create' | 'status' | 'shipments' | 'dashboard' | 'permission' | 'wallet';

/** One request. */
export interface Step {
  readonly kind: Kind;
  /** Whose token it carries: an index in `Facts.users`. */
  readonly user: number;
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  readonly body?: unknown;
}

/** A user, and what the traffic needs to know of the user's company. */
export interface UserFacts {
  readonly email: string;
  readonly companyId: string;
  /** Orders that can be opened. */
  readonly orders: readonly string[];
  /** Orders that can be packed; each is packed once at most. */
  readonly unpacked: readonly string[];
}

export interface Facts {
  readonly users: readonly UserFacts[];
  readonly pincodes: readonly string[];
  /** Weights in grams, one for each slab of the rate cards: parcels weigh half of it at least. */
  readonly weights: readonly number[];
}

/**
 * Requests of each kind in a thousand. Reads of orders stand to writes as 13 to 1, and a company that ships gets orders about as often as somebody opens its dashboard. A wallet is
 * never cached.
 */
export const MIX: Readonly<Record<Kind, number>> = {
  zone: 150,
  quote: 220,
  list: 290,
  detail: 100,
  shipments: 60,
  dashboard: 40,
  permission: 70,
  wallet: 40,
  create: 22,
  status: 8,
};

const STATUSES = ['new', 'packed', 'shipped', 'in-transit', 'delivered', 'rto', 'cancelled'];
const NAMES = ['Asha Rao', 'Vikram Shah', 'Meera Nair', 'Rahul Gupta', 'Divya Menon', 'Arjun Singh'];

/** `count` requests. */
export function trafficOf(seed: number, facts: Facts, count: number): Step[] {
  const dice = new Dice(seed);
  const routes = routesOf(dice, facts.pincodes);
  const left = facts.users.map(({ unpacked }) => [...unpacked]);
  return Array.from({ length: count }, () => stepOf(dice, facts, routes, left));
}

/** Equal steps have equal digests. */
export function digestOf(steps: readonly Step[]): string {
  return createHash('sha256').update(JSON.stringify(steps)).digest('hex').slice(0, 16);
}

/** How many different things were read, by kind: as many keys a cache of everything would have. */
export function keysOf(steps: readonly Step[], facts: Facts): Partial<Record<Kind, number>> {
  const seen = new Map<Kind, Set<string>>();
  for (const { kind, method, path, user } of steps) {
    if (method !== 'GET' || kind === 'wallet') continue;
    const isShared = kind === 'zone' || kind === 'quote';
    const keys = seen.get(kind) ?? new Set();
    seen.set(kind, keys.add(isShared ? path : `${facts.users[user].companyId} ${path}`));
  }
  return Object.fromEntries([...seen].map(([kind, keys]) => [kind, keys.size]));
}

/** Where parcels go: few of all possible pairs, and some of them far more often than others. */
function routesOf(dice: Dice, pincodes: readonly string[]): [string, string][] {
  return Array.from({ length: Math.min(400, pincodes.length * pincodes.length) }, () => [dice.pick(pincodes), dice.pick(pincodes)]);
}

function stepOf(dice: Dice, facts: Facts, routes: [string, string][], left: string[][]): Step {
  const user = dice.zipf(facts.users.map((_, index) => index));
  const get = (kind: Kind, path: string): Step => ({ kind, user, method: 'GET', path });
  const [from, to] = dice.zipf(routes);
  const kind = dice.weighted(MIX);
  switch (kind) {
    case 'zone':
      return get(kind, `/api/pricing/zone?from=${from}&to=${to}`);
    case 'quote':
      return get(kind, `/api/pricing/quote?from=${from}&to=${to}&weightGrams=${gramsOf(dice, facts.weights)}&paymentMode=${dice.weighted({ prepaid: 2, cod: 1 })}`);
    case 'list':
      return get(kind, listPath(dice));
    case 'detail':
      return facts.users[user].orders.length > 0 ? get(kind, `/api/orders/${dice.zipf(facts.users[user].orders)}`) : get('list', listPath(dice));
    case 'shipments':
      return get(kind, `/api/shipments?page=${dice.zipf([1, 2, 3])}&limit=20`);
    case 'dashboard':
      return get(kind, `/api/analytics/dashboard?days=${dice.weighted({ 30: 8, 7: 2 })}`);
    case 'permission':
      return get(kind, '/api/auth/me');
    case 'wallet':
      return get(kind, '/api/wallet');
    case 'create':
      return { kind, user, method: 'POST', path: '/api/orders', body: orderOf(dice, from, to, facts.weights) };
    case 'status': {
      const order = left[user].shift();
      if (order === undefined) return { kind: 'create', user, method: 'POST', path: '/api/orders', body: orderOf(dice, from, to, facts.weights) };
      return { kind, user, method: 'PATCH', path: `/api/orders/${order}/status`, body: { status: 'packed' } };
    }
  }
}

/** The first page is what people look at; then what is new; then everything else. */
function listPath(dice: Dice): string {
  const what = dice.weighted({ first: 70, fresh: 15, page: 9, status: 4, rest: 2 });
  if (what === 'first') return '/api/orders?page=1&limit=20';
  if (what === 'fresh') return '/api/orders?status=new&page=1&limit=20';
  if (what === 'page') return `/api/orders?page=${dice.zipf([2, 3, 4, 5])}&limit=20`;
  if (what === 'status') return `/api/orders?status=${dice.pick(STATUSES)}&page=1&limit=20`;
  return `/api/orders?status=${dice.zipf(STATUSES)}&page=${dice.between(1, 3)}&limit=20`;
}

/** Light parcels are the most frequent. A scale knows no slabs: any number of grams is as likely as its neighbours. */
function gramsOf(dice: Dice, weights: readonly number[]): number {
  const most = dice.zipf(weights);
  return dice.between(Math.ceil(most / 2), most);
}

/** What a form for a new order sends. */
export function orderOf(dice: Dice, from: string, to: string, weights: readonly number[]): Record<string, unknown> {
  return {
    customer: dice.pick(NAMES),
    phone: `98${String(dice.between(0, 99_999_999)).padStart(8, '0')}`,
    from,
    to,
    weightGrams: gramsOf(dice, weights),
    value: dice.between(200, 9_000),
    paymentMode: dice.weighted({ prepaid: 2, cod: 1 }),
  };
}
