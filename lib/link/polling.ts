/**
 * Decides whether a link polls its socket while it waits for replies, instead of letting the event loop sleep. Sleeping costs CPU time,
 * too: the kernel suspends the thread, the server's answer must wake it, and on a virtual machine waking a sleeping core is an exit to
 * the hypervisor. If a server answers within microseconds, polling is cheaper than sleeping; otherwise it is waste. So it is measured:
 * from time to time, short windows of both kinds are compared. Polling must have the lower product of the thread's CPU time and the elapsed
 * time per received byte, and may not take more CPU time: cores are what a process pays for.
 *
 * While a link polls, it writes the first command of an idle period at once (see `isOn`), which also keeps the server from sleeping.
 */
import { setImmediate } from '../clock';
import { native } from '../native';

/** The number of turns of the event loop without a reply after which a wait is too long for polling: about 50 us. */
const TURNS = 64;
/** Reads per window of a trial, and windows per trial; every other window polls. */
const WINDOW = 32;
const WINDOWS = 8;
/** No trial before this time in milliseconds, because compilation blurs early measurements; and reads between two looks at the clock until then. */
const WARM_MS = 300;
const WARM_REST = 1 << 8;
/** Reads between two trials: after a new outcome, and half as many more after each equal one. */
const FIRST_REST = 1 << 13;
const LAST_REST = 1 << 18;
/** After a new outcome, which may be a brief stall of the machine. */
const SHORT_REST = 1 << 9;
/** Polling is chosen if CPU time times elapsed time is at most this part of what sleeping takes, and CPU time no more than that. */
const MARGIN = 0.9;
/** A wait that was too long counts as this many reads; when such waits are ahead of the reads by this number, polling ends. */
const MISS = 4;
const MISSES = 64;

/** The thread's CPU time and the elapsed time. */
export interface Spent {
  cpu: number;
  time: number;
}

function spentByThread(): Spent {
  return { cpu: native.threadCpuTime(), time: performance.now() };
}

export class Polling {
  /** Whether to poll, and to write the first command of an idle link at once. */
  isOn: boolean;
  private choice: boolean;
  private isLooking = false;
  private turns = 0;
  private misses = 0;
  private bytes = 0;
  /** Reads until the next decision. */
  private left = WARM_REST;
  private rest = FIRST_REST;
  /** When the first read of this connection was counted, or -1. */
  private began = -1;
  /** Finished windows of the current trial, or -1. */
  private window = -1;
  private since: Spent = { cpu: 0, time: 0 };
  /** The best window of each kind, because other work of the process only makes windows worse: by CPU time, and by its product with the elapsed time. */
  private readonly cpu = [0, 0];
  private readonly product = [0, 0];
  /** The last trial disagreed with the current choice. */
  private isDoubted = false;

  /** `isWaiting` tells whether the server owes replies; `spent` reads two clocks, in any unit. */
  constructor(
    private isAllowed: boolean,
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

  /** `bytes` bytes were read. */
  onRead(bytes: number): void {
    this.turns = 0;
    if (this.misses > 0) this.misses--;
    this.bytes += bytes;
    if (--this.left === 0 && this.isAllowed) this.decide();
  }

  /** The connection is gone: the next one may lead elsewhere, and may have other options. */
  reset(isAllowed = this.isAllowed): void {
    this.isAllowed = isAllowed;
    this.rest = FIRST_REST;
    this.settle(this.isAllowed);
    this.began = -1;
    this.left = WARM_REST;
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
    if (this.isCold(now.time)) return;
    if (this.window === -1) {
      this.cpu.fill(Infinity);
      this.product.fill(Infinity);
    } else {
      const kind = this.window & 1;
      const cpu = (now.cpu - this.since.cpu) / this.bytes;
      this.cpu[kind] = Math.min(this.cpu[kind], cpu);
      this.product[kind] = Math.min(this.product[kind], (cpu * (now.time - this.since.time)) / this.bytes);
    }
    if (++this.window === WINDOWS) {
      this.conclude(this.product[1] < this.product[0] * MARGIN && this.cpu[1] <= this.cpu[0]);
      return;
    }
    this.isOn = (this.window & 1) === 1;
    this.since = now;
    this.bytes = 0;
    this.left = WINDOW;
  }

  /** Whether it is too early for a trial. */
  private isCold(time: number): boolean {
    if (this.began === -1) this.began = time;
    if (time - this.began >= WARM_MS) return false;
    this.left = WARM_REST;
    return true;
  }

  /** An outcome against the current choice must occur twice. */
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
