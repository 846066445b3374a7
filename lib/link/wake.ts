/** The timer of a link or of the cache's engine. The core decides when it fires. */
import { clearTimeout, MAX_TIMER_MS, setImmediate, setTimeout } from '../clock';

const now = performance.now.bind(performance);
const nothing = (): void => {};

/**
 * Wakes the core at the time it asked for. Replies in the socket are read first, so that a busy thread does not time out replies that
 * have arrived.
 */
export class WakeTimer {
  private timer: NodeJS.Timeout | undefined = undefined;
  private due = 0;
  private holds = true;
  /** The timer has fired, and the event loop is turning, which reads the socket. */
  private looking: NodeJS.Immediate | undefined = undefined;

  constructor(private readonly wake: () => void) {}

  /**
   * Sets the timer to `ms` from now; negative: never. A timer that would fire too early stays, because waking is cheap and asks again.
   * All `due` times use one clock. With `holds`, the timer keeps the process alive.
   */
  arm(ms: number, holds: boolean, due = now() + ms): void {
    if (this.looking !== undefined) return this.hold(holds);
    if (ms < 0) return this.stop();
    if (this.timer === undefined || due < this.due - 1) {
      this.stop();
      this.timer = setTimeout(WakeTimer.fired, Math.min(MAX_TIMER_MS, Math.max(1, Math.ceil(ms))), this);
      this.due = due;
      this.holds = true;
    }
    this.hold(holds);
  }

  /** Whether the timer keeps the process alive. */
  hold(holds: boolean): void {
    if (holds === this.holds) return;
    this.holds = holds;
    const pending = this.looking ?? this.timer;
    if (holds) pending?.ref();
    else pending?.unref();
  }

  stop(): void {
    if (this.timer !== undefined) clearTimeout(this.timer);
    this.timer = undefined;
  }

  private static readonly fired = (self: WakeTimer): void => {
    self.timer = undefined;
    self.looking = setImmediate(WakeTimer.looked, self);
    if (self.holds) return;
    // Work that does not keep the process alive must not do so for this turn either. A timer ends the wait for sockets instead.
    self.looking.unref();
    setTimeout(nothing, 1).unref();
  };

  private static readonly looked = (self: WakeTimer): void => {
    self.looking = undefined;
    self.wake();
  };
}
