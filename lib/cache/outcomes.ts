/** Reports to the engine how loaders end. Every load ends with one of them. `call` is the caller that waits for the loader, if one does. */
import type { Call, Load, LoadOutcome } from './call';
import { CallLetter } from '../contract.generated';
import { formOf, type Payload } from './bytes';
import type { ResultOptions } from './result_options';

/** The part of a driver that reports. */
interface Reporter {
  report(call: Call | undefined, letter: string, args: readonly Payload[]): void;
}

const NO_OPTIONS: ResultOptions = { ttl: '', keep: '', fresh: '', tags: [] };

/** A value, how to compress it, and what the loader says about it. */
export function loaded(driver: Reporter, call: Call | undefined, load: Load, payload: Payload, packing = '', options?: ResultOptions): void {
  if (options === undefined) return driver.report(call, CallLetter.Loaded, [String(load.id), formOf(payload, packing), payload]);
  const { ttl, keep, fresh, tags } = options;
  driver.report(call, CallLetter.LoadedOn, [String(load.id), ttl, keep, fresh, formOf(payload, packing), payload, ...tags]);
}

/** The value that was to be replaced is still the right one. */
export function kept(driver: Reporter, call: Call | undefined, load: Load, { ttl, keep, fresh, tags }: ResultOptions = NO_OPTIONS): void {
  driver.report(call, CallLetter.Unmodified, [String(load.id), ttl, keep, fresh, ...tags]);
}

/** `undefined`. */
export function loadedNothing(driver: Reporter, call: Call | undefined, load: Load): void {
  driver.report(call, CallLetter.LoadedNothing, [String(load.id)]);
}

/**
 * The loader failed, so that joiners fail with the same error; or its value must not be stored, so that joiners get the payload; or, without an
 * outcome, nobody ran it, so that joiners load on their own.
 */
export function loadFailed(driver: Reporter, call: Call | undefined, load: Load, outcome?: LoadOutcome): void {
  if (outcome !== undefined) load.outcome = outcome;
  driver.report(call, CallLetter.LoadFailed, [String(load.id)]);
}
