/** The load tests of the migration's plan: many orders at once, many permission checks, a dashboard that everybody opens. */
import { hitRates, operations, usage, used, type Operations, type Usage } from '../measure';
import type { People } from '../people';
import { load, type Load } from '../replay';
import { Site } from '../site';
import { orderOf } from '../traffic';
import { Dice } from '../dice';
import { each } from '../wait';
import { sum } from '../figures';

export interface Target {
  readonly site: Site;
  readonly people: People;
  /** The ports of the Redis servers. */
  readonly ports: readonly number[];
  readonly instances: number;
}

export interface LoadResult extends Load {
  readonly usage: Usage;
}

/** All orders are sent at once, each on a connection of its own. Afterwards every instance must show them all. */
export interface Creations extends LoadResult {
  /** Lists, by company and instance, that do not show every order that was acknowledged. */
  readonly wrongLists: number;
}

export async function creations(target: Target, count: number, seed: number): Promise<Creations> {
  const { people } = target;
  const dice = new Dice(seed);
  const { pincodes, weights } = people.facts;
  const bodies = Array.from({ length: count }, () => orderOf(dice, dice.pick(pincodes), dice.pick(pincodes), weights));
  const start = await totals(target, 1);
  const acknowledged = people.sellers.map(() => 0);
  const site = new Site(target.site.url, count);
  const result = await measured(target, () =>
    load(count, count, async (index) => {
      const seller = index % people.sellers.length;
      const answer = await site.call('/api/orders', { method: 'POST', body: bodies[index], token: people.sellers[seller].token, deadlineMs: 120_000 });
      if (answer.status === 201) acknowledged[seller]++;
      return answer;
    }),
  );
  site.close();
  let wrongLists = 0;
  for (let instance = 1; instance <= target.instances; instance++) {
    const now = await totals(target, instance);
    wrongLists += sum(now.map((total, seller) => (total < start[seller] + expected(people, acknowledged, seller) ? 1 : 0)));
  }
  return { ...result, wrongLists };
}

/** Several sellers may have one company. */
function expected({ facts }: People, acknowledged: readonly number[], seller: number): number {
  return sum(acknowledged.filter((_, index) => facts.users[index].companyId === facts.users[seller].companyId));
}

/** The number of orders of each seller's company, as an instance lists it. */
export function totals({ site, people }: Target, instance: number): Promise<number[]> {
  return each(people.sellers, 8, async ({ token }) => (await site.need<{ total: number }>('/api/orders?page=1&limit=20', { token, instance })).total);
}

export interface Checks extends LoadResult {
  /** In percent; null if this version does not count. */
  readonly hitRate: number | null;
}

/** Who am I, and what may I do? */
export async function permissionChecks(target: Target, count: number, atOnce: number): Promise<Checks> {
  const { site, people } = target;
  const before = await operations(site, people.admin.token);
  const result = await measured(target, () => load(count, atOnce, (index) => site.call('/api/auth/me', { token: people.sellers[index % people.sellers.length].token })));
  const after = await operations(site, people.admin.token);
  return { ...result, hitRate: rateBetween(before, after, 'permissions') };
}

/** So many users open their dashboards, one load after the other. */
export async function dashboards(target: Target, users: number, loads: number): Promise<Checks> {
  const { people } = target;
  const site = new Site(target.site.url, users);
  const before = await operations(site, people.admin.token);
  const result = await measured(target, () =>
    load(users * loads, users, (index) => site.call('/api/analytics/dashboard?days=30', { token: people.sellers[index % people.sellers.length].token, deadlineMs: 120_000 })),
  );
  const after = await operations(site, people.admin.token);
  site.close();
  return { ...result, hitRate: rateBetween(before, after, 'analytics') };
}

async function measured(target: Target, run: () => Promise<Load>): Promise<LoadResult> {
  const { site, people, ports } = target;
  const before = await usage(ports, site, people.admin.token);
  const result = await run();
  return { ...result, usage: used(before, await usage(ports, site, people.admin.token)) };
}

/** The hit rate of the reads between two looks, in percent. */
export function rateBetween(before: readonly Operations[], after: readonly Operations[], tier: string): number | null {
  const [was, is] = [before, after].map((pages) => {
    const own = pages.flatMap(({ tiers }) => tiers.filter(({ name }) => name === tier));
    return { reads: sum(own.map(({ reads }) => reads)), rate: hitRates(pages)[tier] ?? 0 };
  });
  const reads = is.reads - was.reads;
  return reads <= 0 ? null : (is.reads * is.rate - was.reads * was.rate) / reads;
}
