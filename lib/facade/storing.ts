/** The writes of a repository. It checks and serializes values before anything is sent, and makes errors where the caller awaits them. */
import type { Payload } from '../cache/bytes';
import type { Call } from '../cache/call';
import { Decision } from '../contract.generated';
import { callOptions, type CacheOptions, type CallOptions } from '../cache/options';
import { payloadOf } from '../cache/payload';
import { isUncached, type CachePort } from '../cache/port';
import { jittered } from '../cache/rules';
import { answered } from '../cache/times';
import { checkText } from '../cache/validate';
import { excessOf, tooLarge, type Excess } from '../cache/value_limit';
import { badOption } from '../errors';

/** One entry of `setMany`. */
export interface CacheItem<T = unknown> extends Omit<CacheOptions, 'signal' | 'maxAge' | 'lockTimeoutMs' | 'loaderTimeoutMs' | 'earlyRefresh' | 'negativeTtl' | 'tagsFrom'> {
  key: string;
  value: T;
}

/** Options of a call that stores an existing value. */
export type SetOptions = Omit<CacheItem, 'key' | 'value'>;

const ITEM_ONLY: ReadonlySet<string> = new Set(['key', 'value']);

export async function storeOne(port: CachePort, operation: string, key: string, value: unknown, options: SetOptions | undefined): Promise<void> {
  const o = options === undefined ? port.base : callOptions(port.base, options);
  const one = new Storing(port, operation, key, encode(port, value), o);
  one.check();
  if (one.isOpen) await storeAll([one]);
  else await one.stored(one.call(false));
}

export async function storeMany(port: CachePort, items: readonly unknown[]): Promise<void> {
  const ready = new Map<string, Storing>();
  items.forEach((item, i) => {
    if (typeof item !== 'object' || item === null) badOption(`items[${i}]`, 'an object { key, value, ttl?, tags? }', item);
    const { key, value } = item as CacheItem;
    checkText(`items[${i}].key`, key);
    const options = Object.fromEntries(Object.entries(item).filter(([name]) => !ITEM_ONLY.has(name)));
    ready.set(key, new Storing(port, 'setMany', key, encode(port, value), callOptions(port.base, options, `items[${i}]`)));
  });
  await storeAll([...ready.values()]);
}

function encode(port: CachePort, value: unknown): Payload {
  if (value === undefined) badOption('value', 'something that JSON can carry', value);
  return payloadOf(port, value);
}

/** Stores all, or refuses all because one is too long. */
async function storeAll(all: readonly Storing[]): Promise<void> {
  for (const one of all) one.check();
  if (!all.some((one) => one.isOpen)) {
    await settled(all.map((one) => one.stored(one.call(false))));
    return;
  }
  const calls = all.map((one) => one.call(true));
  const found = (await Promise.all(all.map((one) => Promise.resolve(one.excess)))).find((excess) => excess !== undefined);
  for (const call of calls) all[0].port.driver.word(call, found === undefined);
  if (found !== undefined) all[0].refuse(found);
  await settled(all.map((one, i) => one.stored(calls[i])));
}

/** Waits for all, then throws the first error. */
async function settled(all: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(all)) if (result.status === 'rejected') throw result.reason;
}

/**
 * One value on its way. It crosses when it is called, so that it is stored as it is now and before what is called next. Where the server has to be asked
 * whether it takes so long a value, the core waits with it for our word.
 */
class Storing {
  readonly excess: Excess | undefined | Promise<Excess | undefined>;

  constructor(
    readonly port: CachePort,
    private readonly operation: string,
    private readonly key: string,
    private readonly payload: Payload,
    private readonly o: CallOptions,
  ) {
    const excess = excessOf(port.limit, payload);
    // Of what is not stored, the server does not see the length.
    this.excess = excess instanceof Promise && this.isUncached ? undefined : excess;
  }

  /** Whether the server has to be asked. */
  get isOpen(): boolean {
    return this.excess instanceof Promise;
  }

  /** Throws for a value that is too long, as far as that is known. */
  check(): void {
    const { excess } = this;
    if (excess !== undefined && !(excess instanceof Promise)) this.refuse(excess);
  }

  refuse(excess: Excess): never {
    const { port, operation } = this;
    port.counters.writeErrors++;
    throw tooLarge(operation, port.driver.node, excess);
  }

  /** The call of the core. With tags, where these are switched off, nothing is stored and what is there goes. */
  call(awaitsWord: boolean): Call {
    const { port, key, payload, o } = this;
    const { driver, repo, packing } = port;
    const { rules } = o;
    const own = rules === undefined ? o : { ...o, ttl: jittered(o.ttl, rules) };
    if (!this.isUncached) return driver.set(repo, key, payload, own, awaitsWord ? `${packing}?` : packing);
    return driver.delete(repo, [key]);
  }

  private get isUncached(): boolean {
    return isUncached(this.port, this.o.tags);
  }

  async stored(call: Call): Promise<void> {
    await written(this.port, this.operation, call);
    if (!this.isUncached) this.port.counters.writes++;
  }
}

export async function invalidated(port: CachePort, operation: string, call: Call): Promise<number> {
  const count = await written(port, operation, call, 'invalidations');
  port.counters.invalidations++;
  return count;
}

/**
 * The number in a write's answer. The error is made here, in an async function that the caller awaits, so that its stack contains the
 * caller.
 */
async function written(port: CachePort, operation: string, call: Call, kind: 'writes' | 'invalidations' = 'writes'): Promise<number> {
  await call.next();
  if (call.kind === Decision.Error) {
    const error = call.error(operation, port.driver.node);
    port.counters.writeErrors++;
    if (error.kept === true) port.counters.pendingInvalidations++;
    throw error;
  }
  answered(port, call, port.registration.times[kind]);
  return call.count;
}
