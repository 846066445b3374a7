/** Loops that use everything until they are stopped. A loop owns its keys, so it knows what it must read. */
import { CacheRepository, type Cluster, type Redis } from 'hawser';
import { pause } from '../helpers/clock';
import { Counter } from './counters';
import { Hold } from './hold';
import type { Tally } from './tally';

type Client = Redis | Cluster;

export class Traffic {
  readonly counters: Counter[];
  /** Holds what a failover without a hand-over may lose by design: plain writes and counts. The cache is never held. */
  readonly hold = new Hold();
  /** Calls of PUBLISH. */
  published = 0;
  private readonly loops: Promise<void>[] = [];
  private isOver = false;

  constructor(
    private readonly client: Client,
    private readonly subscriber: Client,
    private readonly tally: Tally,
    private readonly pauseMs: number,
  ) {
    this.counters = Counter.all(tally);
  }

  async start(): Promise<void> {
    await this.listen();
    for (const counter of this.counters) this.loop(() => this.hold.step(() => counter.step(this.client)));
    for (let n = 0; n < 8; n++) this.values(n);
    for (let n = 0; n < 4; n++) this.cached(n);
    this.publish();
  }

  /** Ends the loops and checks the counts. */
  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.loops);
    for (const counter of this.counters) await counter.check(this.client);
  }

  private loop(step: () => Promise<void>): void {
    const run = async (): Promise<void> => {
      while (!this.isOver) {
        await step();
        await pause(this.pauseMs);
      }
    };
    this.loops.push(run());
  }

  /** Writes and reads back a value of 10 to 10,000 bytes. After an error the key is another one, because the write may still come. */
  private values(n: number): void {
    let generation = 0;
    let round = 0;
    this.loop(() =>
      this.hold.step(async () => {
        const key = `value:${n}:${generation}`;
        const value = `${++round}:${'x'.repeat(10 ** (1 + (round % 4)))}`;
        try {
          await this.client.set(key, value, 'EX', 60);
          const read = round % 2 === 0 ? await this.client.get(key) : (await this.client.getBuffer(key))?.toString();
          if (read !== value) this.tally.isWrong(`${key} is ${read?.slice(0, 20)} instead of ${value.slice(0, 20)}`);
          this.tally.operations += 2;
        } catch (error) {
          generation++;
          this.tally.failed(error, 'set and get');
        }
      }),
    );
  }

  /** A source that changes, and a cache that must never give an older state than the one of its last resolved invalidation. */
  private cached(n: number): void {
    const cache = new CacheRepository(`soak${n}`, { ttl: 30 });
    let source = 0;
    let valid = 0;
    this.loop(async () => {
      try {
        for (let read = 0; read < 4; read++) {
          const wanted = valid;
          const value = await cache.getOrSet('entry', () => Promise.resolve(source), { tags: [`tag${n}`, 'all'] });
          if (value < wanted) this.tally.isWrong(`the cache gives ${value} after an invalidation at ${wanted}`);
          this.tally.operations++;
        }
        const next = ++source;
        await cache.invalidateTags([`tag${n}`]);
        valid = next;
        this.tally.operations++;
      } catch (error) {
        this.tally.failed(error, 'cache');
      }
    });
  }

  /** Where a subscriber changes its server, the next one may bring a message late that the former one has brought: that is counted only. */
  private async listen(): Promise<void> {
    const seen = new Set<string>();
    this.subscriber.on('message', (_channel: string, message: string) => {
      if (seen.has(message)) this.tally.repeated++;
      seen.add(message);
      if (seen.size > 1000) seen.delete(seen.values().next().value as string);
      if (Number(message) > this.published) this.tally.isWrong(`message ${message} came, and ${this.published} were published`);
      this.tally.received++;
    });
    await this.subscriber.subscribe('news');
  }

  private publish(): void {
    this.loop(async () => {
      try {
        await this.client.publish('news', String(++this.published));
        this.tally.operations++;
      } catch (error) {
        this.tally.failed(error, 'publish');
      }
    });
  }
}
