/**
 * `getOrSetMany`: the calls of one group. The keys that this process must load are loaded together, in one call of `missing`, before the
 * group waits for loads of others. So two groups that each hold a key of the other do not wait for each other.
 */
import { AsyncResource } from 'node:async_hooks';
import { nextTick } from '../clock';
import { badOption } from '../errors';
import type { Call, Load, LoadOutcome } from './call';
import { refreshFailed } from './events';
import { Decision } from '../contract.generated';
import { isNested, runLoader, waitWithin } from './nesting';
import type { CallOptions } from './options';
import { warn, type CachePort } from './port';
import { countHit, decode } from './read';
import { encodeValue } from './serializer';

/** Loads the values of keys. Keys that are absent from its result resolve to `undefined`, and nothing is stored for them. */
export type ManyLoader<T> = (keys: string[]) => PromiseLike<Map<string, T> | Record<string, T>> | Map<string, T> | Record<string, T>;

interface Member {
  readonly key: string;
  readonly call: Call;
  /** `open`: no decision yet. */
  state: 'open' | 'waiting' | 'mine' | 'done';
  /** The second request, because the stored value could not be decoded. */
  readonly again: boolean;
}

export class Group<T> {
  private readonly values = new Map<string, T | undefined>();
  private readonly members: Member[] = [];
  private readonly refreshes: { key: string; load: Load }[] = [];
  private failure: { error: unknown } | undefined;
  private wake: () => void = () => undefined;

  constructor(
    private readonly port: CachePort,
    private readonly missing: ManyLoader<T>,
    private readonly o: CallOptions,
  ) {}

  /** Loads all keys without the cache. */
  static async uncached<T>(port: CachePort, missing: ManyLoader<T>, keys: readonly string[]): Promise<(T | undefined)[]> {
    const unique = [...new Set(keys)];
    port.counters.misses += unique.length;
    port.counters.loads++;
    try {
      const found = asMap<T>(await runLoader(port.emitter.prefix, unique, () => missing([...unique])));
      return keys.map((key) => found.get(key));
    } catch (error) {
      port.counters.loadErrors++;
      throw error;
    }
  }

  /** The values in the order of `keys`. */
  read(keys: readonly string[]): Promise<(T | undefined)[]> {
    return isNested() ? waitWithin(this.port.emitter.prefix, keys, () => this.readKeys(keys)) : this.readKeys(keys);
  }

