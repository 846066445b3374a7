/**
 * The time limits of a call that waits for the loader of another one. They count from its first wait, also where it starts again and waits for
 * a further loader.
 */
import { clearTimeout, setTimeout } from '../clock';
import type { LoadRules } from './rules';

const now = performance.now.bind(performance);

export class WaitLimits {
  private readonly timers = new Set<NodeJS.Timeout>();
  private beganAt: number | undefined;

  constructor(
    private readonly rules: LoadRules,
    private readonly soften: () => void,
    private readonly giveUp: (afterMs: number) => void,
  ) {}

  /** The call waits. */
  readonly begin = (): void => {
    if (this.timers.size > 0) return;
    const { softMs, hardMs } = this.rules;
    this.beganAt ??= now();
    if (softMs !== undefined) this.after(softMs, this.soften);
    if (hardMs !== undefined) this.after(hardMs, () => this.harden(hardMs));
  };

  private after(ms: number, act: () => void): void {
    const left = ms - now() + (this.beganAt ?? 0);
    this.timers.add(setTimeout(act, Math.max(0, left)));
  }

  /** A value that is kept for a loader that fails is better than an error. If there is one, it is here before the next timer, and ends the wait. */
  private harden(hardMs: number): void {
    this.soften();
    this.timers.add(setTimeout(() => this.giveUp(hardMs), 0));
  }

  /** The call does not wait any more: it has its answer, or runs its own loader, whose limits are its own. */
  end(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }
}

/** The limits of a call with these rules, if it has any. */
export function waitLimits(rules: LoadRules | undefined, soften: () => void, giveUp: (afterMs: number) => void): WaitLimits | undefined {
  return rules?.softMs === undefined && rules?.hardMs === undefined ? undefined : new WaitLimits(rules, soften, giveUp);
}
