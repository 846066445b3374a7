/**
 * The driver of one link: a Node socket on one side, the core's state machine on the other. Commands of one tick go out in one write or
 * in large pieces. All replies of one read come back in one array. All state touched per command is in this one object with a stable
 * shape.
 */
import type { Socket } from 'node:net';
import { nextTick, setImmediate, surface } from '../clock';
import type { Command } from '../command/command';
import { closeConnection, openConnection } from './connection';
import { LinkEvent, LinkFlag, LinkSlot, Slots, type MessageKind } from '../contract.generated';
import { errorAt, fromCore, unreadable, type CoreError } from '../core_error';
import { NO_META, NO_STATE, share } from './shared_memory';
import type { Failure } from '../observe/errors';
import { Delivery } from './delivery';
import { Asking } from './asking';
import { InFlight, mask32, START } from './in_flight';
import { leave } from './leaving';
import { MESSAGE_EVENTS, type LinkClient, type LinkConfig } from './link_client';
import { Polling } from './polling';
import { Probe } from './probe';
import { sendSource } from '../command/script_source';
import { offExit, onExit } from '../exit';
import { descriptorOf, isSilence, nodeName } from './socket';
import { SocketTimeout } from './socket_timeout';
import type { ReplyContext } from '../command/table';
import { WakeTimer } from './wake';
import { native, type NativeLink } from '../native';

/** The waiting bytes go out when they reach this size, at the latest. */
const FLUSH_BYTES = 1 << 18;
const MAX_BATCH = 1 << 14;
/**
 * While the socket accepts writes, a tick goes out in pieces, so that the server works on one while JavaScript issues the rest. A tick
 * resembles the one before, whose commands determine up to `PIECES` even pieces within these limits.
 */
const PIECES = 4;
const LEAST_PIECE = 8;
const LARGEST_PIECE = 256;
const READ_BYTES = 1 << 16;
const EVENTS_PER_TURN = 1 << 12;

/** ioredis's message. */
const NO_RESP3 =
  'replyMapping "resp3" was requested, but the server does not support RESP3. ' +
  'Replies will use RESP2-compatible shapes until connected to a server that supports RESP3.';

/** The last options that the core received, as JSON. */
let usableOptions = '';

export class Link extends InFlight {
  socket: Socket | undefined = undefined;
  /** Called after every crossing, so that the cache can take the core's decisions. */
  afterCrossing: (() => void) | undefined = undefined;
  /** Scripts whose source this connection has sent. */
  readonly scripts = new Set<string>();
  node: string;

  private core: NativeLink | undefined = undefined;
  private coreOptions: string;
  private handsBack: boolean;
  private socketOptions: LinkConfig['socket'];
  private readonly shape: LinkConfig['shape'];
  private input: Buffer | undefined = undefined;
  private meta = NO_META;
  private state = NO_STATE;
  /** Commands in `out`. */
  private batch = 0;
  /** The size at which the batch goes out, if possible, before its tick is over. */
  private cut = LARGEST_PIECE;
  private piece = LARGEST_PIECE;
  /** The number of the tick's first command. */
  private tickStart = 0;
  private readonly delivery = new Delivery(() => this.context);
  private isScheduled = false;
  private readonly timer = new WakeTimer(() => this.tick());
  private readonly silence = new SocketTimeout(this);
  /** @internal */ isReferenced = true;
  private isWaiting = false;
  private probe: Probe | undefined = undefined;
  private readonly hasOwnStream: boolean;
  private readonly polling: Polling;
  private context: Omit<ReplyContext, 'commandName'>;

  constructor(
    private readonly client: LinkClient,
    { core, socket, shape }: LinkConfig,
  ) {
    super();
    this.socketOptions = socket;
    this.shape = shape;
    this.node = nodeName(socket);
    const options = JSON.stringify(core);
    this.handsBack = core.handsBack === true;
    this.coreOptions = options === usableOptions ? usableOptions : options;
    // Refuse unusable options now.
    if (options !== usableOptions) void this.native;
    usableOptions = this.coreOptions;
    this.context = { protocol: 3, replyMapping: (this.replyMapping = shape.resp3 ? 'resp3' : 'legacy') };
    this.maxRetriesPerRequest = shape.maxRetriesPerRequest;
    this.hasOwnStream = client.openStream !== undefined;
    this.polling = new Polling(this.mayPoll(), () => this.queued > 0);
  }

