/**
 * `getOrSetMany`: the calls of one group. The keys that this process must load are loaded together, in one call of `missing`, before the
 * group waits for loads of others. So two groups that each hold a key of the other do not wait for each other.
 */
import { AsyncResource } from 'node:async_hooks';
import { onAbort } from '../abort';
import { nextTick } from '../clock';
import type { Call, Load, LoadOutcome } from './call';
import { Decision } from '../contract.generated';
import { Context } from './context';
import { decodeHit, decodeShared } from './decoding';
import { allowsMore, isFirst, loaderTimedOut, offer } from './load';
import { ManyContext, type ManyLoaderContext } from './many_context';
import { finishMissing, runMissing, type ManyLoader, type Part } from './missing';
import { isNested, waitWithin } from './nesting';
import type { CallOptions } from './options';
import { loadFailed, loadedNothing } from './outcomes';
import { warn, type CachePort } from './port';
import { countHit, countMiss, ROUNDS_MAX } from './read';
import { servedFallback } from './report';
import { stored } from './times';
import { waitLimits, type WaitLimits } from './wait_limits';
import { LoadSignal } from './waiters';

interface Member {
  readonly key: string;
  readonly o: CallOptions;
  readonly call: Call;
  /** `open`: no decision yet. `loading`: it is among the keys that `missing` is loading now. */
  state: 'open' | 'waiting' | 'mine' | 'loading' | 'done';
  /** How long it waits for the loaders of others. */
  wait: WaitLimits | undefined;
}

/** One of the keys that the group loads itself. */
interface OwnPart extends Omit<Part, 'load'> {
  readonly call: Call;
  /** Absent where the key is loaded without the cache. */
  readonly load: Load | undefined;
  readonly isOffered: boolean;
  /** The decision about the key, where it has been asked for before there is a value. */
  asked: Promise<Call> | undefined;
}

type SharedPart = OwnPart & Part;

export type { ManyLoader, ManyLoaderContext };

/** The options of each key of a group. */
export type OptionsOf = (key: string) => CallOptions;

export class Group<T> {
  private readonly values = new Map<string, T | undefined>();
  private readonly members: Member[] = [];
  private readonly refreshes: { key: string; load: Load; o: CallOptions }[] = [];
  private failure: { error: unknown } | undefined;
  private wake: () => void = () => undefined;

  constructor(
    private readonly port: CachePort,
    private readonly missing: ManyLoader<T>,
    /** What holds for the whole group. */
    private readonly o: CallOptions,
    private readonly optionsOf: OptionsOf = () => o,
  ) {}

  /** Loads all keys without the cache. */
  static async uncached<T>(port: CachePort, missing: ManyLoader<T>, keys: readonly string[], o: CallOptions, optionsOf: OptionsOf): Promise<(T | undefined)[]> {
    const unique = [...new Set(keys)];
    port.counters.misses += unique.length;
    port.counters.loads++;
    try {
      const signal = new LoadSignal(undefined, o.signal);
      const context = new ManyContext(unique.map((key) => new Context(port, key, undefined, optionsOf(key), undefined)), signal);
      for (const _ of unique) o.outcomes?.note('uncached');
      const found = await runMissing(port, missing, context, o.rules?.hardMs);
      return keys.map((key) => found.get(key));
    } catch (error) {
      port.counters.loadErrors++;
      throw error;
    }
  }

  /** The values in the order of `keys`. */
  read(keys: readonly string[]): Promise<(T | undefined)[]> {
    return isNested() ? waitWithin(this.port.prefix, keys, () => this.readKeys(keys)) : this.readKeys(keys);
  }

  private readKeys(keys: readonly string[]): Promise<(T | undefined)[]> {
    const { signal } = this.o;
    if (signal === undefined) return this.run(keys);
    if (signal.aborted) {
      this.port.counters.misses += new Set(keys).size;
      return Promise.reject(signal.reason as Error);
    }
    return new Promise((resolve, reject) => {
      const release = onAbort(signal, () => {
        this.failure ??= { error: signal.reason };
        this.abandon(signal.reason);
        this.wake();
        reject(signal.reason as Error);
      });
      void this.run(keys).then(resolve, reject).finally(release);
    });
  }

