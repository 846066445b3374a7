/**
 * A client that does not trust the cache: it creates an order through one instance and reads the list through another one. A list that comes after
 * the 201 and does not have the order is older than a finished write. 202 says that the order is saved and that lists may be old.
 */
import { Dice } from './dice';
import type { People } from './people';
import type { Site } from './site';
import { orderOf } from './traffic';
import { each, pause } from './wait';

export interface ReadBack {
  /** Orders that were answered with 201. */
  readonly written: number;
  /** Orders that were answered with 202. */
  readonly accepted: number;
  /** Orders that were answered with an error or not at all. */
  readonly refused: number;
  /** Lists that were read after a 201. */
  readonly lists: number;
  /** Lists without the order. */
  readonly stale: number;
  /** Lists that were answered with an error or not at all. */
  readonly failedLists: number;
  /** Orders with 201 or 202 that are not there at the end. */
  readonly lost: number;
  /** The first lists without their order, for a search. */
  readonly examples: readonly string[];
}

export interface ReadBackOptions {
  readonly instances: number;
  readonly seed: number;
  /** Ends after so many orders, or when `isOver` says so. */
  readonly count?: number;
  readonly isOver?: () => boolean;
  /** At most one client for each company. */
  readonly clients: number;
}

const LISTS = ['/api/orders?page=1&limit=20', '/api/orders?status=new&page=1&limit=20'];

/** Clients write and read until they are over, then look for every order. */
export async function readBack(site: Site, people: People, options: ReadBackOptions): Promise<ReadBack> {
  const tally = { written: 0, accepted: 0, refused: 0, lists: 0, stale: 0, failedLists: 0 };
  const examples: string[] = [];
  const saved: { id: string; seller: number }[] = [];
  let left = options.count ?? Infinity;
  const isOver = (): boolean => left <= 0 || (options.isOver?.() ?? false);
  const client = async (seller: number): Promise<void> => {
    const dice = new Dice(options.seed + seller);
    const { token } = people.sellers[seller];
    const { pincodes, weights } = people.facts;
    for (let round = seller; !isOver(); round++) {
      left--;
      const writer = 1 + (round % options.instances);
      const reader = 1 + ((round + 1 + (Math.floor(round / options.instances) % Math.max(1, options.instances - 1))) % options.instances);
      const made = await site.call<{ id: string }>('/api/orders', { method: 'POST', token, instance: writer, body: orderOf(dice, dice.pick(pincodes), dice.pick(pincodes), weights) });
      if (made.status !== 201 && made.status !== 202) {
        tally.refused++;
        // A backend that refuses is not to be asked thousands of times a second.
        await pause(20);
        continue;
      }
      saved.push({ id: made.body.id, seller });
      if (made.status === 202) {
        tally.accepted++;
        continue;
      }
      tally.written++;
      const list = await site.call<{ items: { id: string }[] }>(LISTS[round % LISTS.length], { token, instance: reader });
      if (list.status !== 200) {
        tally.failedLists++;
        continue;
      }
      tally.lists++;
      if (list.body.items.some(({ id }) => id === made.body.id)) continue;
      tally.stale++;
      if (examples.length < 5) examples.push(`${made.body.id} by ${made.instance}, list by ${list.instance} at ${new Date().toISOString()}`);
    }
  };
  await Promise.all(companies(people, options.clients).map(client));
  const found = await each(saved, options.clients, ({ id, seller }) => site.call(`/api/orders/${id}`, { token: people.sellers[seller].token }));
  const lost = found.filter(({ status }) => status !== 200).length;
  return { ...tally, lost, examples };
}

/** Sellers of different companies: a list has twenty places, and only one client may fill it. */
function companies({ facts }: People, most: number): number[] {
  const seen = new Set<string>();
  const sellers = facts.users.flatMap(({ companyId }, index) => (seen.has(companyId) ? [] : [(seen.add(companyId), index)]));
  return sellers.slice(0, most);
}
