/** Orders start jobs in the queues. While they are worked on, Redis goes away: every job must have its effect, and none of them two. */
import { Dice } from '../dice';
import { sum } from '../figures';
import { operations } from '../measure';
import { orderOf } from '../traffic';
import { each, until } from '../wait';
import type { Target } from './loads';

export interface Jobs {
  readonly orders: number;
  /** Orders that the backend acknowledged. */
  readonly acknowledged: number;
  /** Jobs that these orders must have started. */
  readonly expected: number;
  /** Effects that jobs have had. */
  readonly effects: number;
  readonly lost: number;
  /** Jobs that have had their effect twice. */
  readonly twice: number;
  /** How often a queue gave out a job that was done already. The job's key in the database kept it from having an effect. */
  readonly repeated: number;
  /** Orders whose shipment or charge is missing. */
  readonly undone: number;
  /** Shipments and charges that were made twice. */
  readonly doneTwice: number;
  /** Until the last job was done, from the first order on. */
  readonly seconds: number;
}

/** Creates `count` orders; halfway, `disturb` takes Redis away and brings it or its successor back. */
export async function jobsThrough(target: Target, count: number, seed: number, disturb: () => Promise<unknown>): Promise<Jobs> {
  const dice = new Dice(seed);
  const sample = 4;
  const idle = await settled(target);
  const ordersBefore = await allOrders(target);
  await create(target, dice, sample, sample);
  const sampled = await settled(target);
  const perOrder = (sampled.runs - idle.runs) / ((await allOrders(target)) - ordersBefore);
  const [base, effects] = [await allOrders(target), await effectsOf(target)];
  const started = performance.now();
  const half = Math.floor(count / 2);
  const first = await create(target, dice, half, 16);
  const [second] = await Promise.all([create(target, dice, count - half, 16), disturb()]);
  const done = await settled(target);
  const made = (await allOrders(target)) - base;
  const expected = Math.round(made * perOrder);
  const had = done.runs - sampled.runs;
  const seconds = (performance.now() - started) / 1000;
  const surplus = (await effectsOf(target)).map((total, index) => total - effects[index] - made);
  const undone = sum(surplus.map((more) => Math.max(0, -more)));
  const doneTwice = sum(surplus.map((more) => Math.max(0, more)));
  const [twice, repeated] = [done.twice - idle.twice, done.repeated - idle.repeated];
  return { orders: count, acknowledged: first + second, expected, effects: had, lost: Math.max(0, expected - had), twice, repeated, undone, doneTwice, seconds };
}

async function create({ site, people }: Target, dice: Dice, count: number, atOnce: number): Promise<number> {
  const { pincodes, weights } = people.facts;
  const bodies = Array.from({ length: count }, () => orderOf(dice, dice.pick(pincodes), dice.pick(pincodes), weights));
  const answers = await each(bodies, atOnce, (body, index) => site.call('/api/orders', { method: 'POST', body, token: people.sellers[index % people.sellers.length].token, deadlineMs: 60_000 }));
  return answers.filter(({ status }) => status >= 200 && status < 300).length;
}

export const allOrders = (target: Target): Promise<number> => totalOf(target, '/api/orders?page=1&limit=20');

/** What jobs leave behind: a shipment and a charge for each order. */
const effectsOf = (target: Target): Promise<number[]> => Promise.all([totalOf(target, '/api/shipments?page=1&limit=20'), totalOf(target, '/api/wallet/transactions?page=1&limit=20')]);

/** The number of a list's items, of all companies together. */
async function totalOf({ site, people }: Target, path: string): Promise<number> {
  const byCompany = new Map(people.sellers.map(({ token }, index) => [people.facts.users[index].companyId, token]));
  const counts = await until(() => each([...byCompany.values()], 8, (token) => site.need<{ total: number }>(path, { token })), `an answer of ${path}`, 60_000, 100);
  return sum(counts.map(({ total }) => total));
}

/** Resolves when nothing is left to do. Three looks in a row must agree, since a job may start others. */
export async function settled({ site, people }: Target): Promise<{ runs: number; twice: number; repeated: number }> {
  let last = '';
  let same = 0;
  return until(
    async () => {
      const pages = await operations(site, people.admin.token);
      const [{ jobs, queues }] = pages;
      if (jobs === undefined) throw new Error('the operations page does not count jobs');
      const waiting = sum(queues.map((queue) => queue.waiting + queue.active));
      const now = `${jobs.runs} ${waiting} ${jobs.outbox}`;
      same = now === last ? same + 1 : 0;
      last = now;
      return same >= 3 && queues.length > 0 && waiting === 0 && jobs.outbox === 0 ? jobs : undefined;
    },
    'all jobs to be done',
    180_000,
    100,
  );
}
