/**
 * Counters that are incremented in every way a client has, one way per key. The server's value lies between the increments that were
 * acknowledged and those plus the ones that may have run.
 */
import type { Cluster, Redis } from 'hawser';
import { mayHaveRun, type Tally } from './tally';

type Client = Redis | Cluster;

/** Rejects, or resolves with one outcome per increment. */
type Way = (client: Client, key: string) => Promise<[error: Error | null, reply: unknown][]>;

const SCRIPT = "return redis.call('INCR', KEYS[1])";

const one = async (reply: Promise<unknown>): Promise<[null, unknown][]> => [[null, await reply]];

const WAYS: Record<string, Way> = {
  incr: (client, key) => one(client.incr(key)),
  script: (client, key) => one(client.eval(SCRIPT, 1, key)),
  pipeline: async (client, key) => (await client.pipeline().incr(key).incr(key).incr(key).exec()) ?? [],
  multi: async (client, key) => (await client.multi().incr(key).incr(key).exec()) ?? [],
};

const SENT: Record<string, number> = { incr: 1, script: 1, pipeline: 3, multi: 2 };

export class Counter {
  acknowledged = 0;
  /** Increments that failed and may have run. */
  open = 0;
  private last = 0;

  constructor(
    readonly way: string,
    readonly key: string,
    private readonly tally: Tally,
  ) {}

  static all(tally: Tally): Counter[] {
    return Object.keys(WAYS).flatMap((way) => Array.from({ length: 3 }, (_, n) => new Counter(way, `count:${way}:${n}`, tally)));
  }

  async step(client: Client): Promise<void> {
    try {
      for (const [error, reply] of await WAYS[this.way](client, this.key)) {
        if (error) this.fail(error, 1);
        else this.take(Number(reply));
      }
    } catch (error) {
      this.fail(error, SENT[this.way]);
    }
  }

  /** Compares with the server. */
  async check(client: Client): Promise<void> {
    const value = Number(await client.get(this.key));
    if (value < this.acknowledged || value > this.acknowledged + this.open) this.report(`is ${value}`);
  }

  private take(value: number): void {
    this.acknowledged++;
    this.tally.operations++;
    // Nobody else increments this key: each reply is greater than the one before.
    if (value <= this.last || value < this.acknowledged || value > this.acknowledged + this.open) this.report(`answered ${value} after ${this.last}`);
    this.last = value;
  }

  private fail(error: unknown, increments: number): void {
    if (mayHaveRun(error)) this.open += increments;
    this.tally.failed(error, this.way);
  }

  private report(what: string): void {
    this.tally.isWrong(`${this.key} ${what}: ${this.acknowledged} increments acknowledged, ${this.open} more may have run`);
  }
}
