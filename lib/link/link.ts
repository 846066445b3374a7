/**
 * The driver of one link: a Node socket on one side, the core's state machine on the other. Commands of one tick go out in one write or
 * in large pieces (`outgoing.ts`). All replies of one read come back in one array (`incoming.ts`). These are base classes and not parts,
 * so that all state touched per command is in one object with a stable shape.
 */
import { nextTick, setImmediate, surface } from '../clock';
import { LinkEvent, LinkFlag, LinkSlot, Slots, type MessageKind } from '../contract.generated';
import { errorAt, fromCore, type CoreError } from '../core_error';
import type { Credentials } from '../options/credentials';
import type { NativeWire } from '../native';
import { showAs } from '../observe/secrets';
import { closeConnection, openConnection } from './connection';
import { ReplyError } from '../observe/errors';
import { turned } from '../turns';
import { Incoming } from './incoming';
import { flushAtExit, forgetAtExit } from './exit_flush';
import { replied } from './joint';
import { MESSAGE_EVENTS } from './link_client';
import type { Address } from './opening';
import { Preparation } from './preparation';
import { Probe } from './probe';
import { descriptorOf, isSilence, nodeName, type SocketOptions } from './socket';
import { ThreadSocket } from './thread_socket';
import { WakeTimer } from './wake';

const EVENTS_PER_TURN = 1 << 12;

export class Link extends Incoming {
  /** Called after every crossing, so that the cache can take the core's decisions. */
  afterCrossing: (() => void) | undefined = undefined;

  private readonly timer = new WakeTimer(() => this.tick());
  private isWaiting = false;
  /** What the socket thread could not serve. */
  private noThread = '';
  private probe: Probe | undefined = undefined;
  private readonly preparation = new Preparation(this.client, this);

  get attempts(): number {
    return this.state[LinkSlot.Attempts];
  }
  get database(): number {
    return this.state[LinkSlot.Database];
  }

  /** Writes the core's own commands. Returns whether there were any. */
  pump(): boolean {
    this.share();
    const hasWritten = this.writeOutput();
    this.after();
    return hasWritten;
  }

  protected override after(): void {
    let flags = this.state[LinkSlot.Flags];
    while ((flags & (LinkFlag.Output | LinkFlag.Events)) !== 0) {
      if ((flags & LinkFlag.Output) !== 0) this.writeOutput();
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

  // ---- events

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
        this.handBack(this.takeOut(a as number), events[i + 2] === 1, events[i + 3] as number | undefined);
        break;
      case LinkEvent.Message:
        this.client.onMessage(MESSAGE_EVENTS[a as MessageKind], events[i + 2] as Buffer, events[i + 3] as Buffer, events[i + 4] as Buffer);
        break;
      case LinkEvent.FieldsetRefused:
        this.client.onFieldsetRefused(a as number, errorAt(events, i + 2));
        break;
      case LinkEvent.CredentialsRefused:
        this.preparation.refused(new ReplyError(errorAt(events, i + 2).message ?? ''));
        break;
      case LinkEvent.Failed:
        if (typeof events[i + 2] === 'string') this.onFailed(errorAt(events, i + 2));
        else this.client.onUnreadable(events[i + 2] as Error);
        break;
      default:
        this.onEvent(events[i] as LinkEvent, a);
    }
  }

  private onFailed(error: CoreError): void {
    this.gauge.onError(error.code, error.message ?? error.code);
    this.client.onFailed(error);
  }

  private onEvent(event: LinkEvent, a: unknown): void {
    const { client } = this;
    switch (event) {
      case LinkEvent.Connect:
        client.onConnecting();
        return this.open();
      case LinkEvent.Close:
        if (this.preparation.stop()) return nextTick(() => this.onLost());
        return closeConnection(this.socket, a === 1, this.socketOptions.disconnectTimeout ?? 2000);
      case LinkEvent.Ready:
        this.followProtocol();
        this.gauge.onReady();
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
        forgetAtExit(this);
        return client.onEnded();
      case LinkEvent.Monitor:
        return client.onMonitor(a as string);
      case LinkEvent.Moved:
        return client.onMoved(a as string);
      case LinkEvent.Warning:
        return client.onWarning(a as string);
      case LinkEvent.Probe:
        return this.startProbe(a as Buffer);
      case LinkEvent.Database:
        // What has been issued since counts.
        this.send();
        return client.onDatabase(this.database);
      case LinkEvent.NothingRan:
        // Among what has not run may be the source of a script.
        this.scripts.clear();
        return;
      case LinkEvent.AskTransport:
        return this.native.transport(descriptorOf(this.socket));
      case LinkEvent.Check:
        return this.native.checked(client.onCheck(a as string));
    }
  }