  /** Where small writes wait for each other (Nagle's algorithm), one more of them would cost a delay. */
  private mayPoll(): boolean {
    return this.socketOptions.poll && this.socketOptions.noDelay !== false && !this.hasOwnStream;
  }

  /** Made at first use, like the shared memory, because many clients are made and never used. */
  get native(): NativeLink {
    return (this.core ??= fromCore(() => new native.NativeLink(this.coreOptions, this.shape.resp3, this.shape.stringNumbers)));
  }

  private maxRetriesPerRequest: number | null;
  private readonly replyMapping: ReplyContext['replyMapping'];

  get attempts(): number {
    return this.state[LinkSlot.Attempts];
  }
  get database(): number {
    return this.state[LinkSlot.Database];
  }
  get protocol(): number {
    return this.state[LinkSlot.Protocol];
  }
  /** Commands that wait or are in flight. */
  get queued(): number {
    return (this.state[LinkSlot.Queued]) + this.batch;
  }

  protected override onNewOut(): void {
    if (this.input === undefined) this.share();
    else this.native.setOut(this.out);
  }

  /** Shares the memory with the core at first use. */
  private share(): Buffer {
    if (this.input === undefined) {
      this.input = Buffer.allocUnsafeSlow(READ_BYTES);
      this.meta = new Uint32Array(2 * START);
      this.state = new Float64Array(NO_STATE.length);
      this.openRing();
      share(this.native, this.input, this.out, this.meta, this.state);
    }
    return this.input;
  }

  // ---- commands

  /** Queues a command. It goes out with the others of this tick. */
  push(command: Command): void {
    const start = this.at;
    // This may throw, because memory is short or a tool has changed the arguments; then the command has no number and no place in the
    // batch.
    this.encode(command.meta, command.args);
    const id = this.nextId;
    if (mask32(id - this.oldest) > this.mask) this.growRing();
    this.ring[id & this.mask] = command;
    this.nextId = mask32(id + 1);
    const n = this.batch++;
    if (2 * n + 1 >= this.meta.length) this.growMeta();
    this.meta[2 * n] = this.at - start;
    this.meta[2 * n + 1] = command.class;
    if (!this.isScheduled) {
      this.isScheduled = true;
      nextTick(flush, this);
      if (this.polling.isOn && id === this.oldest) this.send();
    } else if (this.batch >= this.cut || this.at > FLUSH_BYTES) {
      this.cutOff();
    }
  }

  /** Queues a failed command again, for its original database. */
  sendAgain(command: Command, database: number): void {
    this.send();
    this.native.issueIn(database);
    this.push(command);
    this.send();
  }

  /** Queues commands directly behind an ASKING, which counts for the first one, or for a whole transaction. */
  pushAsking(commands: readonly Command[]): void {
    this.send();
    if (!this.isScheduled) {
      this.isScheduled = true;
      nextTick(flush, this);
    }
    this.push(new Asking());
    for (const command of commands) this.push(command);
  }

  /** Hands back what waits for a connection, for an owner that knows a better one. */
  handBackWaiting(): void {
    this.share();
    this.send();
    this.native.handBackWaiting();
    this.after();
  }

  /** The batch has reached the size of a piece. */
  private cutOff(): void {
    if (this.at > FLUSH_BYTES || this.batch >= MAX_BATCH || this.socket?.writableLength === 0) this.send();
    else this.cut = this.batch + this.piece;
  }

  private growMeta(): void {
    const bigger = new Uint32Array(this.meta.length * 2);
    bigger.set(this.meta);
    this.meta = bigger;
    this.native.setMeta(bigger);
  }

  /** Passes this tick's commands to the core and to the socket. */
  flush(): void {
    this.isScheduled = false;
    this.send();
    this.after();
  }

