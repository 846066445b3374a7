/**
 * `enableAutoPipelining`: holds commands until the turn of the event loop ends and sends them as a pipeline, one pipeline at a time. A
 * tick's commands go out together anyway; the option changes only their order: a command that is not held overtakes the held ones.
 */
import { setImmediate, surface } from '../clock';
import type { Batch } from './batch';
import type { Command } from './command';
import { followHeld } from './followed';
import type { TargetOptions } from './target_options';

/** Commands that are never held: those about the connection itself, and those that collect commands. The misspelling is ioredis's. */
const NEVER = new Set(
  'auth info script quit cluster pipeline multi subscribe psubscribe unsubscribe unpsubscribe select client hello readonly himport'.split(' '),
);

/** The client of the commands. */
export interface Sender {
  sendCommand(command: Command, pipeline: Batch): unknown;
}

/** Holds commands. */
export interface Held {
  /** The client's options. */
  options: TargetOptions;
  /** The number of held commands. */
  readonly length: number;
  /** Whether commands of this name are held. */
  takes(name: string): boolean;
  /** Holds a command. */
  add(command: Command): Promise<unknown>;
}

/** Whether a client with these options holds commands of this name. */
export function isHeld(name: string, { autoPipeliningIgnoredCommands }: TargetOptions): boolean {
  return !NEVER.has(name) && autoPipeliningIgnoredCommands?.includes(name) !== true;
}

export class AutoPipeline implements Batch, Held {
  readonly isAutomatic = true;
  options: TargetOptions = {};
  private waiting: Command[] = [];
  /** Unsettled commands of the current pipeline. */
  private missing = 0;

  constructor(private readonly client: Sender) {}

  get length(): number {
    return this.waiting.length;
  }

  takes(name: string): boolean {
    return isHeld(name, this.options);
  }

  add(command: Command): Promise<unknown> {
    const { promise } = command;
    followHeld(command);
    if (this.waiting.push(command) === 1 && this.missing === 0) setImmediate(run, this);
    return promise;
  }

  /** @internal Sends the held commands. */
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
        // There is no synchronous caller, so reject the promise, which the caller awaits.
        if (command.isSettled) surface(error);
        else command.reject(error as Error);
      }
    });
  }

  /** @internal One of the commands is settled. */
  put(): void {
    if (--this.missing === 0 && this.waiting.length > 0) this.run();
  }
}

function run(pipeline: AutoPipeline): void {
  pipeline.run();
}
