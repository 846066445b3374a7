/** Fills an empty database. The same sizes and the same seed give the same data, apart from the day it ends on. */
import { PERMISSIONS, ROLES, type Permission, type Role } from '../types';
import type { Database } from './pool';
import { Random } from './random';
import { ordersOf, type OrderRow } from './generate_orders';
import { insertRows } from './insert';
import { pincodes, rateCards } from './reference';
import { BUSINESS, FIRST, KIND, LAST } from './words';

export interface Size {
  companies: number;
  orders: number;
  pincodes: number;
  seed: number;
}

export const FULL: Size = { companies: 200, orders: 100_000, pincodes: 30_000, seed: 1 };

const VIEWER: Permission[] = ['orders.read', 'shipments.read', 'pricing.read'];
const AGENT: Permission[] = [...VIEWER, 'orders.write', 'shipments.write'];
const MANAGER: Permission[] = [...AGENT, 'wallet.read', 'analytics.read'];
const OWNER: Permission[] = [...MANAGER, 'wallet.write'];
const ROLE_PERMISSIONS: Record<Role, readonly Permission[]> = { admin: PERMISSIONS, owner: OWNER, manager: MANAGER, agent: AGENT, viewer: VIEWER };

export async function generate(db: Database, size: Size): Promise<void> {
  const random = new Random(size.seed);
  const places = pincodes(size.pincodes, random);
  const cards = rateCards(random);
  await insertRows(db, 'pincodes', places);
  await insertRows(db, 'rate_cards', cards);

  const companies = Array.from({ length: size.companies }, (_, i) => ({
    id: `c${i + 1}`,
    name: `${BUSINESS[i % BUSINESS.length]} ${KIND[Math.floor(i / BUSINESS.length) % KIND.length]}`,
    pincode: random.pick(places).pincode,
    balance: 0,
  }));
  await insertRows(db, 'companies', companies);
  await insertRows(db, 'users', [...people(companies, random)]);
  await insertRows(db, 'role_permissions', ROLES.flatMap((role) => ROLE_PERMISSIONS[role].map((permission) => ({ role, permission }))));

  for (const { orders, shipments, transactions } of ordersOf(size, companies, places, cards, random)) {
    await insertRows(db, 'orders', orders satisfies OrderRow[]);
    await insertRows(db, 'shipments', shipments);
    await insertRows(db, 'wallet_transactions', transactions);
  }
  await db.query(`select setval('order_numbers', $1)`, [Math.max(size.orders, 1)]);
  await db.query('update companies set balance = total from (select company_id, sum(amount) as total from wallet_transactions group by 1) sums where company_id = id');
}

function* people(companies: { id: string }[], random: Random) {
  const named = (id: string, role: Role, company_id: string | null) => {
    const name = `${random.pick(FIRST)} ${random.pick(LAST)}`;
    return { id, name, email: `${role}@${company_id ?? 'shipcrowd'}.example`, role, company_id };
  };
  yield named('u-admin', 'admin', null);
  for (const { id } of companies) for (const role of ROLES.slice(1)) yield named(`u-${id}-${role}`, role, id);
}