  /** @internal The tick in which commands were issued is over. */
  endTick(): void {
    const issued = mask32(this.nextId - this.tickStart);
    const pieces = Math.min(PIECES, Math.max(1, Math.floor(issued / LEAST_PIECE)));
    this.piece = Math.min(LARGEST_PIECE, Math.max(LEAST_PIECE, Math.ceil(issued / pieces)));
    this.tickStart = this.nextId;
    this.flush();
  }

  /** Runs no user code, because the caller is in the middle of other work. The rest of a flush waits for the end of the tick. */
  private send(): void {
    const commands = this.batch;
    if (commands === 0) return;
    const bytes = this.at;
    this.at = 0;
    this.batch = 0;
    this.cut = this.piece;
    if (this.native.submit(bytes, commands, mask32(this.nextId - commands))) this.write(this.out.subarray(0, bytes), true);
    else if (this.out.length > FLUSH_BYTES * 4) this.renewOut();
  }

  private write(bytes: Buffer, isOwn: boolean): void {
    const socket = this.socket;
    if (socket === undefined || !socket.writable) return;
    // A user's stream may keep the buffer.
    socket.write(isOwn && this.hasOwnStream ? Buffer.from(bytes) : bytes);
    if (this.isReferenced) this.polling.onWrite();
    if (this.socketOptions.socketTimeout !== undefined) this.silence.expect(this.socketOptions.socketTimeout);
    // The kernel did not accept everything, so the buffer now belongs to the socket.
    if (isOwn && (socket.writableLength !== 0 || this.out.length > FLUSH_BYTES * 4)) this.renewOut();
  }

  /** Writes the core's own commands. */
  pump(): void {
    this.share();
    this.native.refresh();
    this.after();
  }

  /** After every crossing: carries out what the core asks for. */
  private after(): void {
    let flags = this.state[LinkSlot.Flags];
    while ((flags & (LinkFlag.Output | LinkFlag.Events)) !== 0) {
      if ((flags & LinkFlag.Output) !== 0) this.write(this.native.output(), false);
      else if (this.dispatch(this.native.events(EVENTS_PER_TURN)) === EVENTS_PER_TURN) {
        // A queue that is rejected: the rest waits for the next turn of the event loop.
        setImmediate(after, this);
        break;
      }
      flags = this.state[LinkSlot.Flags];
    }
    // A link that waits for its next attempt keeps the process alive, as its socket would.
    const wakeAt = this.state[LinkSlot.WakeAt];
    if (wakeAt !== -1) this.timer.arm(this.state[LinkSlot.WakeIn], this.isWaiting && this.isReferenced, wakeAt);
    if (this.afterCrossing !== undefined) this.afterCrossing();
    if (this.barriers.length > 0) this.passBarriers();
  }

  /** @internal */
  goOn(): void {
    this.after();
  }

  // ---- replies

