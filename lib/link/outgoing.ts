/** Commands on their way out: encoded into memory that the core shares, passed on in batches, and written to the socket. */
import type { Socket } from 'node:net';
import { nextTick, setImmediate } from '../clock';
import type { Command } from '../command/command';
import { sendSource } from '../command/script_source';
import { ClassBit, LinkSlot } from '../contract.generated';
import { fromCore } from '../core_error';
import { native, type NativeLink } from '../native';
import { Asking } from './asking';
import { Gauge } from './gauge';
import { hasReplied } from './joint';
import { InFlight, mask32, START } from './in_flight';
import type { LinkClient, LinkConfig } from './link_client';
import { Polling } from './polling';
import { NO_META, NO_STATE, share } from './shared_memory';
import { SocketTimeout } from './socket_timeout';

/** The waiting bytes go out when they reach this size, at the latest. */
const FLUSH_BYTES = 1 << 18;
const MAX_BATCH = 1 << 14;
/**
 * While the socket accepts writes, a tick goes out in pieces, so that the server works on one while JavaScript issues the rest. A tick
 * resembles the one before, whose commands determine up to `PIECES` even pieces within these limits. One of several servers gets the largest: it has its
 * part alone, and works while JavaScript is busy with the others.
 */
const PIECES = 4;
const LEAST_PIECE = 8;
const LARGEST_PIECE = 256;
const READ_BYTES = 1 << 16;
/** The last options that the core received, as JSON. */
let usableOptions = '';

export abstract class Outgoing extends InFlight {
  /** Scripts whose source this connection has sent. */
  readonly scripts = new Set<string>();
  socket: Socket | undefined = undefined;
  /** @internal */ isReferenced = true;
  readonly gauge = new Gauge();
  /** Whether this is a link to one of several servers. */
  protected handsBack: boolean;
  protected coreOptions: string;
  protected socketOptions: LinkConfig['socket'];
  protected state: Float64Array = NO_STATE;
  protected readonly polling: Polling;
  protected readonly silence = new SocketTimeout(this);
  private core: NativeLink | undefined = undefined;
  private readonly shape: LinkConfig['shape'];
  protected readonly hasOwnStream: boolean;
  private input: Buffer | undefined = undefined;
  private meta = NO_META;
  /** Commands in `out`. */
  private batch = 0;
  /** The size at which the batch goes out, if possible, before its tick is over. */
  private cut = LARGEST_PIECE;
  private piece = LARGEST_PIECE;
  /** The number of the tick's first command. */
  private tickStart = 0;
  private isScheduled = false;

  constructor(
    protected readonly client: LinkClient,
    { core, socket, shape }: LinkConfig,
  ) {
    super();
    this.socketOptions = socket;
    this.shape = shape;
    const options = JSON.stringify(core);
    this.handsBack = core.handsBack === true;
    this.coreOptions = options === usableOptions ? usableOptions : options;
    // Refuse unusable options now.
    if (options !== usableOptions) void this.native;
    usableOptions = this.coreOptions;
    this.hasOwnStream = client.openStream !== undefined;
    this.polling = new Polling(this.mayPoll(), () => this.queued > 0);
  }

  /** @internal Takes in what has arrived. */
  abstract look(): void;

  /** After every crossing: carries out what the core asks for. */
  protected abstract after(): void;

  /** Where small writes wait for each other (Nagle's algorithm), one more of them would cost a delay. */
  protected mayPoll(): boolean {
    return this.socketOptions.poll && this.socketOptions.noDelay !== false && !this.hasOwnStream;
  }

  /** Made at first use, like the shared memory, because many clients are made and never used. */
  get native(): NativeLink {
    return (this.core ??= fromCore(() => new native.NativeLink(this.coreOptions, this.shape.resp3, this.shape.stringNumbers)));
  }

  /** Commands that wait or are in flight. */
  get queued(): number {
    return this.state[LinkSlot.Queued] + this.batch;
  }

  protected override onNewOut(): void {
    if (this.input === undefined) this.share();
    else this.native.setOut(this.out);
  }

  /** Shares the memory with the core at first use. Returns the buffer for bytes that arrive. */
  protected share(): Buffer {
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
      if (this.handsBack && hasReplied()) setImmediate(flush, this);
      else nextTick(flush, this);
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
    if (!this.handsBack) {
      const issued = mask32(this.nextId - this.tickStart);
      const pieces = Math.min(PIECES, Math.max(1, Math.floor(issued / LEAST_PIECE)));
      this.piece = Math.min(LARGEST_PIECE, Math.max(LEAST_PIECE, Math.ceil(issued / pieces)));
      this.tickStart = this.nextId;
    }
    this.flush();
  }

  /** Runs no user code, because the caller is in the middle of other work. The rest of a flush waits for the end of the tick. */
  protected send(): void {
    const commands = this.batch;
    if (commands === 0) return;
    const bytes = this.at;
    this.at = 0;
    this.batch = 0;
    this.cut = this.piece;
    if (this.native.submit(bytes, commands, mask32(this.nextId - commands))) {
      // A command that blocks says nothing about the server's speed.
      if (this.gauge.isNext() && (this.meta[2 * commands - 1] & ClassBit.Blocking) === 0) this.gauge.startCommand(mask32(this.nextId - 1));
      this.write(this.out.subarray(0, bytes), true);
    } else if (this.out.length > FLUSH_BYTES * 4) this.renewOut();
  }

  /** Writes what the core wants written: from the shared memory if nothing else is there and it fits, otherwise from a Buffer of its own. Returns whether there was something. */
  protected writeOutput(): boolean {
    let bytes = -1;
    if (this.at === 0) {
      if (this.out.length === 0) this.renewOut();
      bytes = this.native.moveOutput();
    }
    if (bytes === 0) return false;
    if (bytes > 0) {
      this.write(this.out.subarray(0, bytes), false, true);
      return true;
    }
    const output = this.native.output();
    if (output.length === 0) return false;
    this.write(output, false);
    return true;
  }

  /** `isOwn`: commands of this link's callers. `isShared`: the bytes are in the shared memory. */
  protected write(bytes: Buffer, isOwn: boolean, isShared = isOwn): void {
    const socket = this.socket;
    if (socket === undefined || !socket.writable) return;
    if (!isOwn && this.gauge.isQuiet && !this.gauge.isTiming) this.gauge.startOwn();
    // A user's stream may keep the buffer.
    socket.write(isShared && this.hasOwnStream ? Buffer.from(bytes) : bytes);
    if (this.isReferenced) this.polling.onWrite();
    if (this.socketOptions.socketTimeout !== undefined) this.silence.expect(this.socketOptions.socketTimeout);
    // The kernel did not accept everything, so the buffer now belongs to the socket.
    if (isShared && (socket.writableLength !== 0 || this.out.length > FLUSH_BYTES * 4)) this.renewOut();
  }

  /**
   * The next server may not know the scripts, so of the waiting calls, the first of each script sends its source, as on any new
   * connection.
   */
  protected forgetScripts(): void {
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
}

function flush(link: Outgoing): void {
  link.endTick();
}
