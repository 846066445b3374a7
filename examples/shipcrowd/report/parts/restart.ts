/** Redis is restarted with its data on the disk: what is left of the cache, and is every answer still right? */
import { Dice } from '../dice';
import { operations } from '../measure';
import type { Server } from '../servers';
import { orderOf } from '../traffic';
import { each, until } from '../wait';
import { sum } from '../figures';
import type { Target } from './loads';

export interface Restarted {
  readonly reads: number;
  /** Queries to the database for the same reads: with a cold cache, with a warm one, and after the restart. */
  readonly cold: number;
  readonly warm: number;
  readonly after: number;
  /** The part of the reads' queries that the cache still saved after the restart, in percent. */
  readonly kept: number;
  /** Reads while Redis was down that were not answered with 200. */
  readonly failedWhileDown: number;
  /** Answers after the restart that differ from those before, or lists that lack an order that was made meanwhile. */
  readonly wrong: number;
}

export async function throughRestart(target: Target, server: Server, pages: number): Promise<Restarted> {
  const { site, people } = target;
  const paths = readsOf(target, pages);
  const read = (path: Read): Promise<{ status: number; text: string }> =>
    site.call(path.path, { token: people.sellers[path.seller].token }).then(({ status, body }) => ({ status, text: JSON.stringify(body) }));
  const queries = async (): Promise<number> => sum((await operations(site, people.admin.token)).map(({ database }) => database.queries));
  const pass = async (): Promise<{ answers: { status: number; text: string }[]; queries: number }> => {
    const start = await queries();
    const answers = await each(paths, 8, read);
    return { answers, queries: (await queries()) - start };
  };
  const cold = await pass();
  const warm = await pass();
  await server.kill('SIGTERM');
  const down = await each(paths.slice(0, 60), 8, read);
  await server.launch();
  await until(async () => (await site.call('/api/health/redis')).status === 200, 'the backend to have Redis back', 60_000, 50);
  const again = await pass();
  const differ = again.answers.filter(({ text, status }, index) => status !== 200 || text !== warm.answers[index].text).length;
  const kept = cold.queries === warm.queries ? 0 : (100 * (cold.queries - again.queries)) / (cold.queries - warm.queries);
  const failedWhileDown = down.filter(({ status }) => status !== 200).length;
  const wrong = differ + (await listsLack(target));
  return { reads: paths.length, cold: cold.queries, warm: warm.queries, after: again.queries, kept: Math.max(0, Math.min(100, kept)), failedWhileDown, wrong };
}

interface Read {
  seller: number;
  path: string;
}

/** Pages that no other part reads, so that they are cold at first. Dashboards have a time in them and are left out. */
function readsOf({ people }: Target, pages: number): Read[] {
  const lists = people.sellers.flatMap((_, seller) => Array.from({ length: pages }, (_unused, page) => ({ seller, path: `/api/orders?page=${page + 1}&limit=15` })));
  const details = people.facts.users.flatMap(({ orders }, seller) => orders.slice(0, pages).map((id) => ({ seller, path: `/api/orders/${id}` })));
  return [...lists, ...details];
}

/** A write after the restart reaches every instance's list, as before it. */
async function listsLack({ site, people, instances }: Target): Promise<number> {
  const dice = new Dice(1);
  const { pincodes, weights } = people.facts;
  const { token } = people.sellers[0];
  const { id } = await site.need<{ id: string }>('/api/orders', { method: 'POST', token, body: orderOf(dice, dice.pick(pincodes), dice.pick(pincodes), weights) });
  let lacking = 0;
  for (let instance = 1; instance <= instances; instance++) {
    const { items } = await site.need<{ items: { id: string }[] }>('/api/orders?page=1&limit=15', { token, instance });
    if (!items.some((order) => order.id === id)) lacking++;
  }
  return lacking;
}
