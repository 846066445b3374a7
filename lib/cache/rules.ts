/** What applies to a loader and to what it brings: time limits, jitter, the life of `null`, tags taken from the value. */
import { badOption } from '../errors';
import { MAX_TIMER_MS } from '../clock';
import { isOptions } from '../names';
import { checkFunction, checkMs, checkNames, checkTtl } from './validate';

/** Time limits of a loader in milliseconds. */
export interface LoaderTimeouts {
  /**
   * After this time a caller gets the value that is being replaced, if there is one that `staleIfError` has kept. The loader goes on in the
   * background, and its result is stored. The loader of a group does so where there is such a value for each of its keys.
   */
  soft?: number | undefined;
  /**
   * After this time the loader counts as failed: its `context.signal` aborts, and its callers get the value that `staleIfError` has kept, or
   * reject with HawserError `E_LOADER_TIMEOUT`. A caller that waits for the loader of another one gets the same after this time; one that allows
   * more time than that other one did starts again when the other's time is over. Its waits count together.
   */
  hard?: number | undefined;
}

/** Takes the tags of an entry from its value. */
export type TagsFrom = (value: never, key: string) => readonly string[];

/** The rules in the form in which calls use them. Undefined where no rule is set. */
export interface LoadRules {
  readonly softMs: number | undefined;
  readonly hardMs: number | undefined;
  /** The part of the time to live that chance may cut off. */
  readonly jitter: number;
  /** The time to live of `null` in milliseconds. */
  readonly negativeTtl: number | undefined;
  readonly tagsFrom: TagsFrom | undefined;
}

/** The options that become rules. */
export interface RuleOptions {
  loaderTimeoutMs?: unknown;
  ttlJitter?: unknown;
  negativeTtl?: unknown;
  tagsFrom?: unknown;
}

const TIMEOUTS = new Set(['soft', 'hard']);
const ALLOWED = 'a number of milliseconds or an object with soft, hard or both';
const SOFT = { min: 0, max: MAX_TIMER_MS };
const HARD = { min: 1, max: MAX_TIMER_MS };

/** Checks the options and merges them with those of the repository. Errors: TypeError, RangeError. */
export function checkRules(path: string, { loaderTimeoutMs, ttlJitter, negativeTtl, tagsFrom }: RuleOptions, base?: LoadRules): LoadRules | undefined {
  if (loaderTimeoutMs === undefined && ttlJitter === undefined && negativeTtl === undefined && tagsFrom === undefined) return base;
  if (tagsFrom !== undefined) checkFunction(`${path}.tagsFrom`, tagsFrom);
  const limits = loaderTimeoutMs === undefined ? base : checkTimeouts(`${path}.loaderTimeoutMs`, loaderTimeoutMs);
  return {
    softMs: limits?.softMs,
    hardMs: limits?.hardMs,
    jitter: ttlJitter === undefined ? (base?.jitter ?? 0) : checkPart(`${path}.ttlJitter`, ttlJitter),
    negativeTtl: negativeTtl === undefined ? base?.negativeTtl : checkTtl(`${path}.negativeTtl`, negativeTtl),
    tagsFrom: tagsFrom === undefined ? base?.tagsFrom : (tagsFrom as TagsFrom),
  };
}

function checkTimeouts(path: string, value: unknown): Pick<LoadRules, 'softMs' | 'hardMs'> {
  if (typeof value === 'number') return { softMs: undefined, hardMs: checkMs(path, value, HARD) };
  if (!isOptions(value)) badOption(path, ALLOWED, value);
  const { soft, hard } = checkNames(path, value, TIMEOUTS);
  if (soft === undefined && hard === undefined) badOption(path, ALLOWED, value);
  const softMs = soft === undefined ? undefined : checkMs(`${path}.soft`, soft, SOFT);
  const hardMs = hard === undefined ? undefined : checkMs(`${path}.hard`, hard, HARD);
  if (softMs !== undefined && hardMs !== undefined && softMs > hardMs) badOption(`${path}.soft`, `at most ${path}.hard (${hardMs})`, softMs, RangeError);
  return { softMs, hardMs };
}

/** A part of a time: at least 0, less than 1. */
export function checkPart(path: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value < 1) return value;
  return badOption(path, 'a number from 0 to less than 1', value, RangeError);
}

/** What crosses with a `getOrSet` beside its times: `t` if its result brings tags, then the point of an early refresh in thousandths. */
export function extrasOf(early: number | undefined, rules: LoadRules | undefined): string {
  return `${rules?.tagsFrom === undefined ? '' : 't'}${early === undefined ? '' : String(Math.round(early * 1000))}`;
}

/** A time to live with its share of chance, in milliseconds as text. */
export function jittered(ttl: string, rules: LoadRules | undefined): string {
  const jitter = rules?.jitter ?? 0;
  return jitter === 0 ? ttl : String(Math.max(1, Math.round(Number(ttl) * (1 - jitter * Math.random()))));
}
