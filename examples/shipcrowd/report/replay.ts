/** Sends the traffic and takes the times. */
import { Dice } from './dice';
import { sum, timesOf, type Times } from './figures';
import type { People } from './people';
import { Site } from './site';
import type { Kind, Step } from './traffic';
import { each, pause } from './wait';

export interface Replayed {
  readonly requests: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** Answers with a status of 500 and more, and requests without an answer. */
  readonly failed: number;
  /** Answers with any other status than 200 to 299. */
  readonly refused: number;
  readonly times: Readonly<Partial<Record<Kind, Times>>>;
  /** Requests of each instance. */
  readonly instances: Readonly<Record<string, number>>;
}

/** Sends the steps in their order, `atOnce` of them on their way at a time: as fast as they are answered. */
export async function replay(site: Site, people: People, steps: readonly Step[], atOnce: number): Promise<Replayed> {
  const tally = new Tally(site, people);
  await each(steps, atOnce, (step) => tally.send(step));
  return tally.result(steps.length);
}

/**
 * Sends the steps at moments from the seed, `perSecond` of them on average, whether earlier ones are answered or not, as users do. So both versions of the backend have the same load, and
 * a request that has to wait for its turn does not keep others from being sent. Times count from the moment at which a request was due.
 */
export async function replayAt(perSecond: number, { url }: Site, people: People, steps: readonly Step[], seed: number): Promise<Replayed> {
  const site = new Site(url, MOST_AT_ONCE);
  const dice = new Dice(seed);
  const tally = new Tally(site, people);
  const sent: Promise<void>[] = [];
  let due = performance.now();
  for (const step of steps) {
    due += (-Math.log(1 - dice.next()) / perSecond) * 1000;
    const early = due - performance.now();
    if (early > 0) await pause(early);
    sent.push(tally.send(step, due));
  }
  await Promise.all(sent);
  site.close();
  return tally.result(steps.length);
}

const MOST_AT_ONCE = 1_000;

class Tally {
  private readonly samples = new Map<Kind, number[]>();
  private readonly instances: Record<string, number> = {};
  private failed = 0;
  private refused = 0;
  private readonly started = performance.now();

  constructor(
    private readonly site: Site,
    private readonly people: People,
  ) {}

  async send({ kind, user, method, path, body }: Step, due = performance.now()): Promise<void> {
    const { status, instance } = await this.site.call(path, { method, body, token: this.people.sellers[user].token });
    const ms = performance.now() - due;
    this.instances[instance] = (this.instances[instance] ?? 0) + 1;
    if (status === 0 || status >= 500) this.failed++;
    else if (status >= 300) this.refused++;
    const own = this.samples.get(kind) ?? [];
    this.samples.set(kind, own);
    own.push(ms);
  }

  result(requests: number): Replayed {
    const { failed, refused, instances } = this;
    const seconds = (performance.now() - this.started) / 1000;
    const times = Object.fromEntries([...this.samples].map(([kind, list]) => [kind, timesOf(list)]));
    return { requests, seconds, perSecond: requests / seconds, failed, refused, times, instances };
  }
}

/** All samples of a load in one line. */
export interface Load {
  readonly requests: number;
  readonly seconds: number;
  readonly failed: number;
  readonly times: Times;
}

/** Sends requests of one kind, `atOnce` of them at a time. */
export async function load(count: number, atOnce: number, send: (index: number) => Promise<{ status: number; ms: number }>): Promise<Load> {
  const started = performance.now();
  const answers = await each(Array.from({ length: count }), atOnce, (_, index) => send(index));
  const failed = sum(answers.map(({ status }) => (status >= 200 && status < 300 ? 0 : 1)));
  return { requests: count, seconds: (performance.now() - started) / 1000, failed, times: timesOf(answers.map(({ ms }) => ms)) };
}
