/** Outcomes on their way in: each reply, refusal and rejection reaches its command, in the order of the commands. */
import { surface } from '../clock';
import type { Command } from '../command/command';
import type { ReplyContext } from '../command/table';
import { LinkFlag, LinkSlot } from '../contract.generated';
import { errorAt, fromCore, unreadable, type CoreError } from '../core_error';
import type { Failure } from '../observe/errors';
import type { NativeWire } from '../native';
import { Asking } from './asking';
import { Delivery } from './delivery';
import { mask32 } from './in_flight';
import type { LinkClient, LinkConfig } from './link_client';
import { Outgoing } from './outgoing';
import { nodeName } from './socket';

/** A command has no deadline. */
const NO_DEADLINE = 0xffff_ffff;

/** ioredis's message. */
const NO_RESP3 =
  'replyMapping "resp3" was requested, but the server does not support RESP3. ' +
  'Replies will use RESP2-compatible shapes until connected to a server that supports RESP3.';

export abstract class Incoming extends Outgoing {
  node: string;
  protected maxRetriesPerRequest: number | null;
  private readonly delivery = new Delivery(() => this.context);
  private readonly replyMapping: ReplyContext['replyMapping'];
  private context: Omit<ReplyContext, 'commandName'>;

  constructor(client: LinkClient, config: LinkConfig) {
    super(client, config);
    const { socket, shape } = config;
    this.node = nodeName(socket);
    this.context = { protocol: 3, replyMapping: (this.replyMapping = shape.resp3 ? 'resp3' : 'legacy') };
    this.maxRetriesPerRequest = shape.maxRetriesPerRequest;
  }

  get protocol(): number {
    return this.state[LinkSlot.Protocol];
  }

  /** The handshake has decided which protocol the connection speaks. */
  protected followProtocol(): void {
    this.context = this.protocol === 2 ? { protocol: 2, replyMapping: 'legacy' } : { protocol: 3, replyMapping: this.replyMapping };
    if (this.context.replyMapping !== this.replyMapping) this.client.onWarning(NO_RESP3);
  }

  // ---- replies

  /** If the core cannot process bytes (a defect), the connection ends: a new one has a clean stream, and no caller is left waiting. */
  protected takeIn(receive: () => unknown[]): void {
    let replies: unknown[];
    try {
      replies = fromCore(receive);
    } catch (error) {
      this.socket?.destroy(error as Error);
      return;
    }
    this.settle(replies);
    if (this.gauge.isTiming) this.gauge.onReplies(this.oldest);
    this.gauge.isQuiet = this.state[LinkSlot.Queued] === 0;
    this.after();
    if (this.silence.isRunning) this.silence.onData(this.socketOptions.socketTimeout);
  }

  private settle(replies: unknown[]): void {
    const n = replies.length;
    if (n === 0) return;
    const flags = this.state[LinkSlot.Flags];
    if ((flags & (LinkFlag.Errors | LinkFlag.Sparse)) !== 0 || this.delivery.isBehind) {
      this.settleOneByOne(replies, flags);
      return;
    }
    const context = this.context;
    let id = this.state[LinkSlot.FirstId];
    for (let i = 0; i < n; i++) {
      // Read again each time, because a reply's effects may make the ring grow.
      const command = this.ring[id & this.mask] as Command;
      this.ring[id & this.mask] = undefined;
      if (id === this.oldest) this.oldest = mask32(id + 1);
      id = mask32(id + 1);
      command.deliver(replies[i], context);
    }
    this.advance();
  }

  /** @internal At the exit of the process: takes replies in and tells nobody. Returns how many commands were answered. */
  takeAtExit(from: number | NativeWire): number {
    const before = this.queued;
    const { length } = typeof from === 'number' ? this.native.receive(from) : this.native.receiveWire(from);
    const flags = this.state[LinkSlot.Flags];
    const ids = (flags & LinkFlag.Sparse) !== 0 ? this.native.ids() : undefined;
    const first = this.state[LinkSlot.FirstId];
    for (let i = 0; i < length; i++) this.takeOut(ids === undefined ? mask32(first + i) : ids[i]);
    this.advance();
    // The handshake goes on, and what waited for its end; or the cache's next step.
    const goesOn = (flags & LinkFlag.Output) !== 0;
    if (goesOn) this.write(this.native.output(), false);
    return Math.max(length, before - this.queued, goesOn ? 1 : 0);
  }

  private settleOneByOne(replies: unknown[], flags: number): void {
    // The index of each error, with the database of its command and the time until its deadline.
    const errors = new Map<number, { database: number; left: number | undefined }>();
    if ((flags & LinkFlag.Errors) !== 0) {
      const flat = this.native.errors();
      for (let i = 0; i < flat.length; i += 3) errors.set(flat[i], { database: flat[i + 1], left: flat[i + 2] === NO_DEADLINE ? undefined : flat[i + 2] });
    }
    const ids = (flags & LinkFlag.Sparse) !== 0 ? this.native.ids() : undefined;
    const first = this.state[LinkSlot.FirstId];
    for (let i = 0; i < replies.length; i++) {
      const command = this.takeOut(ids === undefined ? mask32(first + i) : (ids[i]));
      if (command === undefined) continue;
      const error = errors.get(i);
      const reply = replies[i];
      if (error === undefined) this.delivery.addReply(command, reply);
      else if (typeof reply !== 'string') this.delivery.addError(command, this.failure(unreadable(reply as Error)));
      else if (!this.isSentAgain(command, reply, error.database, error.left)) this.delivery.addError(command, this.replyFailure(reply));
    }
    this.advance();
    this.delivery.run();
  }

  /** An exception in a user's function must not cost other callers their replies. */
  private isSentAgain(command: Command, text: string, database: number, left: number | undefined): boolean {
    if (command instanceof Asking) return true;
    try {
      return this.client.onReplyError(command, text, database, left);
    } catch (error) {
      surface(error);
      return false;
    }
  }

  private failure({ code, message, maybeExecuted }: CoreError): Failure {
    return { code, message, maybeExecuted, node: this.node, maxRetriesPerRequest: this.maxRetriesPerRequest };
  }

  private replyFailure(message: string): Failure {
    return this.failure({ code: 'E_REPLY', message, maybeExecuted: false });
  }

  protected handBack(command: Command | undefined, sent: boolean, left: number | undefined): void {
    if (command !== undefined && !(command instanceof Asking)) this.client.onHandedBack(command, sent, left);
  }

  protected reject(command: Command | undefined, events: unknown[], i: number): void {
    if (command !== undefined) this.delivery.reject(command, this.failure(errorAt(events, i + 2)));
  }

  protected rejectAll(error: Error): void {
    for (let id = this.oldest; id !== this.nextId; id = mask32(id + 1)) this.takeOut(id)?.deliverError(error);
    this.advance();
  }
}