  /** If the core cannot process bytes (a defect), the connection ends: a new one has a clean stream, and no caller is left waiting. */
  private takeIn(receive: () => unknown[]): void {
    let replies: unknown[];
    try {
      replies = fromCore(receive);
    } catch (error) {
      this.socket?.destroy(error as Error);
      return;
    }
    this.settle(replies);
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

  private settleOneByOne(replies: unknown[], flags: number): void {
    // The index of each error, and the database of its command.
    const errors = new Map<number, number>();
    if ((flags & LinkFlag.Errors) !== 0) {
      const flat = this.native.errors();
      for (let i = 0; i < flat.length; i += 2) errors.set(flat[i], flat[i + 1]);
    }
    const ids = (flags & LinkFlag.Sparse) !== 0 ? this.native.ids() : undefined;
    const first = this.state[LinkSlot.FirstId];
    for (let i = 0; i < replies.length; i++) {
      const command = this.takeOut(ids === undefined ? mask32(first + i) : (ids[i]));
      if (command === undefined) continue;
      const database = errors.get(i);
      const reply = replies[i];
      if (database === undefined) this.delivery.addReply(command, reply);
      else if (typeof reply !== 'string') this.delivery.addError(command, this.failure(unreadable(reply as Error)));
      else if (!this.isSentAgain(command, reply, database)) this.delivery.addError(command, this.replyFailure(reply));
    }
    this.advance();
    this.delivery.run();
  }

  /** An exception in a user's function must not cost other callers their replies. */
  private isSentAgain(command: Command, text: string, database: number): boolean {
    if (command instanceof Asking) return true;
    try {
      return this.client.onReplyError(command, text, database);
    } catch (error) {
      surface(error);
      return false;
    }
  }

  private failure({ code, message, maybeExecuted }: CoreError): Failure {
    return { code, message, maybeExecuted, node: this.node, maxRetriesPerRequest: this.maxRetriesPerRequest };
  }

  // ---- events

  private replyFailure(message: string): Failure {
    return this.failure({ code: 'E_REPLY', message, maybeExecuted: false });
  }

  private handBack(command: Command | undefined, sent: boolean): void {
    if (command !== undefined && !(command instanceof Asking)) this.client.onHandedBack(command, sent);
  }

  private reject(command: Command | undefined, events: unknown[], i: number): void {
    if (command !== undefined) this.delivery.reject(command, this.failure(errorAt(events, i + 2)));
  }

  /** How many there were. */
  private dispatch(events: unknown[]): number {
    for (let i = 0; i < events.length; i += Slots.Event) {
      try {
        this.dispatchOne(events, i);
      } catch (error) {
        surface(error);
      }
    }
    this.advance();
    return events.length / Slots.Event;
  }

  private dispatchOne(events: unknown[], i: number): void {
    const a = events[i + 1];
    switch (events[i] as LinkEvent) {
      case LinkEvent.Rejected:
        this.reject(this.takeOut(a as number), events, i);
        break;
      case LinkEvent.HandedBack:
        this.handBack(this.takeOut(a as number), events[i + 2] === 1);
        break;
      case LinkEvent.Message:
        this.client.onMessage(MESSAGE_EVENTS[a as MessageKind], events[i + 2] as Buffer, events[i + 3] as Buffer, events[i + 4] as Buffer);
        break;
      case LinkEvent.Failed:
        if (typeof events[i + 2] === 'string') this.client.onFailed(errorAt(events, i + 2));
        else this.client.onUnreadable(events[i + 2] as Error);
        break;
      default:
        this.onEvent(events[i] as LinkEvent, a);
    }
  }

  private onEvent(event: LinkEvent, a: unknown): void {
    const { client } = this;
    switch (event) {
      case LinkEvent.Connect:
        client.onConnecting();
        return this.open();
      case LinkEvent.Close:
        return closeConnection(this.socket, a === 1, this.socketOptions.disconnectTimeout ?? 2000);
      case LinkEvent.Ready:
        this.context = this.protocol === 2 ? { protocol: 2, replyMapping: 'legacy' } : { protocol: 3, replyMapping: this.replyMapping };
        if (this.context.replyMapping !== this.replyMapping) client.onWarning(NO_RESP3);
        return client.onReady();
      case LinkEvent.Closed: {
        const delay = client.onClosed(a as number);
        this.isWaiting = delay !== null;
        // A connection's timer does not keep the process alive; the timer of the next attempt does.
        this.timer.stop();
        this.forgetScripts();
        this.native.reconnectAfter(delay ?? -1);
        return;
      }
      case LinkEvent.Ended:
        this.isWaiting = false;
        this.timer.stop();
        this.scripts.clear();
        open.delete(this);
        if (open.size === 0) offExit(leaveAll);
        return client.onEnded();
      case LinkEvent.Monitor:
        return client.onMonitor(a as string);
      case LinkEvent.Moved:
        return client.onMoved(a as string);
      case LinkEvent.Warning:
        return client.onWarning(a as string);
      case LinkEvent.Probe:
        return this.startProbe(a as Buffer);
      case LinkEvent.AskTransport:
        return this.native.transport(descriptorOf(this.socket));
      case LinkEvent.Check:
        return this.native.checked(client.onCheck(a as string));
    }
  }

  // ---- the connection

  connect(): void {
    if (open.size === 0) onExit(leaveAll);
    open.add(this);
    this.share();
    this.native.connect();
    this.after();
  }

  disconnect(reconnect: boolean): void {
    // The commands of this tick go out first.
    this.flush();
    this.share();
    this.native.disconnect(reconnect);
    this.after();
  }

  /**
   * The next server may not know the scripts, so of the waiting calls, the first of each script sends its source, as on any new
   * connection.
   */
  private forgetScripts(): void {
    this.send();
    this.scripts.clear();
    for (let id = this.oldest; id !== this.nextId; id = mask32(id + 1)) {
      const command = this.ring[id & this.mask];
      const script = command?.script;
      if (command === undefined || script === undefined || this.scripts.has(script.sha)) continue;
      this.scripts.add(script.sha);
      if (command.name !== 'evalsha') continue;
      sendSource(command, script);
      this.encode(command.meta, command.args);
      this.native.rewrite(id, this.at);
      this.at = 0;
    }
  }

  /** Applies the client's options before there is a connection. */
  applyOptions(): void {
    this.share();
    this.reconfigure();
  }

  /** Options such as a password may have changed; they apply from the next connection. */
  private reconfigure(): void {
    const { core, socket, shape } = this.client.configure();
    const options = JSON.stringify(core);
    if (options !== this.coreOptions) {
      fromCore(() => this.native.configure(options));
      this.coreOptions = options;
      this.handsBack = core.handsBack === true;
    }
    this.socketOptions = socket;
    this.polling.reset(this.mayPoll());
    this.node = nodeName(socket);
    this.maxRetriesPerRequest = shape.maxRetriesPerRequest;
  }

  private open(): void {
    this.isWaiting = false;
    try {
      this.reconfigure();
    } catch (error) {
      return nextTick(() => this.onRefused(error as Error));
    }
    openConnection(this, this.socketOptions, this.share(), this.client.openStream);
  }

  /** @internal */
  onRead(bytes: number): void {
    this.polling.onRead(bytes);
    this.takeIn(() => this.native.receive(bytes));
  }

  /** @internal */
  onChunk(chunk: Buffer): void {
    this.takeIn(() => this.native.receiveChunk(chunk));
  }

  /** @internal */
  onConnected(): void {
    this.client.onConnect();
    this.native.connected();
    this.after();
  }

  private startProbe(request: Buffer): void {
    this.probe?.stop();
    this.probe = new Probe(this.socket, this.socketOptions, request, {
      onReply: (bytes) => {
        const isDone = this.native.probeReceived(bytes);
        this.after();
        return isDone;
      },
      onFailed: () => {
        this.native.probeFailed();
        this.after();
      },
    });
  }

  /** @internal */
  onSocketError(error: Error): void {
    if (this.socketOptions.isKeepAliveOwn === true && isSilence(error)) this.native.transportLost();
    this.client.onSocketError(error);
  }

  /** @internal */
  onLost(): void {
    this.silence.stop();
    this.probe?.stop();
    this.probe = undefined;
    this.polling.reset();
    this.native.closed();
    this.after();
  }

  /** @internal As in ioredis: waiting commands are rejected with the reason (or handed back), and there is no further attempt. */
  onRefused(error: Error): void {
    this.flush();
    this.client.onGivenUp(error);
    if (!this.handsBack) this.rejectAll(error);
    this.native.disconnect(false);
    this.native.closed();
    this.after();
  }

  private rejectAll(error: Error): void {
    for (let id = this.oldest; id !== this.nextId; id = mask32(id + 1)) this.takeOut(id)?.deliverError(error);
    this.advance();
  }

  // ---- timers

  private tick(): void {
    this.native.tick();
    this.after();
  }

  /** @internal For the exit of the process. */
  isAnswered(): boolean {
    return this.queued === 0 || this.isBlocked();
  }

  /** @internal */
  get room(): Buffer {
    return this.share();
  }

  /** @internal Nothing is reported any more. */
  take(bytes: number): void {
    this.native.receive(bytes);
  }

  ref(): void {
    this.isReferenced = true;
    this.socket?.ref?.();
    if (this.isWaiting) this.timer.hold(true);
  }

  unref(): void {
    this.isReferenced = false;
    this.socket?.unref?.();
    this.timer.hold(false);
  }
}

function flush(link: Link): void {
  link.endTick();
}

function after(link: Link): void {
  link.goOn();
}

/** Links that are not ended. What they have queued arrives also when the process exits in the same tick. */
const open = new Set<Link>();
function leaveAll(): void {
  for (const link of open) leave(link);
}