  private readKeys(keys: readonly string[]): Promise<(T | undefined)[]> {
    const { signal } = this.o;
    if (signal === undefined) return this.run(keys);
    if (signal.aborted) {
      this.port.counters.misses += new Set(keys).size;
      return Promise.reject(signal.reason as Error);
    }
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.failure ??= { error: signal.reason };
        this.wake();
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abort, { once: true });
      void this.run(keys).then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
  }

  private async run(keys: readonly string[]): Promise<(T | undefined)[]> {
    for (const key of new Set(keys)) this.ask(key, false);
    for (;;) {
      // Decided means: a value, a load of ours, or a wait for others.
      while (this.has('open') && this.failure === undefined) await this.change();
      if (this.failure !== undefined) return this.giveUp(this.failure.error);
      const mine = this.members.filter((member) => member.state === 'mine');
      if (mine.length > 0) await this.load(mine);
      else if (this.has('waiting')) await this.change();
      else break;
    }
    return keys.map((key) => this.values.get(key));
  }

  private has(state: Member['state']): boolean {
    return this.members.some((member) => member.state === state);
  }

  private change(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }

  private ask(key: string, again: boolean): void {
    const { driver, repo } = this.port;
    const member: Member = { key, call: driver.getOrSet(repo, key, this.o, again), state: 'open', again };
    member.call.onWaiting = () => {
      member.state = 'waiting';
      this.wake();
    };
    this.members.push(member);
    void member.call.next().then(() => {
      this.decided(member);
      this.wake();
    });
  }

  private decided(member: Member): void {
    const { port } = this;
    const { call, key } = member;
    member.state = 'done';
    if (call.kind === Decision.Hit) {
      const decoded = decode(port, call);
      if (decoded.ok) {
        countHit(port, call);
        if (call.isStaleHit) call.onRefresh(AsyncResource.bind((load) => this.refresh(key, load)));
        this.values.set(key, decoded.value as T);
      } else if (member.again) {
        port.counters.misses++;
        member.state = 'mine';
      } else {
        // As in `getOrSet`, request the key once more as if there were no entry.
        this.members.splice(this.members.indexOf(member), 1);
        this.ask(key, true);
      }
      return;
    }
    port.counters.misses++;
    if (call.kind === Decision.Nothing) return;
    if (call.kind === Decision.FailedWith) this.joined(member, call.a as LoadOutcome | undefined);
    else {
      if (call.kind === Decision.Error) warn(port, call.error('getOrSetMany', port.driver.node).message);
      member.state = 'mine';
    }
  }

  private joined(member: Member, outcome: LoadOutcome | undefined): void {
    if (outcome === undefined) member.state = 'mine';
    else if (outcome.payload !== undefined) this.values.set(member.key, this.port.serializer.deserialize(outcome.payload) as T);
    else this.failure ??= { error: outcome.error };
  }

  /** Calls `missing` once for all keys that this process must load. */
  private async load(mine: Member[]): Promise<void> {
    const { counters, driver } = this.port;
    for (const member of mine) member.state = 'done';
    counters.loads++;
    let found: Map<string, T>;
    try {
      found = asMap(await this.runMissing(mine));
    } catch (error) {
      counters.loadErrors++;
      return this.staleInstead(mine, error);
    }
    const stored: Promise<unknown>[] = [];
    for (const { key, call } of mine) {
      const value = found.get(key);
      this.values.set(key, value);
      if (call.kind !== Decision.Load) continue; // Loaded without the cache.
      const load = call.a as Load;
      if (value === undefined) {
        driver.loadedNothing(call, load);
        continue;
      }
      const offered = call.b === 0;
      const payload = this.encode(value, call, load);
      if (payload === undefined) continue;
      if (offered) stored.push(call.next());
      driver.loaded(call, load, payload);
    }
    await Promise.all(stored);
  }

  private runMissing(members: readonly { key: string }[]): Promise<unknown> {
    const keys = members.map(({ key }) => key);
    return runLoader<unknown>(this.port.emitter.prefix, keys, () => this.missing([...keys]));
  }

  private encode(value: T, call: Call, load: Load): string | undefined {
    try {
      return encodeValue(this.port.serializer, value);
    } catch (error) {
      this.port.driver.loadFailed(call, load, { error });
      this.failure ??= { error };
      return undefined;
    }
  }

  /** After `missing` failed, values that `staleIfError` kept replace its result, if there is one for every key. */
  private async staleInstead(mine: Member[], error: unknown): Promise<void> {
    await Promise.all(
      mine.map(async ({ key, call }) => {
        if (call.kind !== Decision.Load) {
          this.failure ??= { error };
          return;
        }
        const decided = call.next();
        this.port.driver.loadFailed(call, call.a as Load, { error });
        await decided;
        if (isHit(call)) this.values.set(key, this.port.serializer.deserialize(call.a as string) as T);
        else this.failure ??= { error };
      }),
    );
  }

  /** Fails the group: gives up its waits, and reports the loads that others may wait for. */
  private giveUp(error: unknown): never {
    const { driver } = this.port;
    for (const { call, state } of this.members) {
      if (state === 'mine') {
        if (call.kind === Decision.Load) driver.loadFailed(call, call.a as Load);
      } else if (state !== 'done') {
        driver.cancel(call);
        this.port.counters.misses++;
      }
    }
    throw error;
  }

  /** Runs refreshes that are decided on together in one call. */
  private refresh(key: string, load: Load): void {
    this.refreshes.push({ key, load });
    if (this.refreshes.length === 1) nextTick(() => void this.runRefreshes());
  }

  private async runRefreshes(): Promise<void> {
    const { driver, counters, serializer } = this.port;
    const due = this.refreshes.splice(0);
    counters.refreshes++;
    let found: Map<string, T>;
    try {
      found = asMap(await this.runMissing(due));
    } catch (error) {
      counters.refreshErrors++;
      for (const { key, load } of due) this.refreshFailed(key, load, error);
      return;
    }
    for (const { key, load } of due) {
      const value = found.get(key);
      try {
        if (value === undefined) driver.loadedNothing(undefined, load);
        else driver.loaded(undefined, load, encodeValue(serializer, value));
      } catch (error) {
        this.refreshFailed(key, load, error);
      }
    }
  }

  private refreshFailed(key: string, load: Load, error: unknown): void {
    const { driver, emitter, logger } = this.port;
    driver.loadFailed(undefined, load, { error });
    refreshFailed(emitter, error, key, logger);
  }
}

/** A function, because a decision may have arrived since `kind` was last read. */
function isHit(call: Call): boolean {
  return call.kind === Decision.Hit;
}

/** Reads only own properties, because a key may be called `constructor`. */
function asMap<T>(found: unknown): Map<string, T> {
  if (found instanceof Map || Object.prototype.toString.call(found) === '[object Map]') return found as Map<string, T>;
  if (typeof found !== 'object' || found === null || Array.isArray(found)) badOption('the result of missing', 'a Map or an object by key', found);
  return new Map(Object.entries(found as Record<string, T>));
}
