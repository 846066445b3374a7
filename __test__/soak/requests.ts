/** Requests of an application that uses everything of the cache. Each kind of call comes up in turn, at random. */
import { CacheRepository, HawserError, defineTiers } from 'hawser';
import type { Dice } from '../history/dice';

/** More than the near cache and the parsed values hold. */
const KEYS = 20_000;
const TAGS = 500;

const tiers = defineTiers({
  lists: { ttl: 20, staleAfter: 2, staleIfError: 20, tags: ['lists'], nearCache: { maxBytes: 1 << 20 } },
  brief: { ttl: 1 },
});

/** A call that fails where its loader does. */
class SourceError extends Error {}

type Call = (cache: CacheRepository) => Promise<unknown>;

export class Requests {
  operations = 0;
  failed = 0;
  readonly unexpected: string[] = [];
  private made = 0;
  private readonly repositories: CacheRepository[];
  private readonly calls: readonly Call[];

  constructor(private readonly dice: Dice) {
    this.repositories = [
      new CacheRepository('lists', { tier: tiers.lists }),
      new CacheRepository('brief', { tier: tiers.brief }),
      new CacheRepository('frozen', { ttl: 10, nearCache: { maxBytes: 1 << 20, share: 'frozen' } }),
      new CacheRepository('remote', { ttl: 30, staleAfter: 5 }),
    ];
    const often = (times: number, call: Call): Call[] => Array.from({ length: times }, () => call);
    this.calls = [
      ...often(40, (cache) => cache.getOrSet(this.key(), (context) => this.load(context), { tags: this.tags() })),
      ...often(10, (cache) => cache.get(this.key())),
      ...often(4, (cache) => this.request(cache)),
      ...often(4, (cache) => cache.getOrSetMany(this.keys(), (keys) => Object.fromEntries(keys.map((key) => [key, this.value()])), { tags: () => this.tags() })),
      ...often(2, (cache) => cache.getMany(this.keys())),
      ...often(3, (cache) => cache.set(this.key(), this.value())),
      ...often(3, (cache) => cache.setWithTags(this.key(), this.value(), { tags: this.tags() })),
      ...often(1, (cache) => cache.invalidateTags(this.tags())),
      ...often(3, (cache) => cache.delete(this.key())),
      (cache) => cache.has(this.key()),
      (cache) => cache.explain(this.key()),
      (cache) => this.givenUp(cache),
    ];
  }

  /** Makes requests one after another until there were so many operations in all. */
  async until(operations: number): Promise<void> {
    while (this.operations < operations) {
      const cache = this.dice.pick(this.repositories);
      this.operations++;
      await this.attempt(() => this.dice.pick(this.calls)(cache));
    }
  }

  /** What is done seldom. */
  async rest(): Promise<void> {
    const cache = this.dice.pick(this.repositories);
    await this.attempt(() => cache.clear());
    await this.attempt(() => this.dice.pick(this.repositories).deletePattern('1*'));
    // A repository of its own, used once.
    await this.attempt(() => new CacheRepository(`once${this.made++}`).getOrSet('k', () => this.value()));
  }

  private async attempt(call: () => Promise<unknown>): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.failed++;
      const isExpected = error instanceof SourceError || error instanceof HawserError || (error as Error).name === 'AbortError';
      if (!isExpected && this.unexpected.length < 20) this.unexpected.push(String(error));
    }
  }

  private key(): string {
    // Some keys are read often.
    return String(this.dice.below(this.dice.chance(0.5) ? 200 : KEYS));
  }

  private keys(): string[] {
    return Array.from({ length: 2 + this.dice.below(10) }, () => this.key());
  }

  private tags(): string[] {
    return Array.from({ length: this.dice.below(4) }, () => `tag${this.dice.below(TAGS)}`);
  }

  private value(): unknown {
    const n = ++this.made;
    if (this.dice.chance(0.02)) return { n, text: `${n} of many like it. `.repeat(1000) };
    if (this.dice.chance(0.05)) return Buffer.alloc(2000, n);
    return { n, list: [n, { deep: [String(n)] }], text: 'x'.repeat(this.dice.below(500)) };
  }

  private async load(context: { addTags(tags: string[]): Promise<void>; setTags?(tags: string[]): void; skip(): void; setTtl(seconds: number): void }): Promise<unknown> {
    const roll = this.dice.below(40);
    if (roll === 0) throw new SourceError('the source fails');
    if (roll === 1) context.skip();
    if (roll === 2) context.setTtl(1);
    if (roll === 3) await context.addTags(this.tags());
    if (roll === 4) return undefined;
    if (roll === 5) await new Promise((resolve) => setImmediate(resolve));
    return this.value();
  }

  /** One request with a view of its own. */
  private async request(cache: CacheRepository): Promise<void> {
    const memo = cache.memo();
    const key = this.key();
    await Promise.all([memo.getOrSet(key, (context) => this.load(context)), memo.getOrSet(key, (context) => this.load(context)), memo.getMany([key, this.key()])]);
    if (this.dice.chance(0.3)) await memo.set(key, this.value());
    await memo.get(key);
  }

  /** A caller that does not wait. */
  private async givenUp(cache: CacheRepository): Promise<void> {
    const controller = new AbortController();
    const value = cache.getOrSet(this.key(), (context) => this.load(context), { signal: controller.signal });
    controller.abort();
    await value;
  }
}
