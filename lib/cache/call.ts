/** One call of the cache on its way through the engine, and the load that it may have to run. */
import { HawserError, type HawserErrorDetails } from '../errors';
import { CallLetter, Decision, ErrorSlot, Hit } from '../contract.generated';
import { errorAt } from '../core_error';
import type { ParsedValue } from './parsed';
import type { Payload } from './bytes';
import type { Running } from './running';

/** How a load ended, for its joiners. Absent while it runs. */
export interface LoadOutcome {
  error?: unknown;
  /** The value as it would have been stored, if the load succeeded but its value must not be stored. Its readers share it. */
  payload?: Payload;
}

export interface Load extends Running {
  readonly id: number;
  outcome?: LoadOutcome;
}

/**
 * The holder of the call: the engine (a reply or a deadline is due), another load, its own loader, or the engine again with the value.
 */
export type Phase = 'asked' | 'waiting' | 'loading' | 'storing' | 'over';

/** Operations that are kept and repeated if they could not be delivered. */
const INVALIDATIONS = new Set<string>([CallLetter.Delete, CallLetter.InvalidateTags, CallLetter.Clear]);

const NOTHING = undefined as unknown as Call;

/** The kind of a call without a decision. */
export const UNDECIDED = -1 as Decision;

// The executor stores `resolve` here, so that a call's promise needs no closure.
let resolveOfLast: (call: Call) => void;
const executor = (resolve: (call: Call) => void): void => {
  resolveOfLast = resolve;
};

/**
 * A call and its latest decision. `await call.next()` returns the next decision; early decisions wait in a queue. It always returns the
 * same object, so read the decision before the next call.
 */
export class Call {
  kind = UNDECIDED;
  private operand: unknown = undefined;
  private detail = 0;
  phase: Phase = 'asked';
  /** Set by a group that acts when a call starts to wait (`getOrSetMany`); other calls are not woken for that. */
  onWaiting: (() => void) | undefined = undefined;
  /** The repository and the key of a `getOrSet`. */
  repo = 0;
  key = '';
  /** Whether it waits for a load, its own or another one, for a caller. */
  isWaiter = false;
  /** Whether its caller gave up while its loader was running. */
  isAbandoned = false;
  /** Whether it has been counted as a read. */
  isCounted = false;
  /** Whether the stored value could not be decoded and counts as missing. */
  isReplacing = false;
  /** How often its caller has started again. */
  rounds = 0;
  /** The start of the call in monotonic milliseconds; 0 unless commands are monitored. */
  startedAt = 0;
  /** When its batch was begun, in `micros()`. */
  askedAt = 0;
  /** When it began to wait for the load of another caller; 0 if it has not. */
  waitedAt = 0;
  /** Whether that was the load of another process. */
  waitsElsewhere = false;
  private resolve: ((call: Call) => void) | undefined = undefined;
  private isBare = false;
  private early: [kind: Decision, operand: unknown, detail: number][] | undefined = undefined;
  private refreshLoad: Load | undefined = undefined;
  private refresher: ((load: Load) => void) | undefined = undefined;

  constructor(
    readonly id: number,
    /** The letter of the operation in the crossing. */
    readonly operation: string,
  ) {}

  /** Resolves with this call at its next decision. */
  next(): Promise<Call> {
    const promise = new Promise<Call>(executor);
    const first = this.early?.shift();
    if (first) {
      [this.kind, this.operand, this.detail] = first;
      resolveOfLast(this);
    } else {
      this.resolve = resolveOfLast;
    }
    return promise;
  }

  /** As `next`, for callers who have the call: a promise looks for `then` in everything that it is resolved with, and in an object for long. */
  told(): Promise<unknown> {
    this.isBare = true;
    return this.next();
  }

  /** For the driver: a decision has arrived. */
  decided(kind: Decision, operand: unknown, detail: number): void {
    const { resolve } = this;
    if (resolve === undefined) {
      (this.early ??= []).push([kind, operand, detail]);
      return;
    }
    this.resolve = undefined;
    this.kind = kind;
    this.operand = operand;
    this.detail = detail;
    const answer = this.isBare ? NOTHING : this;
    this.isBare = false;
    resolve(answer);
  }

  /** The value of a hit as it is stored: its text or bytes (null if JavaScript cannot hold it), or its place among the parsed values. */
  get stored(): Payload | ParsedValue | null {
    return this.operand as Payload | ParsedValue | null;
  }

  /** How a hit is counted. */
  get hit(): Hit {
    return this.detail;
  }

  /** The load that this call has to run. */
  get load(): Load {
    return this.operand as Load;
  }

  /** Whether the load's value is to be offered to the store. */
  get isOffered(): boolean {
    return this.detail === 0;
  }

  /** How the load ended that this call had joined; absent if the load was abandoned. */
  get outcome(): LoadOutcome | undefined {
    return this.operand as LoadOutcome | undefined;
  }

  /** The number in the answer to an operation. */
  get count(): number {
    return typeof this.operand === 'number' ? this.operand : 0;
  }

  /** Whether the value of its own loader was stored. */
  get isStored(): boolean {
    return this.kind === Decision.Stored && this.detail === 1;
  }

  /** The list in the answer to an inspection. */
  get list(): unknown[] {
    return Array.isArray(this.operand) ? (this.operand as unknown[]) : [];
  }

  /** Whether it is a hit after which nothing follows. */
  get isLastHit(): boolean {
    return this.kind === Decision.Hit && !this.mayRefresh;
  }

  /** Whether it is a hit that a refresh by this caller's loader may follow. */
  get mayRefresh(): boolean {
    return this.kind === Decision.Hit && (this.hit === Hit.Stale || this.hit === Hit.Early);
  }

  /** Sets the function that runs the loader if the engine decides on a refresh, which may have happened already. */
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

  /**
   * The error of a decision of kind `error`. The function that awaits the call makes it, so that its stack contains the caller's line.
   */
  error(command: string, store: string): HawserError {
    const slots = this.operand as unknown[];
    const { code, message = code, maybeExecuted } = errorAt(slots, 0);
    const node = (slots[ErrorSlot.Node] as string | undefined) ?? store;
    const details: HawserErrorDetails = { command, node };
    if (maybeExecuted) details.maybeExecuted = true;
    if (INVALIDATIONS.has(this.operation)) details.kept = this.detail === 1;
    return new HawserError(code, `cache ${command} at ${node}: ${message}`, details);
  }
}
