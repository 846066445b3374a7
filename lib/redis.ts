/**
 * `Redis`: the client, compatible with ioredis. Its connection is a `Link`; what is here is what users see of it: options, status, events,
 * commands, pipelines.
 */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Cluster } from './cluster';
import { HawserError } from './errors';
import { clientConfig, isMemoryUrl } from './client/config';
import { nextTick, surface } from './client/clock';
import { callBack, Command, type Callback, type CommandOptions } from './client/command';
import {
  addBuiltinCommand,
  createBuiltinCommand,
  defineCommand,
  installCommands,
  type CommandTarget,
  type Detours,
  type ScriptDefinition,
} from './client/commander';
import type { ChainableCommander, ExecResult, MappingOf, RedisCommander, ReplyMappingFromOptions, ReplyMappingMode } from './client/commands';
import { AbortError, CONNECTION_CLOSED_ERROR_MSG, ReplyError } from './client/errors';
import type { EmitterClass, RedisEvents } from './client/events';
import { standaloneView } from './client/connectors';
import { logCommand, logConnection, logRedis, logStatus, watchCommands } from './client/debug';
import { watchOptions, wayOf } from './client/live_options';
import { Link } from './client/link';
import type { LinkClient, MessageKind } from './client/link_client';
import { DEFAULT_REDIS_OPTIONS, parseArguments, type ClientOptions, type ConnectorLike, type ResolvedOptions } from './client/options';
import { pairsOf, Pipeline } from './client/pipeline';
import { CommandQueue } from './client/queues';
import { parseInfo, readyCheck } from './client/ready_check';
import { ScanStream, type ScanOptions } from './client/scan_stream';
import { sendSource, type Script } from './client/script';
import { builtinCommands } from './client/table';
import { isTracing, noteIssued, traceCommand, traceConnect, type Place } from './client/tracing';
import './client/transformers';

/** Of the connection. A client of `monitor()` says `'monitoring'` where others say `'ready'`; that is not in the type, as in ioredis. */
export type RedisStatus = 'wait' | 'connecting' | 'connect' | 'ready' | 'close' | 'reconnecting' | 'end';

const noop = (): void => {};

export interface Redis<ReplyMapping extends ReplyMappingMode = 'legacy'> extends RedisCommander<{ type: 'default'; mapping: MappingOf<ReplyMapping> }> {}

