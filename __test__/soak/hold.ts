/** Makes loops stand still for a moment: a step begins only while nobody holds, and a holder waits for the steps that have begun. */
import { until } from '../helpers/until';

export class Hold {
  private held: Promise<void> | undefined;
  private steps = 0;

  async step(run: () => Promise<void>): Promise<void> {
    while (this.held) await this.held;
    this.steps++;
    try {
      await run();
    } finally {
      this.steps--;
    }
  }

  async during(run: () => Promise<void>): Promise<void> {
    let release!: () => void;
    this.held = new Promise((resolve) => (release = resolve));
    try {
      await until(() => this.steps === 0, { deadlineMs: 30_000, what: 'the loops to stand still' });
      await run();
    } finally {
      this.held = undefined;
      release();
    }
  }
}
