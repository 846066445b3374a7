/** Notices nodes that take commands and do not answer, so that the map is asked of another one. */
import { clearTimeout, setTimeout } from '../clock';
import type { Command } from '../command/command';
import { LIFE } from '../command/command_defaults';
import type { Pool } from './pool';

/** A command that is due at two looks in a row has waited for at least this time. */
const LOOK_MS = 500;

export class Silence {
  private timer: NodeJS.Timeout | undefined = undefined;
  /** By node: the command that was due at the last look. */
  private due: (Command | undefined)[] = [];

  constructor(
    private readonly pool: Pool,
    private readonly onSilent: (node: number) => void,
  ) {}

  start(): void {
    if (this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.look();
      this.start();
    }, LOOK_MS);
    this.timer.unref();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.due = [];
  }

  private look(): void {
    const former = this.due;
    this.due = this.pool.byNumber.map((redis) => (redis?.status === 'ready' ? redis[LIFE].link?.due() : undefined));
    this.due.forEach((command, node) => {
      if (command !== undefined && command === former[node]) this.onSilent(node);
    });
  }
}
