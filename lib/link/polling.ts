/**
 * Whether a link polls its socket while it waits for replies, instead of letting the event loop sleep. A sleep costs CPU too: the kernel puts
 * the thread down, the server's answer has to wake it, and on a virtual machine waking a sleeping core is an exit to the hypervisor. Where a
 * server answers within microseconds, looking again is cheaper than sleeping; where it does not, it is waste. So it is measured: now and then
 * a few short windows of either kind are compared by the CPU time that the thread used per byte received, times the time that passed (the
 * energy-delay product: being done twice as fast may cost twice the CPU time, and not more).
 *
 * While it polls, the first command of an idle link is written at once (`isOn` tells the link), which keeps the server from sleeping as well.
 */
import { setImmediate } from '../clock';
import { native } from '../native';

/** Turns of the event loop without a reply after which a wait has become too long to be polled through: about 50 us. */
const TURNS = 64;
/** Reads in one window of a trial, and windows in a trial: every other one polls. */
const WINDOW = 32;
const WINDOWS = 8;
/** Reads between two trials: at first (code is being compiled then, which blurs what is measured), and half as many more with each same outcome. */
const FIRST_REST = 1 << 13;
const LAST_REST = 1 << 18;
/** Where an outcome is new: it may be a passing stall of the machine's. */
const SHORT_REST = 1 << 9;
/** Polling has to be better by this much to be chosen. */
const MARGIN = 0.9;
/** A wait that was too long counts for so many reads; ahead of the reads by so many, they end it. */
const MISS = 4;
const MISSES = 64;

/** CPU time of the thread, and time. */
export interface Spent {
  cpu: number;
  time: number;
}

function spentByThread(): Spent {
  return { cpu: native.threadCpuTime(), time: performance.now() };
}

export class Polling {
  /** Polls, and wants the first command of an idle link at once. */
  isOn: boolean;
  private choice: boolean;
  private isLooking = false;
  private turns = 0;
  private misses = 0;
  private bytes = 0;
  /** Reads until the next decision. */
  private left = FIRST_REST;
  private rest = FIRST_REST;
  /** Of the trial that is on: windows that are over, or -1. */
  private window = -1;
  private since: Spent = { cpu: 0, time: 0 };
  /** The best window of either kind: what else the process does makes windows worse only. */
  private readonly cost = [0, 0];
  /** The last trial spoke against the choice. */
  private isDoubted = false;

  /** `isWaiting` tells whether the server owes replies; `spent` has two clocks, in any unit. */
  constructor(
    private readonly isAllowed: boolean,
    private readonly isWaiting: () => boolean,
    private readonly spent: () => Spent = spentByThread,
  ) {
    this.isOn = this.choice = isAllowed;
  }

  /** Something was written. */
  onWrite(): void {
    if (!this.isOn || this.isLooking) return;
    this.isLooking = true;
    this.turns = 0;
    setImmediate(look, this);
  }

  /** So many bytes were read. */
  onRead(bytes: number): void {
    this.turns = 0;
    if (this.misses > 0) this.misses--;
    this.bytes += bytes;
    if (--this.left === 0 && this.isAllowed) this.decide();
  }

  /** The connection is gone: the next one may lead elsewhere. */
  reset(): void {
    this.rest = FIRST_REST;
    this.settle(this.isAllowed);
  }

  /** @internal One turn of the event loop. */
  look(): void {
    if (this.isOn && this.isWaiting()) {
      if (this.turns++ < TURNS) {
        setImmediate(look, this);
        return;
      }
      this.misses += MISS;
      if (this.misses > MISSES) {
        this.rest = this.choice ? SHORT_REST : this.longerRest();
        this.settle(false);
      }
    }
    this.isLooking = false;
  }

  private decide(): void {
    const now = this.spent();
    if (this.window === -1) {
      this.cost.fill(Infinity);
    } else {
      const kind = this.window & 1;
      this.cost[kind] = Math.min(this.cost[kind], ((now.cpu - this.since.cpu) * (now.time - this.since.time)) / this.bytes ** 2);
    }
    if (++this.window === WINDOWS) {
      this.conclude(this.cost[1] < this.cost[0] * MARGIN);
      return;
    }
    this.isOn = (this.window & 1) === 1;
    this.since = now;
    this.bytes = 0;
    this.left = WINDOW;
  }

  /** An outcome against the choice that stands has to come twice. */
  private conclude(isBetter: boolean): void {
    const isSame = isBetter === this.choice;
    const isDoubted = !isSame && !this.isDoubted;
    this.rest = isSame ? this.longerRest() : isDoubted ? SHORT_REST : FIRST_REST;
    this.settle(isDoubted ? this.choice : isBetter);
    this.isDoubted = isDoubted;
  }

  private longerRest(): number {
    return Math.min(this.rest + (this.rest >> 1), LAST_REST);
  }

  private settle(isOn: boolean): void {
    this.isOn = this.choice = isOn;
    this.isDoubted = false;
    this.window = -1;
    this.left = this.rest;
    this.misses = 0;
  }
}

function look(polling: Polling): void {
  polling.look();
}
