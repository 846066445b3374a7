/**
 * The life of a client: turns its link's reports into status, events and errors; connects and closes; tracks the database and the mode.
 * The order of events and the error messages are ioredis's.
 */
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { CoreError } from '../core_error';
import { HawserError } from '../errors';
import { ask, nextTick } from '../clock';
import { Command } from '../command/command';
import { LIFE } from '../command/command_defaults';
import { checkedFieldsets, Fieldsets } from '../command/fieldsets';
import { attempt, closedError } from './attempt';
import { clientConfig } from './config';
import { reconnectDelay, renewalDelay } from './delays';
import { Destination } from './destination';
import { logConnection, logRedis, logStatus, watchCommands } from '../observe/debug';
import { ReplyError, withoutWords } from '../observe/errors';
import { Link } from '../link/link';
import type { CommandOwner, LinkClient, LinkConfig, MessageEvent } from '../link/link_client';
import { parseMonitorLine } from '../observe/monitor_line';
import { emitMessage } from './messages';
import { sendMonitor } from './monitoring';
import type { HimportFieldset, ResolvedOptions } from '../options/options';
import { handleReplyError } from './reply_errors';
import { showAs } from '../observe/secrets';
import { silentEmit } from '../observe/silent_emit';
import type { CommandPlace } from '../observe/instrument';
import { noteIssued, traceCommand, type Place } from '../observe/tracing';
import { showWaiting } from './waiting_commands';

/** The status of the connection. A client of `monitor()` has `'monitoring'` instead of `'ready'`; as in ioredis, the type omits that. */
export type RedisStatus = 'wait' | 'connecting' | 'connect' | 'ready' | 'close' | 'reconnecting' | 'end';

export const noop = (): void => {};

/** The client. */
interface Client extends Pick<EventEmitter, 'emit' | 'listenerCount'> {
  once(event: string, listener: () => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
  status: RedisStatus;
  readonly options: ResolvedOptions;
  readonly stream: Socket;
  readonly mode: string;
  sendCommand(command: Command): unknown;
  connect(): Promise<void>;
  disconnect(reconnect?: boolean): void;
}

export { LIFE };

export class Lifecycle implements LinkClient {
  /** The connection; undefined on `memory://`. */
  readonly link: Link | undefined;
  /** Where it connects to. */
  readonly destination: Destination;
  /** The owner of a shared client sees commands that block or change the connection's state. */
  onSlowCommand: ((command: Command) => void) | undefined = undefined;
  /** Takes the client's warnings. Default: the console. */
  warn: ((text: string) => void) | undefined = undefined;
  /** In monitor mode, commands are refused, because the server sends other clients' commands. */
  isMonitoring = false;
  /** The application has ended the connection, so no other one follows. */
  isClosingByHand = false;
  /** The database of commands that are issued now. */
  selected: number;
  /** The number of channels and patterns, as the server last counted them. */
  subscriptions = 0;
  /** The options whose changes are followed. */
  watched: ResolvedOptions | undefined = undefined;
  /** The fieldsets that are prepared on each connection, if there are any. */
  fieldsets: Fieldsets | undefined = undefined;
  /** Routes the commands of this client, if it is a node of a cluster. */
  owner: CommandOwner | undefined = undefined;
  /** The number of requested attempts to connect, for tracing. */
  epoch = 0;
  /** The last MONITOR. */
  private monitor: Command | undefined = undefined;
  private hasBeenReady = false;
  private lastError: Error | undefined = undefined;
  /** Why there will be no further attempt to connect. */
  private hopelessness: Error | undefined = undefined;

  /** `options` are the client's options without change tracking. */
  constructor(
    readonly client: Client,
    public options: ResolvedOptions,
    isMemory: boolean,
  ) {
    this.selected = options.db;
    if (options.himportFieldsets !== undefined) this.useFieldsets((options.himportFieldsets = checkedFieldsets(options.himportFieldsets)));
    this.destination = new Destination(this, options, isMemory);
    this.link = isMemory ? undefined : new Link(this, this.config());
  }

  /** Before the client connects: from now on, `owner` decides where commands go that this connection cannot answer. */
  setOwner(owner: CommandOwner): void {
    this.owner = owner;
    this.link?.applyOptions();
  }

  /** For tracing. */
  place(): Place {
    const { path, host, port } = this.options;
    return { serverAddress: path || host || 'localhost', serverPort: path ? undefined : port || 6379, database: this.selected };
  }

  /** Where commands go now, for instruments. One function, by which they know the server again. */
  readonly whereabouts = (): CommandPlace => {
    const socket = this.link?.socket as Partial<Socket> | undefined;
    return { ...this.place(), peerAddress: socket?.remoteAddress, peerPort: socket?.remotePort };
  };

