/** Who the report is, and what it knows of the data before it begins. */
import type { Facts, UserFacts } from './traffic';
import type { Session, Site } from './site';
import { each } from './wait';

export interface People {
  readonly admin: Session;
  /** Users with `orders.read` and `orders.write`. */
  readonly sellers: readonly Session[];
  readonly facts: Facts;
}

interface Page<T> {
  items: T[];
  total: number;
}

interface Order {
  id: string;
  from: string;
  to: string;
}

/** Weights of the example's rate cards: half a kilogram to ten. */
const WEIGHTS = [450, 900, 1_800, 4_500, 9_000];

/** Signs people in and reads what the traffic refers to. The data is made from a seed, so that the same facts are found each time. */
export async function meet(site: Site, sellers: number): Promise<People> {
  const listed = await site.need<{ email: string; role: string }[]>('/api/demo/users');
  const boss = listed.find(({ role }) => role === 'admin');
  if (boss === undefined) throw new Error('there is no administrator among the people of /api/demo/users');
  const admin = await site.login(boss.email);
  const emails = await sellerEmails(site, admin, sellers);
  const sessions = await each(emails, 8, (email) => site.login(email));
  const facts = await each(sessions, 8, (session) => factsOf(site, session));
  const pincodes = [...new Set(facts.flatMap(({ orders }) => orders.flatMap(({ from, to }) => [from, to])))].sort();
  const users = facts.map(({ email, companyId, orders, unpacked }): UserFacts => ({ email, companyId, orders: orders.map(({ id }) => id), unpacked }));
  return { admin, sellers: sessions, facts: { users, pincodes, weights: WEIGHTS } };
}

/** Managers of as many companies as are wanted, one for each: those with the most orders, which have the lowest numbers. */
async function sellerEmails(site: Site, admin: Session, wanted: number): Promise<string[]> {
  const byCompany = new Map<string, string>();
  for (let page = 1; ; page++) {
    const { items } = await site.need<Page<{ email: string; role: string; companyId: string | null }>>(`/api/admin/users?page=${page}&limit=100&search=manager`, { token: admin.token });
    for (const { email, role, companyId } of items) if (role === 'manager' && companyId !== null && !byCompany.has(companyId)) byCompany.set(companyId, email);
    if (items.length === 0) break;
  }
  const numbered = [...byCompany].sort(([one], [other]) => Number(one.slice(1)) - Number(other.slice(1)));
  return numbered.slice(0, wanted).map(([, email]) => email);
}

async function factsOf(site: Site, { token, user }: Session): Promise<{ email: string; companyId: string; orders: Order[]; unpacked: string[] }> {
  const first = await site.need<Page<Order>>('/api/orders?page=1&limit=50', { token });
  const fresh = await site.need<Page<Order>>('/api/orders?status=new&page=1&limit=50', { token });
  return { email: user.email, companyId: user.companyId, orders: first.items, unpacked: fresh.items.map(({ id }) => id) };
}
