/** One call of the cache on its way through the engine, and one load that it may have to run. */
import { HawserError, type HawserErrorDetails } from '../errors';
import { CallLetter, Decision, Hit } from '../contract.generated';
import { errorAt } from '../core_error';

/** How a load ended, for those who joined it. Absent while it runs. */
export interface LoadOutcome {
  error?: unknown;
  /** The value's text, where the value must not be stored although the load went well. */
  payload?: string;
}

export interface Load {
  readonly id: number;
  outcome?: LoadOutcome;
}

/** Who has the call: the engine (a reply or a deadline is due), somebody else's load, its own loader, the engine again with the value. */
export type Phase = 'asked' | 'waiting' | 'loading' | 'storing' | 'over';

/** Operations that are kept and repeated when they could not be delivered. */
const INVALIDATIONS = new Set<string>([CallLetter.Delete, CallLetter.InvalidateTags]);

// Promises are made without a closure per call: the executor leaves `resolve` here.
let resolveOfLast: (call: Call) => void;
const executor = (resolve: (call: Call) => void): void => {
  resolveOfLast = resolve;
};

/**
 * A call and the decision that it received last. `await call.next()` gives the next decision; those that arrive unasked wait in a
 * queue. The same object is handed out every time: read `kind`, `a` and `b` before asking again.
 */
export class Call {
  kind = -1 as Decision;
  a: unknown = undefined;
  b = 0;
  phase: Phase = 'asked';
  /** Set by a group that acts when a call starts to wait (`getOrSetMany`); all others are not woken for it. */
  onWaiting: (() => void) | undefined = undefined;
  /** Monotonic milliseconds at which it was issued; 0 unless commands are monitored. */
  startedAt = 0;
  private resolve: ((call: Call) => void) | undefined = undefined;
  private early: [kind: Decision, a: unknown, b: number][] | undefined = undefined;
  private refreshLoad: Load | undefined = undefined;
  private refresher: ((load: Load) => void) | undefined = undefined;

  constructor(
    readonly id: number,
    /** The operation's letter on the wire. */
    readonly operation: string,
  ) {}

  /** Resolves with this call at its next decision. */
  next(): Promise<Call> {
    const promise = new Promise<Call>(executor);
    const first = this.early?.shift();
    if (first) {
      [this.kind, this.a, this.b] = first;
      resolveOfLast(this);
    } else {
      this.resolve = resolveOfLast;
    }
    return promise;
  }

  /** For the driver: a decision has arrived. */
  decided(kind: Decision, a: unknown, b: number): void {
    const { resolve } = this;
    if (resolve === undefined) {
      (this.early ??= []).push([kind, a, b]);
      return;
    }
    this.resolve = undefined;
    this.kind = kind;
    this.a = a;
    this.b = b;
    resolve(this);
  }

  /** What a hit counts as. */
  get hit(): Hit {
    return this.b;
  }

  get isStaleHit(): boolean {
    return this.kind === Decision.Hit && this.hit === Hit.Stale;
  }

  /** What runs the loader should the engine decide on a refresh; it may have done so already. */
  onRefresh(run: (load: Load) => void): void {
    const { refreshLoad } = this;
    if (refreshLoad === undefined) this.refresher = run;
    else run(refreshLoad);
  }

  /** For the driver: the engine has decided on a refresh. */
  refresh(load: Load): void {
    const { refresher } = this;
    if (refresher === undefined) this.refreshLoad = load;
    else refresher(load);
  }

  /** The error of a decision of kind `error`. Made by whoever awaits the call, so that its stack leads to the caller's line. */
  error(command: string, node: string): HawserError {
    const { code, message = code, maybeExecuted } = errorAt(this.a as unknown[], 0);
    const details: HawserErrorDetails = { command, node };
    if (maybeExecuted) details.maybeExecuted = true;
    if (INVALIDATIONS.has(this.operation)) details.kept = this.b === 1;
    return new HawserError(code, `cache ${command} at ${node}: ${message}`, details);
  }
}
