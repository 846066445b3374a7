/**
 * Tiers: kinds of data, each with the times that hold for all of it, on the server and in the browser. This folder depends on nothing of Node, so
 * that a browser can have the same definitions.
 */
import { badOption } from '../errors';
import { isOptions, ownOptions } from '../names';

/** How a browser treats data of a tier. Times are in seconds. */
export interface BrowserTier {
  /** How long fetched data counts as fresh. 0 or more; `Infinity`: until it is invalidated. */
  staleTime: number;
  /** How long data without a reader is kept. At least `staleTime`, unless that is infinite. Default: five minutes, or `staleTime` if that is longer. */
  gcTime?: number | undefined;
  /** Whether data may be stored on the user's disk. Default false. */
  persist?: boolean | undefined;
}

/** The definition of a tier. Times are in seconds. */
export interface TierOptions {
  /** How long entries live: from 0.001 to ten years. Every tier has either `ttl` or `direct`. */
  ttl?: number | undefined;
  /** Data of this tier is never cached on the server: each read runs its loader. */
  direct?: boolean | undefined;
  /** From this age on, an entry is returned and refreshed in the background. At most `ttl`. */
  staleAfter?: number | undefined;
  /** How long an entry is kept after its time to live, to be returned if the loader fails. */
  staleIfError?: number | undefined;
  /** Tags of every entry, beside those of the call. */
  tags?: readonly string[] | undefined;
  /** As the option of a repository. */
  nearCache?: { maxBytes: number; maxTtlMs?: number | undefined; share?: 'copy' | 'frozen' | undefined } | false | undefined;
  /** The share of reads that should be hits, from 0 to 1. `CacheMetrics.missedTargets()` tells which tiers stay below. */
  target?: number | undefined;
  /** How a browser treats the data. Default: it has no times for it. */
  browser?: BrowserTier | undefined;
}

/** A defined tier. */
export interface Tier<N extends string = string> extends Readonly<Omit<TierOptions, 'tags' | 'browser'>> {
  readonly name: N;
  readonly tags: readonly string[];
  readonly browser: (Readonly<BrowserTier> & { readonly gcTime: number; readonly persist: boolean }) | undefined;
}

/** Tiers by name. */
export type Tiers<N extends string = string> = { readonly [K in N]: Tier<K> };

const DEFINED = Symbol.for('hawser.tier');
const TIER = new Set(['ttl', 'direct', 'staleAfter', 'staleIfError', 'tags', 'nearCache', 'target', 'browser']);
const BROWSER = new Set(['staleTime', 'gcTime', 'persist']);
const NEAR = new Set(['maxBytes', 'maxTtlMs', 'share']);
const MAX_SECONDS = 315_576_000;
const MIN_TTL_SECONDS = 0.001;
const GC_SECONDS = 300;

/**
 * Checks and freezes the definitions. Throws TypeError or RangeError with the path of what is wrong: `tiers.orders.ttl must be ...`.
 *
 *     const tiers = defineTiers({
 *       orders: { ttl: 300, target: 0.75, browser: { staleTime: 30 } },
 *       wallet: { direct: true, browser: { staleTime: 10 } },
 *     });
 *     const cache = new CacheRepository('orders', { tier: tiers.orders });
 */
export function defineTiers<const T extends Readonly<Record<string, TierOptions>>>(definitions: T): Tiers<Extract<keyof T, string>> {
  const own = optionsOf('tiers', definitions);
  const tiers = Object.create(null) as Record<string, Tier>;
  for (const [name, options] of Object.entries(own)) tiers[name] = tierOf(name, options);
  return Object.freeze(tiers) as Tiers<Extract<keyof T, string>>;
}

/** Throws TypeError for anything but a tier that `defineTiers` has made. */
export function checkTier(path: string, tier: unknown): asserts tier is Tier {
  if (typeof tier !== 'object' || tier === null || (tier as { [DEFINED]?: unknown })[DEFINED] !== true) badOption(path, 'a tier of defineTiers', tier);
}

/** Throws TypeError for anything but what `defineTiers` returns. */
export function checkTiers(path: string, tiers: unknown): asserts tiers is Tiers {
  const own = optionsOf(path, tiers);
  for (const [name, tier] of Object.entries(own)) checkTier(`${path}.${name}`, tier);
}

