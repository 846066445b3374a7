/**
 * The terminal of the live view: another screen without a cursor, keys as they are pressed. Whatever ends the process, the terminal is as it was: `leave`
 * runs at the end, at every exit, before an uncaught error is printed, and around a stop by Ctrl+Z.
 */
import { writeSync } from 'node:fs';
import type { Context } from '../context';

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
/** The descriptor of standard output. */
const STDOUT = 1;
const CTRL_C = '\u0003';
const CTRL_Z = '\u001a';
/** Exit codes of signals that end a process, as shells count them. */
const FATAL = { SIGHUP: 129, SIGQUIT: 131 } as const;

/** How the user ends the view. */
export type Key = 'quit' | 'interrupt';

export class Screen {
  private isOpen = false;
  private readonly leave = (): void => this.close();
  private readonly suspend = (): void => this.stop();
  private readonly resume = (): void => this.open();
  private readonly fatal = Object.entries(FATAL).map(([signal, code]) => [signal as NodeJS.Signals, () => process.exit(code)] as const);

  constructor(
    private readonly context: Context,
    private readonly onKey: (key: Key) => void,
  ) {}

  /** Whether the streams are a terminal that has another screen. */
  static fits({ stdout, env }: Context): boolean {
    return stdout.isTTY && env.TERM !== 'dumb';
  }

  get columns(): number {
    return this.context.stdout.columns || 80;
  }

  get rows(): number {
    return this.context.stdout.rows || 24;
  }

  start(onResize: () => void): void {
    process.on('exit', this.leave).on('uncaughtExceptionMonitor', this.leave).on('SIGTSTP', this.suspend).on('SIGCONT', this.resume);
    for (const [signal, end] of this.fatal) process.on(signal, end);
    this.context.stdout.on('resize', onResize);
    this.context.stdin.on('data', this.onData).on('end', this.onEnd).on('error', this.onEnd);
    this.open();
  }

  /** The lines from the top of the screen on; what does not fit is cut. */
  draw(lines: readonly string[]): void {
    if (!this.isOpen) return;
    const text = lines.slice(0, this.rows).map((line) => `${[...line].slice(0, this.columns).join('')}\u001b[K`);
    this.context.stdout.write(`\u001b[H${text.join('\r\n')}\u001b[J`);
  }

  end(): void {
    this.close();
    process.off('exit', this.leave).off('uncaughtExceptionMonitor', this.leave).off('SIGTSTP', this.suspend).off('SIGCONT', this.resume);
    for (const [signal, end] of this.fatal) process.off(signal, end);
    this.context.stdin.off('data', this.onData).off('end', this.onEnd).off('error', this.onEnd);
    this.context.stdin.pause();
  }

  private readonly onData = (data: Buffer): void => {
    const keys = data.toString('latin1');
    if (keys.includes(CTRL_Z)) process.kill(process.pid, 'SIGTSTP');
    if (keys.includes(CTRL_C)) this.onKey('interrupt');
    else if (/^q$/i.test(keys)) this.onKey('quit');
  };

  /** The terminal has gone. */
  private readonly onEnd = (): void => {
    if (this.context.stdin.isTTY) this.onKey('quit');
  };

  private open(): void {
    if (this.isOpen) return;
    this.isOpen = true;
    if (this.context.stdin.isTTY) this.context.stdin.setRawMode(true).resume();
    this.write(ENTER);
  }

  private close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    try {
      if (this.context.stdin.isTTY) this.context.stdin.setRawMode(false);
    } catch {
      // The terminal has gone.
    }
    this.write(LEAVE);
  }

  private stop(): void {
    this.close();
    process.kill(process.pid, 'SIGSTOP');
  }

  /** At once: nothing that is written later leaves a process that exits. */
  private write(text: string): void {
    try {
      writeSync(STDOUT, text);
    } catch {
      this.context.stdout.write(text);
    }
  }
}
