/** What workers do to the data and to the cache. Each write raises the floor only after hawser said that it is done. */
import { CacheMetrics, type CacheRepository } from 'hawser';
import { nowMs } from '../helpers/clock';
import type { Dice } from './dice';
import { PLAIN, type Key } from './keys';
import type { Counts, Source } from './source';

export class Writer {
  constructor(
    private readonly cache: CacheRepository,
    private readonly source: Source,
    private readonly dice: Dice,
    private readonly keys: readonly Key[],
    private readonly worker: number,
    private readonly wrong: (text: string) => void,
  ) {}

  /** Changes one key or several, and makes it known. */
  async write(): Promise<Counts> {
    if (this.dice.chance(0.01)) return this.clear();
    const key = this.dice.pick(this.keys.filter(({ kind, owner }) => kind !== 'owned' || owner === this.worker));
    if (key.kind === 'owned') return this.writeOwned(key);
    if (key.kind === 'plain') return this.writePlain(key);
    const keys = this.dice.chance(0.5) ? [key] : this.keys.filter(({ tag }) => tag === key.tag);
    return this.invalidate(keys, () => this.cache.invalidateTags([keys.length === 1 && this.dice.chance(0.5) ? ownTag(key) : key.tag]));
  }

  private writePlain(key: Key): Promise<Counts> {
    if (this.dice.chance(0.1)) {
      return this.invalidate(this.keys.filter(({ kind }) => kind === 'plain'), () => this.cache.deletePattern(`${PLAIN}*`));
    }
    return this.invalidate([key], () => this.cache.delete(key.name));
  }

  private clear(): Promise<Counts> {
    return this.invalidate(this.keys.filter(({ kind }) => kind !== 'owned'), () => this.source.clearing(this.worker, () => this.cache.clear()));
  }

  private async invalidate(keys: readonly Key[], act: () => Promise<unknown>): Promise<Counts> {
    const counts = await this.source.change(keys.map(({ name }) => name));
    await act();
    await this.source.raise(counts);
    return counts;
  }

  private async writeOwned(key: Key): Promise<Counts> {
    const counts = await this.source.change([key.name]);
    const count = counts.get(key.name) as number;
    const roll = this.dice.next();
    if (roll < 0.3) await this.cache.delete(key.name);
    else {
      await this.source.open(key.name, count);
      const value = { key: key.name, count };
      await this.staysSet(key, () => (roll < 0.6 ? this.cache.set(key.name, value, TTL) : this.cache.setWithTags(key.name, value, { ttl: TTL, tags: [key.tag] })));
      await this.source.closed(key.name, count);
    }
    await this.source.raise(counts);
    return counts;
  }

  /** What was set is there afterwards, unless something happened to a server, or the read went without the cache. */
  private async staysSet(key: Key, set: () => Promise<void>): Promise<void> {
    const [calm, unread, begun] = [await this.source.calm(), readsWithoutCache(), nowMs()];
    await set();
    const value = await this.cache.get(key.name);
    if (value !== null || calm === undefined || nowMs() - begun > (TTL * 1000) / 2) return;
    if (readsWithoutCache() === unread && (await this.source.calm()) === calm) this.wrong(`${key.name} was set and is not there`);
  }
}

/** Seconds. */
const TTL = 2;

function readsWithoutCache(): number {
  const counted = CacheMetrics.snapshot().repositories.history;
  return counted === undefined ? 0 : counted.givenUp + counted.notAsked + counted.readsRefused + counted.outwaited;
}

export interface Value {
  readonly key: string;
  readonly count: number;
}

export const ownTag = (key: Key): string => `only ${key.name}`;
