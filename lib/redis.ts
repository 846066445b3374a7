/**
 * `Redis`: the client, compatible with ioredis. Its connection is a `Link`; what is here is what users see of it: options, status, events,
 * commands, pipelines.
 */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Cluster } from './cluster';
import { HawserError } from './errors';
import { clientConfig, isMemoryUrl } from './client/config';
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
import { watchCommands } from './client/debug';
import { Lifecycle, noop, type RedisStatus } from './client/lifecycle';
import { watchOptions, wayOf } from './client/live_options';
import { Link } from './client/link';
import { DEFAULT_REDIS_OPTIONS, parseArguments, type ClientOptions, type ConnectorLike, type ResolvedOptions } from './client/options';
import { pairsOf, Pipeline } from './client/pipeline';
import { CommandQueue } from './client/queues';
import { readyCheck } from './client/ready_check';
import { ScanStream, type ScanOptions } from './client/scan_stream';
import { sendSource, type Script } from './client/script';
import { builtinCommands } from './client/table';
import { isTracing, noteIssued, traceCommand, traceConnect, type Place } from './client/tracing';
import './client/transformers';

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
  /** @internal */ readonly lifecycle: Lifecycle;
  private connectionEpoch = 0;

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
    ({ utf8Options: this.utf8Options, bufferOptions: this.bufferOptions, detours: this.detours } = wayOf(this));
    this.lifecycle = new Lifecycle(this);
    this.link = this.isMemory ? undefined : new Link(this.lifecycle, clientConfig(this.resolved));
    watchCommands(this, () => this.lifecycle.selected);
    for (const [name, definition] of Object.entries(this.resolved.scripts ?? {})) this.defineCommand(name, definition);
    if (this.isMemory) this.lifecycle.setStatus('ready');
    else if (this.resolved.lazyConnect) this.lifecycle.setStatus('wait');
    else this.connect().catch(noop);
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
    return this.lifecycle.subscriptions > 0 && this.link?.protocol === 2 ? 'subscriber' : 'normal';
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
    return this.lifecycle.connector ?? standaloneView(this);
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

  /** @internal ioredis's name: emits an error that nobody has to listen to. */
  silentEmit(event: string, argument: unknown): boolean {
    return this.lifecycle.silentEmit(event, argument);
  }

  /** Asks the server until it has loaded its data: `callback(error, info)`. ioredis's name; the handshake has a check of its own. */
  _readyCheck(callback: Callback): void {
    readyCheck(this, callback);
  }

  /**
   * Connects. Resolves when the connection is ready; rejects with what went wrong when the first attempt fails, or when the client is connecting
   * or connected already.
   */
  connect(callback?: Callback<void>): Promise<void> {
    const connecting = traceConnect(() => this.lifecycle.connect(), ++this.connectionEpoch, () => this.place());
    return callback === undefined ? connecting : callBack(connecting, callback as Callback);
  }

  /** Closes the connection at once; commands that wait for a reply are rejected. `reconnect`: a new one is opened by the retry strategy. */
  disconnect(reconnect = false): void {
    this.lifecycle.disconnect(reconnect);
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
    const isRefused = this.lifecycle.isMonitoring || (this.mode === 'subscriber' && !Command.checkFlag('VALID_IN_SUBSCRIBER_MODE', command.name));
    // A SELECT is in the database that it selects, as in ioredis.
    noteIssued(command, command.meta.lower === 'select' ? Number(String(command.args[0])) : this.lifecycle.selected);
    if (this.status === 'ready' && !isRefused) return traceCommand(command, this.place());
    return undefined;
  }

  private sendSpecial(command: Command): void {
    const { link } = this;
    if (link === undefined) return this.refuseOnMemory(command);
    if (this.status === 'wait') this.connect().catch(noop);
    if (this.status === 'end') return command.reject(new Error(CONNECTION_CLOSED_ERROR_MSG));
    if (this.lifecycle.isMonitoring && command.meta.lower !== 'quit') {
      return command.reject(new Error("Connection is in monitoring mode, can't process commands."));
    }
    if (this.resolved.enableOfflineQueue === false && this.status !== 'ready') {
      return command.deliverFailure({ code: 'E_OFFLINE', node: link.node });
    }
    switch (command.meta.lower) {
      case 'quit':
        if (this.lifecycle.quitAtOnce(command)) return;
        this.lifecycle.isClosingByHand = true;
        break;
      case 'select':
        this.lifecycle.follow(command.args[0]);
        break;
    }
    if (isSubscription(command)) this.lifecycle.count(command);
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
    return { serverAddress: path || host || 'localhost', serverPort: path ? undefined : port || 6379, database: this.lifecycle.selected };
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

  /** A new client that receives every command the server runs as `monitor` events: `(time, args, source, database)`. */
  monitor(callback?: Callback<Redis>): Promise<Redis> {
    const client = this.duplicate({ monitor: true, lazyConnect: false }) as unknown as Redis;
    const ready = new Promise<Redis>((resolve, reject) => {
      client.once('error', reject);
      client.once('monitoring', () => resolve(client));
    });
    return callback === undefined ? ready : callBack(ready, callback as Callback);
  }

}

installCommands(Redis.prototype);

function isSubscription({ meta }: Command): boolean {
  return Command.checkFlag('ENTER_SUBSCRIBER_MODE', meta.lower) || Command.checkFlag('EXIT_SUBSCRIBER_MODE', meta.lower);
}

export { AbortError };
