/** Orders start jobs in the queues. While they are worked on, Redis goes away: every job must run, and none twice. */
import { Dice } from '../dice';
import { sum } from '../figures';
import { operations } from '../measure';
import { orderOf } from '../traffic';
import { each, until } from '../wait';
import { totals, type Target } from './loads';

export interface Jobs {
  readonly orders: number;
  /** Orders that the backend acknowledged. */
  readonly acknowledged: number;
  /** Jobs that these orders must have started. */
  readonly expected: number;
  readonly runs: number;
  readonly lost: number;
  readonly twice: number;
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
  const base = await allOrders(target);
  const started = performance.now();
  const half = Math.floor(count / 2);
  const first = await create(target, dice, half, 16);
  const [second] = await Promise.all([create(target, dice, count - half, 16), disturb()]);
  const done = await settled(target);
  const made = (await allOrders(target)) - base;
  const expected = Math.round(made * perOrder);
  const runs = done.runs - sampled.runs;
  const seconds = (performance.now() - started) / 1000;
  return { orders: count, acknowledged: first + second, expected, runs, lost: Math.max(0, expected - runs), twice: done.twice - idle.twice, seconds };
}

async function create({ site, people }: Target, dice: Dice, count: number, atOnce: number): Promise<number> {
  const { pincodes, weights } = people.facts;
  const bodies = Array.from({ length: count }, () => orderOf(dice, dice.pick(pincodes), dice.pick(pincodes), weights));
  const answers = await each(bodies, atOnce, (body, index) => site.call('/api/orders', { method: 'POST', body, token: people.sellers[index % people.sellers.length].token, deadlineMs: 60_000 }));
  return answers.filter(({ status }) => status >= 200 && status < 300).length;
}

/** Every company counts once. */
async function allOrders(target: Target): Promise<number> {
  const counts = await until(() => totals(target, 1), 'the lists', 60_000, 100);
  return sum([...new Map(counts.map((count, index) => [target.people.facts.users[index].companyId, count])).values()]);
}

/** Resolves when nothing is left to do. Three looks in a row must agree, since a job may start others. */
async function settled({ site, people }: Target): Promise<{ runs: number; twice: number }> {
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
      return same >= 3 && queues.length > 0 && waiting === 0 && jobs.outbox === 0 ? { runs: jobs.runs, twice: jobs.twice } : undefined;
    },
    'all jobs to be done',
    180_000,
    250,
  );
}
