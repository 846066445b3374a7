/** The time limits of a call that waits for the loader of another one. They begin with its first wait. */
import { clearTimeout, setTimeout } from '../clock';
import type { LoadRules } from './rules';

export class WaitLimits {
  private timers: NodeJS.Timeout[] | undefined;

  constructor(
    private readonly rules: LoadRules,
    private readonly soften: () => void,
    private readonly giveUp: (afterMs: number) => void,
  ) {}

  /** The call waits. */
  readonly begin = (): void => {
    if (this.timers !== undefined) return;
    const { softMs, hardMs } = this.rules;
    this.timers = [];
    if (softMs !== undefined) this.timers.push(setTimeout(this.soften, softMs));
    if (hardMs !== undefined) this.timers.push(setTimeout(() => this.giveUp(hardMs), hardMs));
  };

  /** The call does not wait any more: it has its answer, or runs its own loader, whose limits are its own. */
  end(): void {
    for (const timer of this.timers ?? []) clearTimeout(timer);
    this.timers = [];
  }
}
