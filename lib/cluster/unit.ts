/** What moves between nodes as one: a single command, or a transaction from MULTI to EXEC. */
import type { Command } from '../command/command';
import { Command as CommandClass } from '../command/command';
import { ClassBit, TicketFlag } from '../contract.generated';
import type { Failure } from '../observe/errors';
import type { Redis } from '../client/redis';
import { slotOfCommand } from './slot';

/** A transaction that was opened by hand. */
export interface Manual {
  readonly multi: Command;
  /** `lost`: its WATCH is. `failed`: there was no node for it. */
  state: 'empty' | 'waiting' | 'open' | 'lost' | 'failed';
  /** The node of its first key. */
  redis: Redis | undefined;
}

export class Unit {
  readonly slot: number;
  /** Whether it only reads, so that a replica may run it. */
  readonly isRead: boolean;
  /** Bits of `TicketFlag`. */
  flags = 0;
  /** What the core has noted about it; 0 until it has placed it. */
  trail = 0;
  /** Its number at the core while the core decides. */
  ticket = -1;
  /** Whether it is here and on no link. */
  isHeld = false;
  /** `host:port` of the node that had it last. */
  node = '';
  /** A WATCH guards it on the connection that it was sent on. */
  isGuarded = false;
  /** The transaction by hand that this command belongs to. */
  manual: Manual | undefined = undefined;
  /** Errors that commands of a transaction got instead of QUEUED. */
  private refusals = new Map<Command, Failure>();
  /** Commands of a transaction that the node has given back. */
  private back = 0;

  constructor(
    readonly commands: readonly Command[],
    slot?: number,
  ) {
    const [first] = commands;
    this.slot = slot ?? commands.map(slotOfCommand).find((found) => found >= 0) ?? -1;
    this.isRead = commands.length === 1 && (first.meta.isReadOnly || first.isReadOnly === true);
  }

  get last(): Command {
    return this.commands[this.commands.length - 1];
  }

  get isTransaction(): boolean {
    return this.commands.length > 1;
  }

  get isSettled(): boolean {
    return this.last.isSettled;
  }

  /** The node did not queue this command of the transaction: EXEC is going to be refused. */
  holdRefusal(command: Command, failure: Failure): void {
    this.refusals.set(command, failure);
  }

  /** The first reason why commands were not queued. */
  get firstRefusal(): string | undefined {
    for (const { message } of this.refusals.values()) return message;
    return undefined;
  }

  /** Counts what came back. True when it was the last one that is due. */
  comesBack(command: Command): boolean {
    this.back++;
    return command === this.last;
  }

  /**
   * The commands to send, again or for the first time. Some of a transaction's have their outcome already (`QUEUED`): others take their place,
   * about which nobody hears.
   */
  toSend(): readonly Command[] {
    this.refusals.clear();
    this.back = 0;
    if (!this.isTransaction) return this.commands;
    return this.commands.map((command) => (command.isSettled ? shadowOf(command) : command));
  }

  /** Fails what has no outcome after this time, for commands that no link has had yet. */
  limit(ms: unknown): void {
    if (typeof ms !== 'number' || ms <= 0) return;
    for (const command of this.commands) {
      if ((command.meta.class & ClassBit.Blocking) === 0) command.keepDeadline(ms, () => this.whereabouts());
    }
  }

  /** It goes to this node. */
  leavesFor(node: string): void {
    this.isHeld = false;
    this.node = node;
  }

  /** For a caller whose command has no reply in time. */
  whereabouts(): { node: string; maybeExecuted: boolean } {
    return { node: this.node, maybeExecuted: !this.isHeld || (this.flags & TicketFlag.MaybeExecuted) !== 0 };
  }

  /** Tells all callers. Commands that a node refused hear that; the others `failure`. */
  fail(failure: Failure): void {
    for (const command of this.commands) {
      if (!command.isSettled) command.deliverFailure(this.refusals.get(command) ?? failure);
    }
    this.refusals.clear();
  }

  /** Rejects all commands with an error of the application's. */
  reject(error: Error): void {
    for (const command of this.commands) if (!command.isSettled) command.deliverError(error);
  }

  /** Tells the callers of the commands that were refused, before the last one hears of it. */
  releaseRefusals(): void {
    for (const [command, failure] of this.refusals) command.deliverFailure(failure);
    this.refusals.clear();
  }
}

/** A command whose answer nobody waits for. */
class Shadow extends CommandClass {
  override deliver(): void {
    this.isSettled = true;
  }

  override deliverFailure(): boolean {
    this.isSettled = true;
    return false;
  }

  override deliverError(): void {
    this.isSettled = true;
  }
}

export function shadowOf(command: Command): Command {
  const shadow = new Shadow(command.name, command.args, { replyEncoding: command.replyEncoding ?? null });
  // Who traces commands has heard of the one that it stands for.
  shadow.isTraced = true;
  shadow.inTransaction = command.inTransaction;
  shadow.pipelineIndex = command.pipelineIndex;
  return shadow;
}