  // ---- the connection

  connect(): void {
    flushAtExit(this);
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

  /** Applies the client's options before there is a connection. */
  applyOptions(): void {
    this.share();
    this.reconfigure();
  }

  /** Options such as a password may have changed; they apply from the next connection. */
  private reconfigure(): void {
    const { core, socket, shape, asks } = this.client.configure();
    this.preparation.follow(asks);
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
      return nextTick(() => this.giveUp(error as Error));
    }
    this.preparation.start();
  }

  /** @internal */
  onLocated({ host, port }: Address): void {
    this.socketOptions = { ...this.socketOptions, host, port };
    this.node = nodeName(this.socketOptions);
  }

  /** @internal */
  onPrepared(tls: SocketOptions['tls']): void {
    if (tls !== undefined) this.socketOptions = { ...this.socketOptions, tls };
    openConnection(this, this.socketOptions, this.share(), this.client.openStream);
  }

  /** @internal */
  onUnprepared(error: Error): void {
    this.onSocketError(error);
    this.onLost();
  }

  /** @internal */
  authenticate({ username, password }: Credentials): void {
    this.native.authenticate(username, password);
  }

  /** @internal */
  onRead(bytes: number): void {
    turned();
    if (this.handsBack) replied();
    this.polling.onRead(bytes);
    this.takeIn(() => this.native.receive(bytes));
  }

  /** @internal */
  onChunk(chunk: Buffer): void {
    turned();
    if (this.handsBack) replied();
    this.takeIn(() => this.native.receiveChunk(chunk));
  }

  /** @internal */
  onWire(wire: NativeWire): void {
    turned();
    if (this.handsBack) replied();
    const before = wire.bytesRead();
    this.takeIn(() => this.native.receiveWire(wire));
    this.polling.onRead(wire.bytesRead() - before);
  }

  /** @internal */
  onNoThread(reason: string): void {
    if (reason === this.noThread) return;
    this.noThread = reason;
    this.client.onWarning(`transport: 'thread' does not go together with ${reason}: the connection to ${this.node} uses Node's own socket`);
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
    this.gauge.onError((error as NodeJS.ErrnoException).code ?? error.name, error.message);
    this.client.onSocketError(error);
  }

  /** @internal */
  onLost(): void {
    this.gauge.onLost(this.socket);
    this.preparation.lost();
    this.silence.stop();
    this.probe?.stop();
    this.probe = undefined;
    this.polling.reset();
    this.native.closed();
    this.after();
  }

  /** @internal */
  onRefused(error: Error): void {
    // What a function returned may be right the next time.
    if (this.preparation.bringsTls && !this.hasOwnStream) return this.onUnprepared(error);
    this.giveUp(error);
  }

  /** @internal As in ioredis: waiting commands are rejected with the reason (or handed back), and there is no further attempt. */
  giveUp(error: Error): void {
    this.flush();
    this.gauge.onError((error as NodeJS.ErrnoException).code ?? error.name, error.message);
    this.client.onGivenUp(error);
    if (!this.handsBack) this.rejectAll(error);
    this.native.disconnect(false);
    this.native.closed();
    this.after();
  }

  // ---- timers

  /** @internal Takes in what the socket thread has yet to bring, before the time is judged. */
  look(): void {
    if (this.socket instanceof ThreadSocket) this.socket.look();
  }

  private tick(): void {
    this.look();
    this.native.tick();
    this.after();
  }

  /** @internal */
  get room(): Buffer {
    return this.share();
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

showAs(Link.prototype, ({ node, queued }) => ({ node, queued }));

function after(link: Link): void {
  link.goOn();
}
