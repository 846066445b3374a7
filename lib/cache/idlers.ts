/** Those who wait until no call needs the engine any more. */
import { clearTimeout, setTimeout } from '../clock';

export class Idlers {
  private waiting: (() => void)[] = [];

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** Resolves at the next `wake`, at the latest after `ms`. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { waiting } = this;
      const timer = setTimeout(done, ms);
      function done(): void {
        clearTimeout(timer);
        const at = waiting.indexOf(done);
        if (at >= 0) waiting.splice(at, 1);
        resolve();
      }
      waiting.push(done);
    });
  }

  wake(): void {
    for (const done of [...this.waiting]) done();
  }
}