function tierOf(name: string, options: unknown): Tier {
  const path = `tiers.${name}`;
  const { ttl, direct, staleAfter, staleIfError, tags, nearCache, target, browser } = optionsOf(path, options, TIER);
  if (direct !== undefined && typeof direct !== 'boolean') badOption(`${path}.direct`, 'true or false', direct);
  if (direct === true) {
    for (const [what, value] of Object.entries({ ttl, staleAfter, staleIfError, nearCache, target })) {
      if (value !== undefined && value !== false) badOption(`${path}.${what}`, 'absent in a tier that is direct', value);
    }
  } else {
    checkNumber(`${path}.ttl`, ttl, { min: MIN_TTL_SECONDS, max: MAX_SECONDS }, 'a number of seconds from 0.001 to ten years');
    if (staleAfter !== undefined) checkNumber(`${path}.staleAfter`, staleAfter, { min: 0, max: ttl }, `a number of seconds from 0 to ${path}.ttl (${String(ttl)})`);
    if (staleIfError !== undefined) checkNumber(`${path}.staleIfError`, staleIfError, { min: 0, max: MAX_SECONDS }, 'a number of seconds from 0 to ten years');
  }
  if (target !== undefined) checkNumber(`${path}.target`, target, { min: 0, max: 1 }, 'a share from 0 to 1');
  const tier = { name, ttl, direct: direct ?? false, staleAfter, staleIfError, tags: tagsOf(`${path}.tags`, tags), nearCache: nearOf(`${path}.nearCache`, nearCache), target, browser: browserOf(`${path}.browser`, browser) };
  Object.defineProperty(tier, DEFINED, { value: true });
  return Object.freeze(tier) as Tier;
}

function tagsOf(path: string, tags: unknown): readonly string[] {
  if (tags === undefined) return [];
  if (!Array.isArray(tags)) badOption(path, 'an array of strings', tags);
  tags.forEach((tag: unknown, i) => {
    if (typeof tag !== 'string' || tag === '') badOption(`${path}[${i}]`, 'a non-empty string', tag);
  });
  return Object.freeze([...new Set(tags as string[])]);
}

function nearOf(path: string, nearCache: unknown): Tier['nearCache'] {
  if (nearCache === undefined || nearCache === false) return nearCache;
  const { maxBytes, maxTtlMs, share } = optionsOf(path, nearCache, NEAR);
  checkNumber(`${path}.maxBytes`, maxBytes, { min: 1, max: 2 ** 40 }, 'a positive number of bytes');
  if (maxTtlMs !== undefined) checkNumber(`${path}.maxTtlMs`, maxTtlMs, { min: 1, max: 86_400_000 }, 'a number of milliseconds from 1 to 86400000');
  if (share !== undefined && share !== 'copy' && share !== 'frozen') badOption(`${path}.share`, "'copy' or 'frozen'", share);
  return Object.freeze({ maxBytes, maxTtlMs, share });
}

function browserOf(path: string, browser: unknown): Tier['browser'] {
  if (browser === undefined) return undefined;
  const { staleTime, gcTime, persist } = optionsOf(path, browser, BROWSER);
  checkNumber(`${path}.staleTime`, staleTime, { min: 0, max: Infinity }, 'a number of seconds from 0, or Infinity');
  const least = staleTime === Infinity ? 0 : staleTime;
  if (gcTime !== undefined) checkNumber(`${path}.gcTime`, gcTime, { min: least, max: Infinity }, `a number of seconds from ${path}.staleTime (${least}), or Infinity`);
  if (persist !== undefined && typeof persist !== 'boolean') badOption(`${path}.persist`, 'true or false', persist);
  return Object.freeze({ staleTime, gcTime: gcTime ?? Math.max(GC_SECONDS, staleTime), persist: persist ?? false });
}

function checkNumber(path: string, value: unknown, { min, max }: { min: number; max: number }, allowed: string): asserts value is number {
  if (typeof value !== 'number' || !(value >= min && value <= max)) badOption(path, allowed, value, typeof value === 'number' ? RangeError : TypeError);
}

function optionsOf(path: string, options: unknown, known?: ReadonlySet<string>): Record<string, unknown> {
  if (!isOptions(options)) badOption(path, 'an object', options);
  const own = ownOptions(options) as Record<string, unknown>;
  if (known === undefined) return own;
  for (const name of Object.keys(own)) {
    if (!known.has(name)) throw Object.assign(new TypeError(`${path}.${name} is not an option; there are: ${[...known].join(', ')}`), { code: 'E_BAD_OPTION' });
  }
  return own;
}