  setStatus(status: RedisStatus | 'monitoring', argument?: unknown): void {
    const { client } = this;
    if (logRedis.enabled) {
      logStatus(client, status);
      watchCommands(client, () => this.selected);
    }
    client.status = status as RedisStatus;
    nextTick(() => {
      client.emit(status, argument);
    });
  }

  /** Emits an error without requiring a listener. */
  silentEmit(event: string, argument: unknown): boolean {
    return silentEmit(this.client, event, argument, this.isClosingByHand);
  }

  // ---- connecting and closing

  /** Resolves when the connection is ready; rejects with the reason if the attempt fails. */
  connect(): Promise<void> {
    const { client } = this;
    const { link } = this;
    const { status } = client;
    if (link === undefined) return Promise.resolve();
    if (status === 'connecting' || status === 'connect' || status === 'ready') {
      return Promise.reject(new Error('Redis is already connecting/connected'));
    }
    this.isClosingByHand = false;
    this.lastError = this.hopelessness = undefined;
    this.setStatus('connecting');
    return attempt(client, () => link.connect(), () => this.hopelessness ?? closedError(this.lastError));
  }

  disconnect(reconnect: boolean): void {
    const { link } = this;
    const { status } = this.client;
    if (!reconnect) this.isClosingByHand = true;
    this.destination.disconnect();
    if (link === undefined) {
      if (status !== 'end') this.onEnded();
      return;
    }
    if (status === 'wait' && !reconnect) this.setStatus('close');
    link.disconnect(reconnect);
  }

  /** Runs QUIT of a client that has sent nothing, so there is nothing to wait for. */
  quitAtOnce(command: Command): boolean {
    const { client } = this;
    if (client.status === 'ready' || (this.link?.queued ?? 0) > 0) return false;
    client.disconnect();
    command.deliver(!command.replyEncoding ? Buffer.from('OK') : 'OK', { protocol: 3, replyMapping: 'legacy' });
    return true;
  }

  // ---- reports of the link

  onConnecting(): void {
    // Through `connect`, so that wrappers of it see every attempt.
    if (this.client.status !== 'connecting') this.client.connect().catch(noop);
  }

  configure(): LinkConfig {
    if (!this.hasBeenReady && this.selected === this.link?.database) this.selected = this.options.db;
    return this.config();
  }

  private config(): LinkConfig {
    const config = clientConfig(this.options);
    if (this.owner !== undefined) config.core.handsBack = true;
    if (this.fieldsets !== undefined) config.core.himportFieldsets = this.fieldsets.settings;
    return config;
  }

  /** From the next connection on, and on this one before its next HIMPORT SET: the fieldsets to prepare. A replica prepares none. */
  useFieldsets(definitions: readonly HimportFieldset[]): void {
    this.fieldsets = definitions.length === 0 ? undefined : new Fieldsets(definitions, (command) => this.client.sendCommand(command));
  }

  onConnect(): void {
    this.setStatus('connect');
    this.destination.connected();
  }

  get openStream(): (() => Promise<Socket>) | undefined {
    return this.destination.openStream;
  }

  get locate(): (() => Promise<{ host: string; port: number }>) | undefined {
    return this.destination.locate;
  }

  stopLocating(): void {
    this.destination.cancel();
  }

  /** Whether the connection, or the search for a server, keeps the process alive. */
  hold(isHeld: boolean): void {
    if (isHeld) this.link?.ref();
    else this.link?.unref();
    this.destination.hold(isHeld);
  }

  /** Sentinels have announced another master. */
  onSwitch(): void {
    const { client, link } = this;
    if (client.status === 'reconnecting') client.connect().catch(noop);
    else link?.disconnect(true);
  }

  onCheck(info: string): boolean {
    return this.destination.accepts(info);
  }

  onReady(): void {
    const { client } = this;
    showWaiting(this);
    // The new connection starts in the database of the options and then returns to the one in use.
    if (this.hasBeenReady && this.selected !== this.options.db) ask(() => client.emit('select', this.selected));
    this.hasBeenReady = true;
    this.fieldsets?.ready();
    this.destination.ready();
    this.setStatus('ready');
    if (this.options.monitor !== true) return;
    // A server that monitors already does not answer a second MONITOR.
    if (this.monitor === undefined || this.monitor.isSettled) this.monitor = sendMonitor(this);
  }

  onMonitoring(): void {
    this.isMonitoring = true;
    this.setStatus('monitoring');
  }

  /** A client that was made to monitor is of no other use. If the connection was lost instead, the next one is asked. */
  onMonitorRefused(error: Error): void {
    if (this.client.status !== 'ready') return;
    this.silentEmit('error', error);
    this.client.disconnect();
  }

  onSocketError(error: Error): void {
    this.lastError = error;
    logConnection('error: %s', error);
    this.silentEmit('error', error);
  }

