/**
 * Node in a separate process with a deadline, for specs about how a process ends and for several processes on one server.
 * Snippets run in the repository's root, so `require('hawser')` and `import ... from 'hawser'` find the package itself.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { clearRealTimeout, nowMs, setRealTimeout } from './clock';
import { until } from './until';

export const ROOT = path.join(__dirname, '..', '..');

export interface NodeOptions {
  /** After this time the process is killed and `timedOut` is set. Default 15000. */
  deadlineMs?: number;
  /** Added to this process's environment; `undefined` takes a variable out. */
  env?: Record<string, string | undefined>;
  args?: string[];
  /** Options of `node` itself: `['--expose-gc']`. */
  nodeArgs?: string[];
  cwd?: string;
  /** A snippet is CommonJS unless this is set. */
  esm?: boolean;
}

export interface NodeResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  timedOut: boolean;
  durationMs: number;
}

/** A running Node process. */
export class NodeProcess {
  stdout = '';
  stderr = '';
  /** Resolves when the process has ended and its output is complete. Never rejects. */
  readonly done: Promise<NodeResult>;
  readonly child: ChildProcess;

  constructor(script: string, options: NodeOptions = {}) {
    const { deadlineMs = 15_000, env, args = [], nodeArgs: given = [], cwd = ROOT, esm } = options;
    const nodeArgs = process.env.HAWSER_TEST_TRANSPORT ? ['--require', path.join(__dirname, 'transport.cjs'), ...given] : given;
    const isFile = !script.includes('\n') && (path.isAbsolute(script) || /\.[cm]?js$/.test(script)) && existsSync(path.resolve(cwd, script));
    const program = isFile ? [script] : [`--input-type=${esm ? 'module' : 'commonjs'}`, '-e', script, '--'];
    const started = nowMs();
    this.child = spawn(process.execPath, [...nodeArgs, ...program, ...args], {
      cwd,
      env: { ...process.env, NODE_OPTIONS: undefined, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.child.stdin!.on('error', () => undefined);
    let timedOut = false;
    const timer = setRealTimeout(() => {
      timedOut = true;
      this.child.kill('SIGKILL');
    }, deadlineMs);
    this.done = new Promise((resolve) => {
      this.child.once('error', (error) => (this.stderr += String(error)));
      this.child.once('close', (code, signal) => {
        clearRealTimeout(timer);
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr, timedOut, durationMs: nowMs() - started });
      });
    });
  }

  /** Resolves with the first full line of standard output that matches. Fails when the process ends without one. */
  line(pattern: RegExp, options: { deadlineMs?: number } = {}): Promise<string> {
    return until(
      () => {
        const found = this.stdout.split('\n').slice(0, -1).find((line) => pattern.test(line));
        if (found !== undefined) return found || ' ';
        if (this.child.exitCode !== null) throw new Error(`the process ended with ${this.child.exitCode}: ${this.stderr}`);
        return undefined;
      },
      { deadlineMs: options.deadlineMs ?? 10_000, what: `a line like ${pattern} from the process` },
    );
  }

  /** Writes a line to the process's standard input. */
  send(line: string): void {
    this.child.stdin!.write(`${line}\n`);
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<NodeResult> {
    this.child.kill(signal);
    return this.done;
  }
}

/** Runs a script file (an absolute path, or one that ends in .js, .mjs or .cjs) or a snippet to its end, without standard input. */
export function runNode(script: string, options: NodeOptions = {}): Promise<NodeResult> {
  const process = new NodeProcess(script, options);
  process.child.stdin!.end();
  return process.done;
}
