/**
 * The rollout, one service after the other, while users go on: an instance of the old code takes the new code of one service, and gives it back. What must not be
 * lost by that, in either direction: who has signed out, who has used how much of a limit, and the jobs.
 */
import { Dice } from '../dice';
import type { InstanceState, Session, Site } from '../site';
import { orderOf, trafficOf } from '../traffic';
import { pause, until } from '../wait';
import { allOrders, settled } from './jobs';
import type { Target } from './loads';

export interface Switched {
  readonly service: string;
  /** `after`: to the new code; `before`: back. */
  readonly to: 'after' | 'before';
  /** Until the instance served again. */
  readonly seconds: number;
  /** What was wrong then, in words. */
  readonly wrong: readonly string[];
}

export interface Switches {
  readonly switches: readonly Switched[];
  /** Reads of users meanwhile, and those without a 200. */
  readonly reads: number;
  readonly failed: number;
  /** Orders that were acknowledged meanwhile, those of them that are not there, and those whose jobs have had no effect, or two. */
  readonly orders: number;
  readonly lost: number;
  readonly jobsLost: number;
  readonly jobsTwice: number;
}

/** The instance that is switched; the others stay as they are. */
const NUMBER = 1;
const JOBS_PER_ORDER = 6;
/** The end of a window is told in whole seconds. */
const WINDOW_SLACK_MS = 2_000;

/** Switches each group of services forward and back. */
export async function switches(target: Target, groups: readonly (readonly string[])[], seed: number): Promise<Switches> {
  const { site, people } = target;
  const [idle, before] = [await settled(target), await allOrders(target)];
  let isOver = false;
  const tally = { reads: 0, failed: 0 };
  const made: { id: string; token: string }[] = [];
  const users = [0, 1].map((index) => reader(target, seed + index, tally, () => isOver));
  const writing = writer(target, seed + 10, made, () => isOver);
  const done: Switched[] = [];
  try {
    const state = await State.begin(target);
    for (const group of groups) {
      for (const to of ['after', 'before'] as const) {
        const started = performance.now();
        await switchTo(site, people.admin, group, to === 'after');
        const seconds = (performance.now() - started) / 1000;
        done.push({ service: group.join(', '), to, seconds, wrong: await state.look() });
      }
    }
  } finally {
    isOver = true;
    await Promise.allSettled([...users, writing]);
  }
  await writing;
  const { runs, twice } = await settled(target);
  const jobs = JOBS_PER_ORDER * ((await allOrders(target)) - before);
  let lost = 0;
  for (const { id, token } of made) if ((await site.call(`/api/orders/${id}`, { token })).status !== 200) lost++;
  return { switches: done, ...tally, orders: made.length, lost, jobsLost: Math.max(0, jobs - (runs - idle.runs)), jobsTwice: twice - idle.twice };
}

/** Restarts the instance with the flags, as a deployment does, and resolves when it serves. */
async function switchTo(site: Site, { token }: Session, services: readonly string[], on: boolean): Promise<void> {
  const own = async (): Promise<InstanceState> => (await site.instances())[NUMBER - 1];
  const { pid } = await own();
  const body = { services: Object.fromEntries(services.map((name) => [name, on])) };
  await site.need(`/balancer/instances/${NUMBER}/flags`, { method: 'PUT', token, body });
  const side = on ? 'after' : 'before';
  await until(async () => {
    const now = await own();
    return now.state === 'up' && now.pid !== pid && services.every((name) => now.flags[name] === side);
  }, `instance ${NUMBER} to serve with ${services.join(', ')} ${side}`, 180_000);
}

/** State that no switch may lose, and how it was at the last look. */
class State {
  private readonly ended: string[] = [];
  private window = { remaining: 0, end: 0 };

  private constructor(
    private readonly target: Target,
    private readonly email: string,
    private readonly stays: Session,
  ) {}

  static async begin(target: Target): Promise<State> {
    const { email } = target.people.facts.users[0];
    const state = new State(target, email, await target.site.login(email));
    await state.signOut(1);
    state.window = await state.limit(1);
    return state;
  }

  /** Looks through all instances. Returns what is wrong. */
  async look(): Promise<string[]> {
    const wrong: string[] = [];
    for (let instance = 1; instance <= this.target.instances; instance++) {
      for (const token of this.ended) if ((await this.status(token, instance)) !== 401) wrong.push(`instance ${instance} accepts a token that was revoked`);
      if ((await this.status(this.stays.token, instance)) !== 200) wrong.push(`instance ${instance} does not know a user who is signed in`);
      const now = await this.limit(instance);
      // The next window begins with all, after the end of this one.
      const isOver = Date.now() > this.window.end - WINDOW_SLACK_MS;
      if (!isOver && now.remaining >= this.window.remaining) wrong.push(`instance ${instance} has forgotten requests of a limit`);
      this.window = now;
    }
    // The next switch has tokens that either side has revoked.
    await this.signOut(1 + (this.ended.length % this.target.instances));
    return wrong;
  }

  private async signOut(instance: number): Promise<void> {
    const { site } = this.target;
    const { token } = await site.login(this.email);
    await site.need('/api/auth/logout', { method: 'POST', token, instance });
    this.ended.push(token);
    if (this.ended.length > 4) this.ended.shift();
  }

  private async status(token: string, instance: number): Promise<number> {
    return (await this.target.site.call('/api/auth/me', { token, instance })).status;
  }

  private async limit(instance: number): Promise<{ remaining: number; end: number }> {
    const { headers } = await this.target.site.call('/api/wallet', { token: this.stays.token, instance });
    const field = (name: string): number => Number(new RegExp(`${name}=(\\d+)`).exec(String(headers.ratelimit ?? ''))?.[1] ?? Infinity);
    return { remaining: field('remaining'), end: Date.now() + field('reset') * 1000 };
  }
}

async function reader({ site, people }: Target, seed: number, tally: { reads: number; failed: number }, isOver: () => boolean): Promise<void> {
  const steps = trafficOf(seed, people.facts, 1_000).filter(({ method, kind }) => method === 'GET' && kind !== 'wallet');
  for (let at = 0; !isOver(); at = (at + 1) % steps.length) {
    const { status } = await site.call(steps[at].path, { token: people.sellers[steps[at].user].token });
    tally.reads++;
    if (status !== 200) tally.failed++;
    await pause(5);
  }
}

/** Creates orders through whichever instance the balancer chooses. */
async function writer({ site, people }: Target, seed: number, made: { id: string; token: string }[], isOver: () => boolean): Promise<void> {
  const dice = new Dice(seed);
  const { pincodes, weights } = people.facts;
  while (!isOver()) {
    const { token } = dice.pick(people.sellers);
    const { status, body } = await site.call<{ id: string }>('/api/orders', { method: 'POST', token, body: orderOf(dice, dice.pick(pincodes), dice.pick(pincodes), weights) });
    if (status === 201 || status === 202) made.push({ id: body.id, token });
    await pause(40);
  }
}