  onGivenUp(error: Error): void {
    this.hopelessness = error;
    this.silentEmit('error', error);
  }

  onFailed({ code, message = code }: CoreError): void {
    this.lastError = code === 'E_REPLY' ? new ReplyError(message) : new HawserError(code, code === 'E_PROTOCOL' ? `${message}. Please report this.` : message);
    this.silentEmit('error', this.lastError);
  }

  onRenewalFailed(error: Error): void {
    this.silentEmit('error', error);
  }

  renewalDelay(failures: number): number {
    return renewalDelay(this.options, failures);
  }

  onFieldsetRefused(index: number, error: CoreError): void {
    const command = this.fieldsets?.refuse(index);
    if (command !== undefined) this.silentEmit('error', command.errorOf({ ...error, node: this.link?.node ?? '' }));
  }

  onWarning(text: string): void {
    if (this.warn !== undefined) return this.warn(text);
    // eslint-disable-next-line no-console -- as in ioredis
    console.warn(`[WARN] ${withoutWords(text)}`);
  }

  onClosed(attempts: number): number | null {
    const delay = this.delayAfter(attempts);
    this.destination.lost(delay);
    return delay;
  }

  private delayAfter(attempts: number): number | null {
    this.fieldsets?.forget();
    this.setStatus('close');
    const { options } = this;
    if (!options.autoResubscribe) this.subscriptions = 0;
    const delay = this.isClosingByHand ? undefined : reconnectDelay(options, attempts);
    if (delay === undefined) return null;
    logConnection('reconnect in %sms', delay);
    this.setStatus('reconnecting', delay);
    // Node treats an invalid delay as the shortest one.
    return delay > 0 ? delay : 0;
  }

  onEnded(): void {
    const { status } = this.client;
    logConnection('skip reconnecting: %s', this.isClosingByHand ? 'closed by hand' : (this.hopelessness ?? 'retryStrategy has no delay'));
    if (!this.options.autoResubscribe) this.subscriptions = 0;
    if (this.link !== undefined) this.selected = this.link.database;
    if (status !== 'close' && status !== 'wait') this.setStatus('close');
    this.setStatus('end');
    this.destination.close();
  }

  onUnreadable(error: Error): void {
    this.silentEmit('error', error);
  }

  onMessage(event: MessageEvent, pattern: Buffer, channel: Buffer, payload: Buffer): void {
    emitMessage(this, event, pattern, channel, payload);
  }

  onMonitor(line: string): void {
    const seen = parseMonitorLine(line);
    if (seen !== undefined) this.client.emit('monitor', ...seen);
  }

  onMoved(channel: string): void {
    this.client.emit('moved', channel);
  }

  onReplyError(command: Command, text: string, database: number, left?: number): boolean {
    const isSentAgain = handleReplyError(this, command, text, database);
    if (isSentAgain && left !== undefined) this.keepDeadline(command, left);
    return isSentAgain;
  }

  onHandedBack(command: Command, sent: boolean, left?: number): void {
    this.owner?.onHandedBack(command, sent);
    if (left !== undefined) this.keepDeadline(command, left);
  }

  /** `commandTimeout` counts from the call, wherever the command goes from here. */
  private keepDeadline(command: Command, left: number): void {
    const node = this.link?.node ?? '';
    command.keepDeadline(left, () => this.owner?.whereabouts?.(command) ?? { node, maybeExecuted: true });
  }

  // ---- what commands change

  /** Traces a command that is written now. A waiting command is traced when it is written, a refused one not at all. */
  trace(command: Command): Promise<unknown> | undefined {
    const { client } = this;
    const isRefused = this.isMonitoring || (client.mode === 'subscriber' && !Command.checkFlag('VALID_IN_SUBSCRIBER_MODE', command.name));
    // A SELECT belongs to the database that it selects, as in ioredis.
    noteIssued(command, command.meta.lower === 'select' ? Number(String(command.args[0])) : this.selected);
    if (client.status === 'ready' && !isRefused) return traceCommand(command, this.place());
    return undefined;
  }

  /** Follows a SELECT. */
  follow(argument: string | Buffer | undefined): void {
    const db = Number(String(argument));
    if (!Number.isInteger(db) || db === this.selected) return;
    this.selected = db;
    logRedis('switch to db [%d]', db);
    this.client.emit('select', db);
  }

  /** A SELECT has come to nothing: it was refused, discarded, or lost with its transaction or connection. */
  onDatabase(db: number): void {
    this.selected = db;
  }

  /** Tracks the number in the answer to a subscription. */
  count(command: Command): void {
    const deliver = command.deliver.bind(command);
    command.deliver = (total, context) => {
      this.subscriptions = Number(total);
      deliver(total, context);
    };
  }
}

showAs(Lifecycle.prototype, ({ options, selected }) => ({ options, selected }));