  private async run(keys: readonly string[]): Promise<(T | undefined)[]> {
    for (const key of new Set(keys)) this.ask(key);
    for (;;) {
      // Decided means: a value, a load of ours, or a wait for others.
      while (this.has('open') && this.failure === undefined) await this.change();
      if (this.failure !== undefined) {
        this.abandon(this.failure.error);
        throw this.failure.error;
      }
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

  /** `replaces`: the stored value could not be decoded and counts as missing. */
  private ask(key: string, former?: Member, replaces = false): void {
    const { driver, repo, codec } = this.port;
    const o = this.optionsOf(key);
    const member: Member = { key, o, call: driver.getOrSet(repo, key, o, codec, replaces), state: 'open', wait: former?.wait ?? this.limitsOf(key, o) };
    if (former !== undefined) {
      member.call.rounds = former.call.rounds + 1;
      member.call.isCounted = former.call.isCounted;
      member.call.isReplacing = replaces;
    }
    member.call.onWaiting = () => {
      member.state = 'waiting';
      member.wait?.begin();
      this.wake();
    };
    this.members.push(member);
    void member.call.next().then(() => {
      member.wait?.end();
      this.decided(member);
      this.wake();
    });
  }

  /** A key that has waited too long for the loader of another call fails the group, unless a value is kept for it. */
  private limitsOf(key: string, { rules }: CallOptions): WaitLimits | undefined {
    const soften = (): void => {
      const member = this.members.find((other) => other.key === key);
      if (member !== undefined) this.port.driver.soften(member.call);
    };
    return waitLimits(rules, soften, (ms) => {
      this.failure ??= { error: loaderTimedOut(this.port, ms) };
      this.wake();
    });
  }

  private decided(member: Member): void {
    const { port } = this;
    const { call, key } = member;
    member.state = 'done';
    if (call.kind === Decision.Hit) {
      const decoded = decodeHit(port, call);
      if (!decoded.ok) return this.again(member, true);
      countHit(port, call, member.o.outcomes);
      if (call.mayRefresh) call.onRefresh(AsyncResource.bind((load) => this.refresh(key, load, member.o)));
      this.values.set(key, decoded.value as T);
      return;
    }
    countMiss(port, call, member.o.outcomes);
    if (call.kind === Decision.Nothing) return;
    if (call.kind === Decision.FailedWith) this.joined(member, call.outcome);
    else {
      if (call.kind === Decision.Error) warn(port, call.error('getOrSetMany', port.driver.node).message);
      member.state = 'mine';
    }
  }

  private joined(member: Member, outcome: LoadOutcome | undefined): void {
    if (outcome === undefined) return this.again(member, false);
    if (outcome.payload === undefined) {
      if (allowsMore(member.o, outcome.error)) return this.again(member, false);
      this.failure ??= { error: outcome.error };
      return;
    }
    const decoded = decodeShared(this.port, outcome.payload);
    if (decoded.ok) this.values.set(member.key, decoded.value as T);
    else member.state = 'mine';
  }

  /** Requests the key once more, as `getOrSet` does. */
  private again(member: Member, replaces: boolean): void {
    const { call, key } = member;
    if (this.failure !== undefined) return;
    if (call.rounds >= ROUNDS_MAX || (replaces && call.isReplacing)) {
      countMiss(this.port, call, member.o.outcomes);
      member.state = 'mine';
      return;
    }
    this.members.splice(this.members.indexOf(member), 1);
    this.ask(key, member, replaces);
  }

  /** Calls `missing` once for all keys that this process must load. */
  private async load(mine: Member[]): Promise<void> {
    const { counters } = this.port;
    for (const member of mine) member.state = 'loading';
    counters.loads++;
    const signal = this.signalFor(mine);
    const parts = mine.map((member) => this.partOf(member));
    const context = new ManyContext(parts.map((part) => part.context), signal);
    const running = this.runMissing(context).finally(() => signal.close());
    let found: Map<string, T>;
    try {
      if (parts.every(isShared) && (await this.isSlow(parts, running)) && this.serveFormer(parts)) {
        context.detach();
        return void finishMissing(this.port, parts, this.noting(parts, running), 'loadErrors');
      }
      found = await running;
    } catch (error) {
      counters.loadErrors++;
      return await this.staleInstead(parts, error, signal.isAbandoned);
    } finally {
      for (const member of mine) member.state = 'done';
    }
    await Promise.all(parts.map((part) => this.brought(part, found.get(part.key))));
  }

  private partOf({ key, o, call }: Member): OwnPart {
    const load = isLoad(call) ? call.load : undefined;
    const isOffered = load !== undefined && call.isOffered;
    return { key, call, load, isOffered, context: new Context(this.port, key, isOffered ? load : undefined, o, undefined), asked: undefined };
  }

  /**
   * Whether the soft limit passes before `missing` settles, and the engine gives each of these keys the value that is being replaced. A key that
   * gets one where another has none is not served: the group waits for `missing`, and has that value in case it fails.
   */
  private async isSlow(parts: readonly SharedPart[], running: Promise<unknown>): Promise<boolean> {
    const softMs = this.o.rules?.softMs;
    if (softMs === undefined) return false;
    const decided = parts.map((part) => (part.asked = part.call.next()));
    return !(await isFirst(running, Promise.all(decided), softMs, () => this.soften(parts))) && this.failure === undefined;
  }

  /** Looks first whether each key has a former value: a call that gets one learns no more of when its loaded value is stored. */
  private soften(parts: readonly SharedPart[]): void {
    const { driver } = this.port;
    if (this.failure !== undefined || parts.some(({ load, isOffered }) => isOffered && driver.stale(load) === undefined)) return;
    for (const { call } of parts) driver.soften(call);
  }

  /** Serves the values that are being replaced, if each of these keys has one. */
  private serveFormer(parts: readonly OwnPart[]): boolean {
    const formers = parts.map(({ call }) => (isHit(call) ? decodeHit(this.port, call) : undefined));
    if (!formers.every((former) => former?.ok === true)) return false;
    this.port.counters.softTimeouts++;
    for (const [i, { key }] of parts.entries()) {
      this.o.outcomes?.note('fallback', 'miss');
      this.values.set(key, formers[i].value as T);
    }
    return true;
  }

  /** Where the group still waits for other keys when `missing` settles, the new values count. */
  private async noting(parts: readonly OwnPart[], running: Promise<Map<string, T>>): Promise<Map<string, T>> {
    const found = await running;
    for (const { key, context } of parts) this.values.set(key, context.result(found.get(key)));
    return found;
  }

  /** `missing` has brought a value, or nothing, for a key that the group waits for. */
  private async brought({ key, call, load, isOffered, context, asked }: OwnPart, found: T | undefined): Promise<void> {
    const { driver } = this.port;
    const value = context.result(found);
    this.values.set(key, value);
    if (load === undefined) return;
    if (value === undefined) return loadedNothing(driver, call, load);
    try {
      if (await offer(this.port, call, load, context, value, isOffered)) await stored(this.port, asked ?? call.next());
    } catch (error) {
      loadFailed(driver, call, load, { error });
      this.failure ??= { error };
    }
  }

  /** Aborts when nobody waits for any of these keys. Only this group waits for those that are loaded without the cache. */
  private signalFor(mine: readonly Member[]): LoadSignal {
    const { driver, repo } = this.port;
    const shared = mine.filter(({ call }) => isLoad(call)).map(({ key }) => key);
    if (shared.length === 0) return new LoadSignal(undefined, this.o.signal);
    const watch = (abort: (reason: unknown) => void): (() => void) =>
      driver.watch(repo, shared, (reason) => {
        if (shared.length === mine.length || this.failure !== undefined) abort(reason);
      });
    return new LoadSignal(watch);
  }

  private runMissing(context: ManyContext): Promise<Map<string, T>> {
    return runMissing(this.port, this.missing, context, this.o.rules?.hardMs);
  }

  /** After `missing` failed, values that `staleIfError` kept replace its result, if there is one for every key. */
  private async staleInstead(parts: readonly OwnPart[], error: unknown, isAbandoned: boolean): Promise<void> {
    const { port } = this;
    await Promise.all(
      parts.map(async ({ key, call, load, asked }) => {
        // Callers that have joined meanwhile must not fail because others have given up.
        if (load !== undefined && isAbandoned) loadFailed(port.driver, call, load);
        if (load === undefined || isAbandoned) {
          this.failure ??= { error };
          return;
        }
        const decided = asked ?? call.next();
        loadFailed(port.driver, call, load, { error });
        const fallback = isHit(await decided) ? decodeHit(port, call) : undefined;
        if (fallback?.ok === true) {
          servedFallback(port, error, key, this.o.outcomes);
          this.values.set(key, fallback.value as T);
        } else {
          this.failure ??= { error };
        }
      }),
    );
  }

  /** Gives up the group's waits, and reports the loads that others may wait for. */
  private abandon(reason: unknown): void {
    const { driver } = this.port;
    for (const member of this.members) {
      const { call, state } = member;
      member.wait?.end();
      if (state === 'done') continue;
      if (state === 'mine') {
        if (isLoad(call)) loadFailed(driver, call, call.load);
      } else {
        if (state !== 'loading') countMiss(this.port, call, member.o.outcomes);
        driver.abandon(call, reason);
      }
      if (state !== 'loading') member.state = 'done';
    }
  }

  /** Runs refreshes that are decided on together in one call. */
  private refresh(key: string, load: Load, o: CallOptions): void {
    this.refreshes.push({ key, load, o });
    if (this.refreshes.length === 1) nextTick(() => void this.runRefreshes());
  }

  private async runRefreshes(): Promise<void> {
    const { port } = this;
    const due = this.refreshes.splice(0);
    const parts = due.map(({ key, load, o }) => ({ key, load, context: new Context(port, key, load, o, undefined) }));
    port.counters.refreshes++;
    await finishMissing(port, parts, this.runMissing(new ManyContext(parts.map((part) => part.context), undefined)), 'refreshErrors');
  }
}

/** A function, because a decision may have arrived since `kind` was last read. */
function isHit(call: Call): boolean {
  return call.kind === Decision.Hit;
}

function isShared(part: OwnPart): part is SharedPart {
  return part.load !== undefined;
}

function isLoad(call: Call): boolean {
  return call.kind === Decision.Load;
}
