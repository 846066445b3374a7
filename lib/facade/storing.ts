/** The writes of a repository. It checks and serializes values before anything is sent, and makes errors where the caller awaits them. */
import { snapshot, type Payload } from '../cache/bytes';
import type { Call } from '../cache/call';
import { Decision } from '../contract.generated';
import { callOptions, type CacheOptions, type CallOptions } from '../cache/options';
import { payloadOf } from '../cache/payload';
import { warnTagsOff, type CachePort } from '../cache/port';
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
  let payload = encode(port, value);
  const fits = checkLength(port, operation, payload);
  if (fits !== undefined) {
    payload = snapshot(payload);
    await fits;
  }
  await store(port, operation, key, payload, o);
}

export async function storeMany(port: CachePort, items: readonly unknown[]): Promise<void> {
  const ready = new Map<string, { payload: Payload; o: CallOptions }>();
  items.forEach((item, i) => {
    if (typeof item !== 'object' || item === null) badOption(`items[${i}]`, 'an object { key, value, ttl?, tags? }', item);
    const { key, value } = item as CacheItem;
    checkText(`items[${i}].key`, key);
    const options = Object.fromEntries(Object.entries(item).filter(([name]) => !ITEM_ONLY.has(name)));
    ready.set(key, { payload: encode(port, value), o: callOptions(port.base, options, `items[${i}]`) });
  });
  const open = [...ready.values()].flatMap(({ payload }) => checkLength(port, 'setMany', payload) ?? []);
  if (open.length > 0) {
    for (const item of ready.values()) item.payload = snapshot(item.payload);
    await Promise.all(open);
  }
  const stored = await Promise.allSettled([...ready].map(([key, { payload, o }]) => store(port, 'setMany', key, payload, o)));
  for (const result of stored) if (result.status === 'rejected') throw result.reason;
}

function encode(port: CachePort, value: unknown): Payload {
  if (value === undefined) badOption('value', 'something that JSON can carry', value);
  return payloadOf(port, value);
}

/** Throws for a value that is too long. Only a long value has to wait for the server's limit. */
function checkLength(port: CachePort, operation: string, payload: Payload): Promise<void> | undefined {
  const excess = excessOf(port.limit, payload);
  if (excess === undefined) return undefined;
  const refuse = (found: Excess | undefined): void => {
    if (found === undefined) return;
    port.counters.writeErrors++;
    throw tooLarge(operation, port.driver.node, found);
  };
  if (excess instanceof Promise) return excess.then(refuse);
  refuse(excess);
  return undefined;
}

async function store(port: CachePort, operation: string, key: string, payload: Payload, o: CallOptions): Promise<void> {
  if (o.tags.length > 0 && !port.tags) {
    warnTagsOff(port);
    await written(port, operation, port.driver.delete(port.repo, [key]));
    return;
  }
  const { rules } = o;
  await written(port, operation, port.driver.set(port.repo, key, payload, rules === undefined ? o : { ...o, ttl: jittered(o.ttl, rules) }));
  port.counters.writes++;
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
  answered(port, call, kind);
  return call.count;
}
