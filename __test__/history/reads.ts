/** Reads in every way that a repository has, and what they may give. */
import type { CacheOptions, CacheRepository } from 'hawser';
import { pause } from '../helpers/clock';
import type { Dice } from './dice';
import type { Key } from './keys';
import type { Source } from './source';
import { ownTag, type Value } from './writes';

/** A loader's source fails now and then. */
export class SourceError extends Error {}

export class Reader {
  constructor(
    private readonly cache: CacheRepository,
    private readonly source: Source,
    private readonly dice: Dice,
    /** Resolves with the least counts that reads from now on may give. */
    private readonly floorsOf: (keys: readonly string[]) => Promise<number[]>,
    private readonly wrong: (text: string) => void,
  ) {}

  /** Reads all these keys at once. Returns how many values came. */
  async read(keys: readonly Key[]): Promise<number> {
    const floors = await this.floorsOf(keys.map(({ name }) => name));
    const values = this.dice.chance(0.1) ? await this.cache.getMany<Value>(keys.map(({ name }) => name)) : await Promise.all(keys.map((key) => this.one(key)));
    let found = 0;
    for (const [at, key] of keys.entries()) {
      const value = values[at];
      if (value === null || value === undefined) continue;
      found++;
      if (value.key !== key.name) this.wrong(`${key.name} gives the value of ${value.key}`);
      else if (value.count < floors[at] && !(await this.source.isOpen(key.name, value.count))) {
        this.wrong(`${key.name} (${key.kind}) gives ${value.count} after an invalidation at ${floors[at]} has resolved`);
      }
    }
    return found;
  }

  private async one(key: Key): Promise<Value | null | undefined> {
    if (this.dice.chance(0.2)) return this.cache.get<Value>(key.name);
    try {
      return await this.cache.getOrSet(key.name, (context) => this.load(key, context), this.options(key));
    } catch (error) {
      if (error instanceof SourceError) return null;
      throw error;
    }
  }

  private async load(key: Key, context: { addTags(tags: string[]): Promise<void> }): Promise<Value | undefined> {
    if (this.dice.chance(0.3)) await pause(this.dice.below(20));
    if (key.kind === 'tagged by its loader') await context.addTags([key.tag, ownTag(key)]);
    const count = await this.source.read(key.name);
    if (this.dice.chance(0.5)) await pause(this.dice.below(30));
    if (this.dice.chance(0.03)) throw new SourceError('the source fails');
    return this.dice.chance(0.02) ? undefined : { key: key.name, count };
  }

  private options(key: Key): CacheOptions {
    const options: CacheOptions = { ttl: 0.5 + this.dice.next() * 2 };
    if (key.kind === 'tagged') options.tags = [key.tag, ownTag(key)];
    if (this.dice.chance(0.5)) options.staleAfter = 0.2;
    if (this.dice.chance(0.3)) options.staleIfError = 2;
    return options;
  }
}
