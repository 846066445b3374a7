/** The worker processes: started, killed, stopped, and started again. */
import { fork, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import type { ManagerOptions } from 'hawser';
import { nowMs, pause } from '../helpers/clock';
import type { Dice } from './dice';
import type { Progress, WorkerPlan } from './worker';

export interface FleetOptions {
  readonly workers: number;
  readonly sourcePort: number;
  readonly manager: ManagerOptions;
  /** Clocks of the workers: right, ten minutes fast, ten minutes slow, and so on. */
  readonly clocks: boolean;
  /** Every second worker has a near cache. */
  readonly near: boolean;
}

const RUNNER = path.join(__dirname, '..', 'helpers', 'typescript.cjs');
const WORKER = path.join(__dirname, 'worker.ts');
const CLOCKS = [undefined, '+10m', '-10m'];
/** A process that says nothing for so long hangs. */
const SILENCE_MS = 60_000;

export class Fleet {
  operations = 0;
  values = 0;
  writes = 0;
  readonly errors: Record<string, number> = {};
  readonly wrong: string[] = [];
  private readonly running = new Map<number, { child: ChildProcess; heardMs: number }>();
  private isOver = false;

  constructor(
    private readonly options: FleetOptions,
    private readonly dice: Dice,
  ) {
    for (let number = 0; number < options.workers; number++) this.launch(number);
  }

  /** Kills a process in the middle of whatever it does. Another one takes its place. */
  kill(): void {
    this.any().kill('SIGKILL');
  }

  async stopForAWhile(): Promise<void> {
    const child = this.any();
    child.kill('SIGSTOP');
    await pause(100 + this.dice.below(2000));
    child.kill('SIGCONT');
  }

  /** Adds what hangs to what is wrong. */
  check(): void {
    for (const [number, { heardMs }] of this.running) {
      if (nowMs() - heardMs > SILENCE_MS) this.wrong.push(`process ${number} has said nothing for ${SILENCE_MS / 1000} s`);
    }
  }

  /** Lets every process finish what it does. */
  async end(): Promise<void> {
    this.isOver = true;
    const left = [...this.running.values()].map(({ child }) => new Promise((resolve) => child.once('exit', resolve)));
    for (const { child } of this.running.values()) child.send('end', () => undefined);
    const late = pause(30_000).then(() => {
      for (const [number, { child }] of this.running) {
        this.wrong.push(`process ${number} does not end`);
        child.kill('SIGKILL');
      }
    });
    await Promise.race([Promise.all(left), late]);
  }

  private any(): ChildProcess {
    return this.dice.pick([...this.running.values()]).child;
  }

  private launch(number: number): void {
    const { workers, sourcePort, manager, clocks, near } = this.options;
    const plan: WorkerPlan = { number, workers, seed: this.dice.below(2 ** 31), sourcePort, manager, near: near && number % 2 === 1 };
    const child = fork(RUNNER, [WORKER, JSON.stringify(plan)], { env: { ...process.env, ...clockEnvironment(clocks ? CLOCKS[number % CLOCKS.length] : undefined) } });
    const entry = { child, heardMs: nowMs() };
    this.running.set(number, entry);
    child.on('message', (message) => {
      entry.heardMs = nowMs();
      this.add(number, message as Progress);
    });
    child.once('exit', (code, signal) => {
      this.running.delete(number);
      if (signal !== 'SIGKILL' && code !== 0) this.wrong.push(`process ${number} ended with ${signal ?? code}`);
      if (!this.isOver) this.launch(number);
    });
  }

  private add(number: number, { operations, values, writes, errors, wrong }: Progress): void {
    this.operations += operations;
    this.values += values;
    this.writes += writes;
    for (const [code, count] of Object.entries(errors)) this.errors[code] = (this.errors[code] ?? 0) + count;
    this.wrong.push(...wrong.map((text) => `process ${number}: ${text}`));
  }
}

/** Debian's libfaketime, if it is there. */
export function fakeTimeLibrary(): string | undefined {
  const root = '/usr/lib';
  if (!existsSync(root)) return undefined;
  const folders = [root, ...readdirSync(root).map((name) => path.join(root, name))];
  return folders.map((folder) => path.join(folder, 'faketime', 'libfaketime.so.1')).find((file) => existsSync(file));
}

/** Moves the clock of the day alone: a machine whose time is wrong still measures durations. */
function clockEnvironment(offset: string | undefined): Record<string, string> {
  const library = fakeTimeLibrary();
  if (offset === undefined || library === undefined) return {};
  return { LD_PRELOAD: library, FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: '1', FAKETIME_NO_CACHE: '1' };
}
