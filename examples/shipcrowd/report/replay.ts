/** Sends the traffic and takes the times. */
import { sum, timesOf, type Times } from './figures';
import type { People } from './people';
import type { Site } from './site';
import type { Kind, Step } from './traffic';
import { each } from './wait';

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

/** Sends the steps in their order, `atOnce` of them on their way at a time. */
export async function replay(site: Site, people: People, steps: readonly Step[], atOnce: number): Promise<Replayed> {
  const samples = new Map<Kind, number[]>();
  const instances: Record<string, number> = {};
  let [failed, refused] = [0, 0];
  const started = performance.now();
  await each(steps, atOnce, async ({ kind, user, method, path, body }) => {
    const { status, ms, instance } = await site.call(path, { method, body, token: people.sellers[user].token });
    instances[instance] = (instances[instance] ?? 0) + 1;
    if (status === 0 || status >= 500) failed++;
    else if (status >= 300) refused++;
    const own = samples.get(kind) ?? [];
    samples.set(kind, own);
    own.push(ms);
  });
  const seconds = (performance.now() - started) / 1000;
  const times = Object.fromEntries([...samples].map(([kind, list]) => [kind, timesOf(list)]));
  return { requests: steps.length, seconds, perSecond: steps.length / seconds, failed, refused, times, instances };
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