/**
 * A client of one server. Compatible with ioredis: change the import.
 *
 * `new Redis({ replyMapping: 'resp3' })` is a `Redis<'resp3'>`, whose replies have RESP3's shapes: `zscore` a number, `config('GET')` an object.
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- the methods come from the command table
export class Redis<ReplyMapping extends ReplyMappingMode = 'legacy'> extends (EventEmitter as EmitterClass<RedisEvents>) implements CommandTarget {
  /** Set by the package's entry. */
  static Cluster: typeof Cluster;
  /** `new Redis.Command(name, args)`, for `sendCommand`. */
  static Command = Command;
  /** What a command rejects with when the server answers an error. */
  static ReplyError = ReplyError;
  /** ioredis's name for them. */
  static readonly defaultOptions = DEFAULT_REDIS_OPTIONS;

  /** `new Redis(...)`, by node-redis's name. */
  static createClient(...args: ConstructorParameters<typeof Redis>): Redis {
    return new Redis(...args);
  }

  /** @internal `options`, for whoever does not change them. */ resolved: ResolvedOptions;
  private areOptionsWatched = false;
  /** Events of the same names follow a tick later. */
  status: RedisStatus = 'wait';
  /** Tells a client of one server from a `Cluster`. */
  readonly isCluster = false;
  /** The scripts of `defineCommand`, by name. */
  scriptsSet: Record<string, Script> = {};
  /** The names of `addBuiltinCommand`. */
  addedBuiltinSet = new Set<string>();
  /** @internal */ utf8Options: CommandOptions;
  /** @internal */ bufferOptions: CommandOptions;
  /** @internal */ detours: Detours | undefined = undefined;
  /** The connection; undefined on `memory://`. */
  readonly link: Link | undefined;
  private readonly isMemory: boolean;
  private isMonitoring = false;
  private isClosingByHand = false;
  /** The database that commands issued now run in. */
  private selected: number;
  private hasBeenReady = false;
  private connectionEpoch = 0;
  /** Channels and patterns, as the server last counted them. */
  private subscriptions = 0;
  private lastError: Error | undefined = undefined;
  /** Why there will be no other attempt to connect. */
  private hopelessness: Error | undefined = undefined;
  private readonly ownConnector: ConnectorLike | undefined;

  /**
   * Connects, unless `lazyConnect`. `path` is a socket's, or a URL: `redis://user:password@host:port/db?option=value`, `rediss://` for TLS.
   * Throws on options that cannot be meant (code `E_BAD_OPTION`, or ioredis's message); what fails later is an `error` event.
   */
  constructor(port: number, host: string, options?: ClientOptions<ReplyMapping>);
  constructor(port: number, options?: ClientOptions<ReplyMapping>);
  constructor(path: string, options?: ClientOptions<ReplyMapping>);
  constructor(options?: ClientOptions<ReplyMapping>);
  /** Earlier arguments win over later ones. */
  constructor(...args: (number | string | ClientOptions<ReplyMapping> | null | undefined)[]);
  /** For what a subclass passes on: which mode its options have is its own to say. */
  constructor(...args: (number | string | ClientOptions | null | undefined)[]);
  constructor(...args: unknown[]) {
    super();
    this.isMemory = args.some(isMemoryUrl);
    this.resolved = parseArguments(args.filter((arg) => !isMemoryUrl(arg)));
    this.selected = this.resolved.db;
    ({ utf8Options: this.utf8Options, bufferOptions: this.bufferOptions, detours: this.detours } = wayOf(this));
    const { Connector } = this.resolved;
    this.ownConnector = Connector ? new Connector(this.resolved) : undefined;
    this.link = this.isMemory ? undefined : this.createLink();
    watchCommands(this, () => this.selected);
    for (const [name, definition] of Object.entries(this.resolved.scripts ?? {})) this.defineCommand(name, definition);
    if (this.isMemory) this.setStatus('ready');
    else if (this.resolved.lazyConnect) this.setStatus('wait');
    else this.connect().catch(noop);
  }

  private createLink(): Link {
    const client: LinkClient = {
      onConnecting: () => {
        // By whoever wraps `connect`, the second time as the first.
        if (this.status !== 'connecting') this.connect().catch(noop);
      },
      configure: () => {
        if (!this.hasBeenReady && this.selected === this.link?.database) this.selected = this.resolved.db;
        return clientConfig(this.resolved);
      },
      onConnect: () => this.setStatus('connect'),
      onCheck: (info) => this.ownConnector?.check === undefined || Boolean(ask(() => this.ownConnector?.check?.(parseInfo(info)))),
      onGivenUp: (error) => {
        this.hopelessness = error;
        this.silentEmit('error', error);
      },
      onReady: () => this.onReady(),
      onSocketError: (error) => {
        this.lastError = error;
        logConnection('error: %s', error);
        this.silentEmit('error', error);
      },
      onClosed: (attempts) => this.onClosed(attempts),
      onEnded: () => this.onEnded(),
      onMessage: (kind, pattern, channel, payload) => this.onMessage(kind, pattern, channel, payload),
      onMonitor: (line) => this.onMonitorLine(line),
      onMoved: (channel) => this.emit('moved', channel),
      onFailed: (code, text) => {
        this.lastError = code === 'E_REPLY' ? new ReplyError(text) : new HawserError(code, code === 'E_PROTOCOL' ? `${text}. Please report this.` : text);
        this.silentEmit('error', this.lastError);
      },
      // eslint-disable-next-line no-console -- as in ioredis
      onWarning: (text) => console.warn(`[WARN] ${text}`),
      onReplyError: (command, text, database) => this.onReplyError(command, text, database),
    };
    const own = this.ownConnector;
    if (own !== undefined) client.openStream = () => own.connect((event, error) => this.silentEmit(event, error));
    return new Link(client, clientConfig(this.resolved));
  }

  /**
   * As given, with defaults. What is unknown to the client is kept. What is changed counts from the next connection on, or, where it concerns how
   * commands are made (`keyPrefix`, `enableAutoPipelining`, `showFriendlyErrorStack`), from the next command on.
   */
  get options(): ResolvedOptions {
    // The prototype has none, and tools that mock classes look there.
    if (!this.areOptionsWatched && (this.resolved as unknown) !== undefined) {
      this.areOptionsWatched = true;
      watchOptions(this.resolved, () => Object.assign(this, wayOf(this)));
    }
    return this.resolved;
  }

  set options(options: ResolvedOptions) {
    this.resolved = options;
    this.areOptionsWatched = false;
    Object.assign(this, wayOf(this));
  }

  // ---- status

  /** `normal`; `subscriber` (RESP2 with subscriptions); `monitor`. */
  get mode(): 'normal' | 'subscriber' | 'monitor' {
    if (this.resolved.monitor === true) return 'monitor';
    return this.subscriptions > 0 && this.link?.protocol === 2 ? 'subscriber' : 'normal';
  }

  /** Node's own socket. There is none before the first attempt to connect; the type is ioredis's, which leaves that out. */
  get stream(): Socket {
    return this.link?.socket as Socket;
  }

  /** Attempts to connect since the client was ready last. */
  get retryAttempts(): number {
    return this.link?.attempts ?? 0;
  }

  /** What opens the client's streams: the application's own `Connector`, or a view of what hawser has in its place. */
  get connector(): ConnectorLike & { readonly stream?: Socket | undefined } {
    return this.ownConnector ?? standaloneView(this);
  }

  /** Commands that `enableAutoPipelining` holds until the turn of the event loop is over. */
  get autoPipelineQueueSize(): number {
    return this.detours?.autoPipeline?.length ?? 0;
  }

  /** Commands that are to be answered over the present connection. A view: look, do not touch. */
  get commandQueue(): CommandQueue {
    return new CommandQueue(() => (this.status === 'ready' ? (this.link?.pending() ?? []) : []));
  }

  /** Commands that wait for a connection. A view: look, do not touch. */
  get offlineQueue(): CommandQueue {
    return new CommandQueue(() => (this.status === 'ready' ? [] : (this.link?.pending() ?? [])));
  }

  private setStatus(status: RedisStatus | 'monitoring', argument?: unknown): void {
    if (logRedis.enabled) {
      logStatus(this, status);
      watchCommands(this, () => this.selected);
    }
    this.status = status as RedisStatus;
    nextTick(() => {
      this.emit(status, argument);
    });
  }

  /** Asks the server until it has loaded its data: `callback(error, info)`. ioredis's name; the handshake has a check of its own. */
  _readyCheck(callback: Callback): void {
    readyCheck(this, callback);
  }

  /** Emits an error that nobody has to listen to. */
  private silentEmit(event: string, argument: unknown): boolean {
    if (event === 'error') {
      if (this.status === 'end') return false;
      const error = argument as NodeJS.ErrnoException;
      if (this.isClosingByHand && (error.syscall === 'connect' || error.syscall === 'read' || error.message === CONNECTION_CLOSED_ERROR_MSG)) return false;
      if (this.listenerCount('error') === 0) {
        // eslint-disable-next-line no-console -- ioredis's line, which people look for
        console.error('[ioredis] Unhandled error event:', error.stack);
        return false;
      }
    }
    // A listener that throws must not keep the socket from closing.
    try {
      return this.emit(event, argument);
    } catch (thrown) {
      surface(thrown);
      return true;
    }
  }

  private onReady(): void {
    this.showWaiting();
    // The new connection starts in the database of the options, and is brought back to the one in use.
    if (this.hasBeenReady && this.selected !== this.resolved.db) ask(() => this.emit('select', this.selected));
    this.hasBeenReady = true;
    if (this.resolved.monitor === true) {
      this.isMonitoring = true;
      this.link?.push(new Command('monitor', [], this.utf8Options, noop));
      this.setStatus('monitoring');
      return;
    }
    this.setStatus('ready');
  }

  /** What waited for the connection is written now. */
  private showWaiting(): void {
    const isTraced = isTracing();
    if (!isTraced && !logRedis.enabled && !logConnection.enabled) return;
    const waiting = this.link?.pending() ?? [];
    if (waiting.length > 0) logConnection('send %d commands in offline queue', waiting.length);
    for (const command of waiting) {
      if (logRedis.enabled) logCommand(this, 'write', command, this.selected);
      if (isTraced) void traceCommand(command, this.place());
    }
  }

  private onClosed(attempts: number): number | null {
    this.setStatus('close');
    const strategy = this.resolved.retryStrategy;
    if (this.isClosingByHand || typeof strategy !== 'function') return null;
    const delay = ask(() => strategy(attempts));
    if (typeof delay !== 'number') return null;
    logConnection('reconnect in %sms', delay);
    this.setStatus('reconnecting', delay);
    // What no timer takes, Node's takes for the shortest delay.
    return delay > 0 ? delay : 0;
  }

  private onEnded(): void {
    logConnection('skip reconnecting: %s', this.isClosingByHand ? 'closed by hand' : (this.hopelessness ?? 'retryStrategy has no delay'));
    this.subscriptions = 0;
    if (this.status !== 'close' && this.status !== 'wait') this.setStatus('close');
    this.setStatus('end');
  }

  /**
   * Connects. Resolves when the connection is ready; rejects with what went wrong when the first attempt fails, or when the client is connecting
   * or connected already.
   */
  connect(callback?: Callback<void>): Promise<void> {
    const connecting = traceConnect(() => this.startConnecting(), ++this.connectionEpoch, () => this.place());
    return callback === undefined ? connecting : callBack(connecting, callback as Callback);
  }

  private startConnecting(): Promise<void> {
    if (this.link === undefined) return Promise.resolve();
    if (this.status === 'connecting' || this.status === 'connect' || this.status === 'ready') {
      return Promise.reject(new Error('Redis is already connecting/connected'));
    }
    this.isClosingByHand = false;
    this.lastError = this.hopelessness = undefined;
    this.setStatus('connecting');
    const { link } = this;
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => {
        this.removeListener('ready', onReady);
        this.removeListener('close', onClose);
        if (error) reject(error);
        else resolve();
      };
      const onReady = (): void => settle();
      const onClose = (): void => settle(this.hopelessness ?? closedError(this.lastError));
      this.once('ready', onReady);
      this.once('close', onClose);
      link.connect();
    });
  }

  /** Closes the connection at once; commands that wait for a reply are rejected. `reconnect`: a new one is opened by the retry strategy. */
  disconnect(reconnect = false): void {
    if (!reconnect) this.isClosingByHand = true;
    this.ownConnector?.disconnect();
    if (this.link === undefined) {
      if (this.status !== 'end') this.onEnded();
      return;
    }
    if (this.status === 'wait') this.setStatus('close');
    this.link.disconnect(reconnect);
  }

  /** @deprecated Use `disconnect`. */
  end(): void {
    this.disconnect();
  }

  /** A new client with the same options, and others where given. */
  duplicate<Override extends Partial<ClientOptions> | undefined = undefined>(override?: Override): Redis<ReplyMappingFromOptions<ReplyMapping, Override>> {
    const options = { ...this.resolved, ...override } as ClientOptions<ReplyMappingFromOptions<ReplyMapping, Override>>;
    return this.isMemory ? new Redis('memory://', options) : new Redis(options);
  }

  /** Keeps the process alive as long as the connection is open (the default). */
  ref(): this {
    this.link?.ref();
    return this;
  }

  /** Lets the process exit although the connection is open. */
  unref(): this {
    this.link?.unref();
    return this;
  }

  // ---- commands

  /** Sends a command. Every call goes through here, pipelined ones included: tools wrap it. */
  sendCommand(command: Command, pipeline?: unknown): unknown {
    const { link } = this;
    const traced = isTracing() && link !== undefined ? this.trace(command) : undefined;
    if (this.status === 'ready' && !command.meta.isSpecial && command.script === undefined && link !== undefined) link.push(command);
    else this.sendSpecial(command);
    if (pipeline !== undefined) return undefined;
    return traced ?? command.promise;
  }

  /** Traces a command that is written now. One that has to wait is traced when it is written, one that is refused not at all. */
  private trace(command: Command): Promise<unknown> | undefined {
    const isRefused = this.isMonitoring || (this.mode === 'subscriber' && !Command.checkFlag('VALID_IN_SUBSCRIBER_MODE', command.name));
    // A SELECT is in the database that it selects, as in ioredis.
    noteIssued(command, command.meta.lower === 'select' ? Number(String(command.args[0])) : this.selected);
    if (this.status === 'ready' && !isRefused) return traceCommand(command, this.place());
    return undefined;
  }

  private sendSpecial(command: Command): void {
    const { link } = this;
    if (link === undefined) return this.refuseOnMemory(command);
    if (this.status === 'wait') this.connect().catch(noop);
    if (this.status === 'end') return command.reject(new Error(CONNECTION_CLOSED_ERROR_MSG));
    if (this.isMonitoring && command.meta.lower !== 'quit') {
      return command.reject(new Error("Connection is in monitoring mode, can't process commands."));
    }
    if (this.resolved.enableOfflineQueue === false && this.status !== 'ready') {
      return command.deliverFailure({ code: 'E_OFFLINE', node: link.node });
    }
    switch (command.meta.lower) {
      case 'quit':
        if (this.quitAtOnce(command, link)) return;
        this.isClosingByHand = true;
        break;
      case 'select':
        this.follow(command.args[0]);
        break;
    }
    if (isSubscription(command)) this.count(command);
    const ms = this.blockingTimeoutOf(command);
    if (ms !== undefined) command.setBlockingTimeout(ms);
    if (command.script !== undefined) this.chooseEval(command, link);
    link.push(command);
  }

  /** Who wants it has blocking commands resolve null by themselves: after their own time, or after `blockingTimeout`. */
  private blockingTimeoutOf(command: Command): number | undefined {
    const { blockingTimeout, blockingTimeoutGrace } = this.resolved;
    if (typeof blockingTimeout !== 'number' || blockingTimeout <= 0 || !Command.checkFlag('BLOCKING_COMMANDS', command.meta.lower)) return undefined;
    if (this.status !== 'ready') return blockingTimeout;
    const own = command.extractBlockingTimeout();
    if (own === undefined) return undefined;
    return own === null || own === 0 ? blockingTimeout : own + (blockingTimeoutGrace ?? 100);
  }

  /** @internal For tracing. */
  place(): Place {
    const { path, host, port } = this.resolved;
    return { serverAddress: path || host || 'localhost', serverPort: path ? undefined : port || 6379, database: this.selected };
  }

  /** Takes note of what a subscription is answered. */
  private count(command: Command): void {
    command.deliver = (total, context) => {
      this.subscriptions = Number(total);
      Command.prototype.deliver.call(command, total, context);
    };
  }

  /** Before anything was sent there is nothing to wait for. */
  private quitAtOnce(command: Command, link: Link): boolean {
    if (this.status === 'ready' || link.queued > 0) return false;
    this.disconnect();
    command.deliver(!command.replyEncoding ? Buffer.from('OK') : 'OK', { protocol: 3, replyMapping: 'legacy' });
    return true;
  }

  private follow(argument: string | Buffer | undefined): void {
    const db = Number(String(argument));
    if (!Number.isInteger(db) || db === this.selected) return;
    this.selected = db;
    logRedis('switch to db [%d]', db);
    this.emit('select', db);
  }

  /** The first use of a script on a connection sends its source. */
  private chooseEval(command: Command, link: Link): void {
    const script = command.script as Script;
    if (link.scripts.has(script.sha)) return;
    link.scripts.add(script.sha);
    sendSource(command, script);
  }

  private refuseOnMemory(command: Command): void {
    if (command.meta.lower === 'quit') {
      command.deliver('OK', { protocol: 3, replyMapping: 'legacy' });
      this.disconnect();
      return;
    }
    const error = new HawserError(
      'E_NEEDS_SERVER',
      `${command.name} needs a Redis server, and the URL is memory://, which has a cache and a bus but no commands. Set REDIS_URL to redis://...`,
      { command: command.name, node: 'memory://' },
    );
    command.reject(error);
  }

  /** The server's error, before its caller hears of it: a forgotten script is sent again, `reconnectOnError` is asked. */
  private onReplyError(command: Command, text: string, database: number): boolean {
    const { link } = this;
    if (link === undefined) return false;
    if (command.script !== undefined && !command.inTransaction && command.name === 'evalsha' && text.startsWith('NOSCRIPT')) {
      sendSource(command, command.script);
      link.sendAgain(command, database);
      return true;
    }
    if (command.meta.lower === 'select') this.selected = link.database;
    const { reconnectOnError } = this.resolved;
    if (typeof reconnectOnError !== 'function' || Command.checkFlag('IGNORE_RECONNECT_ON_ERROR', command.meta.lower)) return false;
    const verdict = ask(() => reconnectOnError(command.errorOf({ code: 'E_REPLY', node: link.node, text })));
    if (verdict !== true && verdict !== 1 && verdict !== 2) return false;
    if (this.status !== 'reconnecting') this.disconnect(true);
    // What belongs to a transaction would run outside of it.
    if (verdict !== 2 || command.inTransaction || command.meta.lower === 'exec') return false;
    link.sendAgain(command, database);
    return true;
  }

  /** Any number of commands in one write. */
  pipeline(commands?: readonly (readonly unknown[])[]): ChainableCommander<MappingOf<ReplyMapping>> {
    const pipeline = new Pipeline(this, false) as unknown as ChainableCommander<MappingOf<ReplyMapping>>;
    return Array.isArray(commands) ? pipeline.addBatch(commands as unknown[][]) : pipeline;
  }

  /** A transaction: a pipeline between MULTI and EXEC. With `{ pipeline: false }` MULTI is sent at once. */
  multi(options: { pipeline: false }): Promise<'OK'>;
  multi(options: { pipeline: true }): ChainableCommander<MappingOf<ReplyMapping>>;
  multi(commands?: readonly (readonly unknown[])[]): ChainableCommander<MappingOf<ReplyMapping>>;
  multi(commands: readonly (readonly unknown[])[], options: { pipeline: false }): Promise<'OK'>;
  multi(argument?: readonly (readonly unknown[])[] | { pipeline: boolean } | null, options?: { pipeline: boolean }): ChainableCommander<MappingOf<ReplyMapping>> | Promise<'OK'> {
    const { pipeline: isCollected } = (options ?? (Array.isArray(argument) ? {} : argument) ?? {}) as { pipeline?: boolean };
    if (isCollected === false) {
      return this.sendCommand(new Command('multi', [], this.utf8Options)) as Promise<'OK'>;
    }
    const pipeline = new Pipeline(this, true) as unknown as ChainableCommander<MappingOf<ReplyMapping>>;
    return Array.isArray(argument) ? pipeline.addBatch(argument) : pipeline;
  }

  /** Runs a transaction that was opened with `multi({ pipeline: false })`. */
  exec(callback?: Callback<ExecResult | null>): Promise<ExecResult | null> {
    const command = new Command('exec', [], this.utf8Options);
    // Behind the commands that are held.
    const sent = ((this.detours?.autoPipeline?.add(command) ?? this.sendCommand(command)) as Promise<unknown>).then(pairsOf);
    return callback === undefined ? sent : callBack(sent, callback as Callback);
  }

  /** Makes a Lua script a method, here and on pipelines made from now on. */
  defineCommand(name: string, definition: ScriptDefinition): void {
    defineCommand(this, name, definition);
  }

  /** The names of all commands that are methods, lower-case. */
  getBuiltinCommands(): string[] {
    return builtinCommands.slice();
  }

  /** The two methods of a command: for strings and for Buffers. */
  createBuiltinCommand(name: string): ReturnType<typeof createBuiltinCommand> {
    return createBuiltinCommand(name);
  }

  /** Makes a command that the client does not know a method, `x` and `xBuffer`, here and on pipelines made from now on. */
  addBuiltinCommand(name: string): void {
    this.addedBuiltinSet.add(name);
    addBuiltinCommand(this, name);
  }

  /** Streams the keys that SCAN finds, each `data` one page, which may be empty. A key may come twice. */
  scanStream(options?: ScanOptions): ScanStream {
    return this.createScanStream('scan', undefined, options);
  }
  /** Pages of Buffers, as with all `...BufferStream`. */
  scanBufferStream(options?: ScanOptions): ScanStream {
    return this.createScanStream('scanBuffer', undefined, options);
  }
  /** Pages of `[field, value, ...]`; with `noValues` of fields. */
  hscanStream(key: string | Buffer, options?: ScanOptions): ScanStream {
    return this.createScanStream('hscan', key, options);
  }
  /** The same in Buffers. */
  hscanBufferStream(key: string | Buffer, options?: ScanOptions): ScanStream {
    return this.createScanStream('hscanBuffer', key, options);
  }
  /** Pages of members. */
  sscanStream(key: string | Buffer, options?: ScanOptions): ScanStream {
    return this.createScanStream('sscan', key, options);
  }
  /** The same in Buffers. */
  sscanBufferStream(key: string | Buffer, options?: ScanOptions): ScanStream {
    return this.createScanStream('sscanBuffer', key, options);
  }
  /** Pages of `[member, score, ...]`, scores as text. */
  zscanStream(key: string | Buffer, options?: ScanOptions): ScanStream {
    return this.createScanStream('zscan', key, options);
  }
  /** The same in Buffers. */
  zscanBufferStream(key: string | Buffer, options?: ScanOptions): ScanStream {
    return this.createScanStream('zscanBuffer', key, options);
  }

  private createScanStream(command: string, key: string | Buffer | undefined, options: ScanOptions = {}): ScanStream {
    return new ScanStream({ objectMode: true, redis: this, command, ...(key === undefined ? {} : { key }), ...options });
  }

  // ---- messages

  private onMessage(kind: MessageKind, pattern: Buffer, channel: Buffer, payload: Buffer): void {
    const hasText = this.listenerCount(kind) > 0;
    if (kind === 'pmessage') {
      if (hasText) ask(() => this.emit(kind, pattern.toString(), channel.toString(), payload.toString()));
      this.emit('pmessageBuffer', pattern.toString(), channel, payload);
      return;
    }
    if (hasText) ask(() => this.emit(kind, channel.toString(), payload.toString()));
    this.emit(`${kind}Buffer`, channel, payload);
  }

  /** A new client that receives every command the server runs as `monitor` events: `(time, args, source, database)`. */
  monitor(callback?: Callback<Redis>): Promise<Redis> {
    const client = this.duplicate({ monitor: true, lazyConnect: false }) as unknown as Redis;
    const ready = new Promise<Redis>((resolve, reject) => {
      client.once('error', reject);
      client.once('monitoring', () => resolve(client));
    });
    return callback === undefined ? ready : callBack(ready, callback as Callback);
  }

  private onMonitorLine(line: string): void {
    const end = line.indexOf(' ');
    const head = /^(\d+\.\d+) \[(\d+) (.*?)\] /.exec(line);
    if (head === null || end < 0) return;
    const [whole, time, database, source] = head as unknown as [string, string, string, string];
    const args = line.slice(whole.length).match(/"(?:\\.|[^"\\])*"/g) ?? [];
    const unquoted = args.map((arg) => arg.slice(1, -1).replace(/\\"/g, '"'));
    this.emit('monitor', time, unquoted, source, database);
  }
}

installCommands(Redis.prototype);

function isSubscription({ meta }: Command): boolean {
  return Command.checkFlag('ENTER_SUBSCRIBER_MODE', meta.lower) || Command.checkFlag('EXIT_SUBSCRIBER_MODE', meta.lower);
}

/** The answer of a function of the user's; none if it throws. */
function ask<T>(question: () => T): T | undefined {
  try {
    return question();
  } catch (thrown) {
    surface(thrown);
    return undefined;
  }
}

/** Why `connect` was rejected: ioredis's words, with what went wrong as its cause. */
function closedError(cause: Error | undefined): Error {
  return new Error(CONNECTION_CLOSED_ERROR_MSG, cause === undefined ? undefined : { cause });
}

export { AbortError };
