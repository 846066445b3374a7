/**
 * `enableAutoPipelining`: commands are held until the turn of the event loop is over and go out as a pipeline, one pipeline at a time. A tick's
 * commands leave together anyway; what the option changes is their order: a command that is not held overtakes those that are.
 */
import { setImmediate, surface } from '../clock';
import type { Batch, Command } from './command';
import type { ResolvedOptions } from '../options/options';

/** Never held: what concerns the connection itself, and what collects commands on its own. The misspelling is ioredis's. */
const NEVER = new Set(
  'auth info script quit cluster pipeline multi subscribe psubscribe unsubscribe unpsubscribe select client hello readonly himport'.split(' '),
);

/** Whose commands they are. */
export interface Sender {
  sendCommand(command: Command, pipeline: Batch): unknown;
}

export class AutoPipeline implements Batch {
  readonly isAutomatic = true;
  /** Of the client. */
  options: Pick<ResolvedOptions, 'autoPipeliningIgnoredCommands'> = {};
  private waiting: Command[] = [];
  /** Commands of the pipeline under way that are not settled. */
  private missing = 0;

  constructor(private readonly client: Sender) {}

  /** How many commands are held. */
  get length(): number {
    return this.waiting.length;
  }

  /** Whether commands of this name are held. */
  takes(name: string): boolean {
    return !NEVER.has(name) && this.options.autoPipeliningIgnoredCommands?.includes(name) !== true;
  }

  /** Holds a command. */
  add(command: Command): Promise<unknown> {
    const { promise } = command;
    if (this.waiting.push(command) === 1 && this.missing === 0) setImmediate(run, this);
    return promise;
  }

  /** @internal Sends what is held. */
  run(): void {
    const commands = this.waiting;
    this.waiting = [];
    this.missing = commands.length;
    commands.forEach((command, index) => {
      command.pipelineIndex = index;
      command.batch = this;
      try {
        this.client.sendCommand(command, this);
      } catch (error) {
        // Nobody called: the promise is where its caller looks.
        if (command.isSettled) surface(error);
        else command.reject(error as Error);
      }
    });
  }

  /** @internal One of them is settled. */
  put(): void {
    if (--this.missing === 0 && this.waiting.length > 0) this.run();
  }
}

function run(pipeline: AutoPipeline): void {
  pipeline.run();
}
