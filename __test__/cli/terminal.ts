/** A program on a pseudo-terminal (`terminal.py`): a spec presses keys, sends signals, and sees whether the terminal is left as it was. */
import { spawn, type ChildProcess } from 'node:child_process';
import * as path from 'node:path';
import { until } from '../helpers/until';

export interface TerminalEnd {
  code: number | null;
  signal: number | null;
  /** Whether the settings of the terminal (echo, line mode ...) are those from before. */
  isSame: boolean;
}

export class Terminal {
  /** All that the program has written. */
  out = '';
  pid = 0;
  private end: TerminalEnd | undefined;
  private rest = '';
  private readonly child: ChildProcess;
  private errors = '';

  /** `size`: rows and columns at the start. */
  constructor(args: string[], env: Record<string, string | undefined> = {}, size: [rows: number, columns: number] = [30, 100]) {
    this.child = spawn('python3', [path.join(__dirname, 'terminal.py'), process.execPath, require.resolve('../../dist/cli/main.js'), ...args], {
      env: { ...process.env, NODE_OPTIONS: undefined, TERM: 'xterm-256color', HAWSER_TERMINAL_SIZE: size.join(' '), ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => this.read(text));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    this.child.stdin!.on('error', () => undefined);
  }

  /** Resolves when the output from `from` on has a match. */
  async shows(pattern: RegExp, from = 0): Promise<void> {
    await until(() => pattern.test(this.out.slice(from)), { deadlineMs: 30_000, what: `the terminal to show ${pattern}: ${JSON.stringify(this.out.slice(-2000))} ${this.errors}` });
  }

  press(keys: string): void {
    this.child.stdin!.write(`key ${JSON.stringify(keys)}\n`);
  }

  send(signal: number): void {
    this.child.stdin!.write(`signal ${signal}\n`);
  }

  resize(rows: number, columns: number): void {
    this.child.stdin!.write(`resize ${rows} ${columns}\n`);
  }

  async ended(): Promise<TerminalEnd> {
    return until(() => this.end, { deadlineMs: 30_000, what: `the program on the terminal to end: ${this.errors}` });
  }

  stop(): void {
    this.child.stdin!.end();
    this.child.kill('SIGTERM');
  }

  private read(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      const said = JSON.parse(line) as { pid?: number; out?: string } & Partial<TerminalEnd>;
      if (said.pid !== undefined) this.pid = said.pid;
      else if (said.out !== undefined) this.out += said.out;
      else this.end = said as TerminalEnd;
    }
  }
}
