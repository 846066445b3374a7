/**
 * When values from this process's memory may be served: while the links that would tell of changes are proven alive, and their sockets were
 * looked at a moment ago. Otherwise a read lets the event loop turn first. So a thread that was blocked, a process that was stopped and a loop
 * of awaited hits serve nothing that was invalidated meanwhile.
 */
import { setImmediate } from '../clock';

/** How long values are served after a look at the sockets. */
const LOOK_EVERY_MS = 10;

const now = performance.now.bind(performance);

export class NearGate {
  /** Until when values may be served, in monotonic milliseconds. */
  private until = 0;
  /** What arrived before this moment has been read. */
  private lookedAt = -Infinity;
  private provenUntil = Infinity;
  private turning: Promise<void> | undefined;

  /** Whether values may be served now. */
  isOpen(): boolean {
    return now() < this.until;
  }

  /** The same for a caller that knows the time. */
  isOpenAt(at: number): boolean {
    return at < this.until;
  }

  /** The links are proven alive for so many milliseconds. */
  proven(ms: number): void {
    // Where nothing can fail, as without lanes.
    if (ms === Infinity && this.provenUntil === Infinity) return;
    this.provenUntil = now() + ms;
    this.update();
  }

  /** Resolves when the sockets have been looked at again. Whether values may be served then: not if a link is not proven alive. */
  async look(): Promise<boolean> {
    if (this.turning !== undefined) {
      // It may have looked before this call, and something may have taken the time since.
      await this.turning;
      if (this.isOpen()) return true;
    }
    await this.turn();
    return now() < this.provenUntil;
  }

  private turn(): Promise<void> {
    // The first callback may run behind sockets that were looked at before the turn began; the second one may not.
    this.turning ??= new Promise<void>((resolve) => {
      setImmediate(() => {
        const began = now();
        setImmediate(() => {
          this.lookedAt = began;
          this.turning = undefined;
          this.update();
          resolve();
        });
      });
    });
    return this.turning;
  }

  private update(): void {
    this.until = Math.min(this.lookedAt + LOOK_EVERY_MS, this.provenUntil);
  }
}
