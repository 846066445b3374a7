/** One instance as the supervisor sees it: a process, started again when it ends. */
import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** `silent`: it runs and does not answer. */
export type State = 'starting' | 'up' | 'silent' | 'draining' | 'down';

const PROGRAM = path.join(__dirname, '..', 'server', 'main.js');
/** How long an instance may take to end after SIGTERM. */
const PATIENCE_MS = 10_000;
const RESTART_DELAY_MS = 300;
const CHECK_MS = 1_000;
/** How long a check may take, and how many in a row must fail. */
const ANSWER_MS = 3_000;
const FAILURES = 2;

export class Instance {
  state: State = 'down';
  port = 0;
  requests = 0;
  errors = 0;
  private child: ChildProcess | undefined;
  private ended = Promise.resolve();
  private isWanted = false;
  private isOver = false;
  private restarts = Promise.resolve();

  constructor(
    readonly number: number,
    private env: NodeJS.ProcessEnv,
  ) {}

  get pid(): number | undefined {
    return this.child?.pid;
  }

  get environment(): NodeJS.ProcessEnv {
    return this.env;
  }

  start(): void {
    this.isWanted = true;
    this.state = 'starting';
    const child = fork(PROGRAM, { env: { ...this.env, INSTANCE: String(this.number), PORT: '0' }, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.child = child;
    child.on('message', (message: { ready?: boolean; port: number }) => {
      if (message.ready !== true || this.child !== child) return;
      this.port = message.port;
      if (this.state === 'starting') this.state = 'up';
      void this.watch(child);
    });
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.child = undefined;
        this.state = 'down';
        resolve();
        if (!this.isWanted) return;
        console.warn(`[balancer] instance ${this.number} has ended (${signal ?? code}) and is started again`);
        setTimeout(() => this.isWanted && this.child === undefined && this.start(), RESTART_DELAY_MS);
      });
    });
  }

  /** No new requests, then SIGTERM, then the end. */
  async stop(): Promise<void> {
    this.isWanted = false;
    this.state = 'draining';
    const child = this.child;
    if (child === undefined) return;
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    await this.ended;
    clearTimeout(late);
  }

  /** Another environment, which takes a new process. Restarts that overlap come one after the other, and the latest environment stays. */
  restart(env: NodeJS.ProcessEnv): Promise<void> {
    this.env = env;
    this.state = 'draining';
    return (this.restarts = this.restarts.then(async () => {
      await this.stop();
      if (!this.isOver) this.start();
    }));
  }

  /** For good. */
  end(): Promise<void> {
    this.isOver = true;
    return this.stop();
  }

  /** Asks for its health as long as this process of it runs. */
  private async watch(child: ChildProcess): Promise<void> {
    for (let failures = 0; this.child === child; await pause(CHECK_MS)) {
      const isHealthy = await fetch(`http://127.0.0.1:${this.port}/api/health`, { signal: AbortSignal.timeout(ANSWER_MS) }).then(
        async (answer) => {
          await answer.arrayBuffer();
          return answer.ok;
        },
        () => false,
      );
      failures = isHealthy ? 0 : failures + 1;
      if (this.child !== child) return;
      if (isHealthy && this.state === 'silent') this.state = 'up';
      if (failures >= FAILURES && this.state === 'up') this.state = 'silent';
    }
  }

  /** As if the machine had lost its power. The supervisor starts another one. */
  kill(): void {
    this.child?.kill('SIGKILL');
  }
}
