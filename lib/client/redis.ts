/**
 * `Redis`: the client, compatible with ioredis. Its connection is a `Link`; this class is the public side: options, status, events,
 * commands, pipelines.
 */
import type { Socket } from 'node:net';
import { isMemoryUrl } from './config';
import { callBack, type Callback } from '../command/callback';
import { Command } from '../command/command';
import { CommandClient, scanStreamOf, type ClientClass } from '../command/client';
import type { CommandTarget } from '../command/commander';
import type { MappingOf, RedisCommander, ReplyMappingFromOptions, ReplyMappingMode, Transaction } from '../command/commands';
import { AbortError, ReplyError } from '../observe/errors';
import type { RedisEvents } from '../observe/events';
import { standaloneView } from './connectors';
import { watchCommands } from '../observe/debug';
import { LIFE, Lifecycle, noop, type RedisStatus } from './lifecycle';
import { DEFAULTS, makeDefaults, watchOptions, type CommandDefaults } from '../command/command_defaults';
import { DEFAULT_REDIS_OPTIONS, parseArguments, type ClientOptions, type ConnectorLike, type ResolvedOptions } from '../options/options';
import { refuseMonitor, whenMonitoring } from './monitoring';
import { CommandQueue } from './queues';
import { readyCheck } from './ready_check';
import type { ScanOptions, ScanStream } from '../command/scan_stream';
import { sendOnSlowPath } from './slow_path';
import { follow } from '../command/followed';
import { metaOf } from '../command/table';
import { hearing } from '../observe/instrument';
import { hideSecrets } from '../observe/secrets';
import { isTracing, traceConnect } from '../observe/tracing';

export interface Redis<ReplyMapping extends ReplyMappingMode = 'legacy'>
  extends RedisCommander<{ type: 'default'; mapping: MappingOf<ReplyMapping> }>, Transaction<MappingOf<ReplyMapping>> {}

/**
 * A client of one server. It is compatible with ioredis: change the import.
 *
 * `new Redis({ replyMapping: 'resp3' })` is a `Redis<'resp3'>`, whose replies have RESP3's shapes: `zscore` returns a number,
 * `config('GET')` an object.
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- the methods come from the command table
export class Redis<ReplyMapping extends ReplyMappingMode = 'legacy'> extends (CommandClient as unknown as ClientClass<RedisEvents>) implements CommandTarget {
  /** `new Redis.Command(name, args)`, for `sendCommand`. */
  static Command = Command;
  /** Commands reject with it when the server answers with an error. */
  static ReplyError = ReplyError;
  /** The default options, under ioredis's name. */
  static readonly defaultOptions = DEFAULT_REDIS_OPTIONS;

  /** `new Redis(...)` under node-redis's name. */
  static createClient(...args: ConstructorParameters<typeof Redis>): Redis {
    return new Redis(...args);
  }

  /** The client's status. An event of the same name follows one tick later. */
  status: RedisStatus = 'wait';
  /** Tells a client of one server from a `Cluster`. */
  readonly isCluster = false;
  /** @internal */ declare [DEFAULTS]: CommandDefaults;
  /** @internal */ readonly [LIFE]: Lifecycle;

  /**
   * Connects, unless `lazyConnect` is set. `path` is a socket's path or a URL: `redis://user:password@host:port/db?option=value`,
   * `rediss://` for TLS. Throws on invalid options (code `E_BAD_OPTION`, or ioredis's message). Later failures are `error` events.
   */
  constructor(port: number, host: string, options?: ClientOptions<ReplyMapping>);
  constructor(port: number, options?: ClientOptions<ReplyMapping>);
  constructor(path: string, options?: ClientOptions<ReplyMapping>);
  constructor(options?: ClientOptions<ReplyMapping>);
  /** Earlier arguments win over later ones. */
  constructor(...args: (number | string | ClientOptions<ReplyMapping> | null | undefined)[]);
  /** For subclasses that pass their arguments on: the subclass decides which mode its options have. */
  constructor(...args: (number | string | ClientOptions | null | undefined)[]);
  constructor(...args: unknown[]) {
    super();
    const isMemory = args.some(isMemoryUrl);
    const options = parseArguments(args.filter((arg) => !isMemoryUrl(arg)));
    this[DEFAULTS] = makeDefaults(this, options);
    const life = (this[LIFE] = new Lifecycle(this, options, isMemory));
    watchCommands(this, () => life.selected);
    for (const [name, definition] of Object.entries(options.scripts ?? {})) this.defineCommand(name, definition);
    if (isMemory) life.setStatus('ready');
    else if (options.lazyConnect) life.setStatus('wait');
    else this.connect().catch(noop);
  }

  /**
   * Your options with the defaults. Unknown options are kept. A changed option applies to the next connection; `keyPrefix`,
   * `enableAutoPipelining` and `showFriendlyErrorStack` apply to the next command.
   */
  get options(): ResolvedOptions {
    // The prototype has no options, and tools that mock classes read them there.
    const life = this[LIFE] as Lifecycle | undefined;
    if (life === undefined) return undefined as unknown as ResolvedOptions;
    const { options } = life;
    if (life.watched !== options) {
      life.watched = options;
      watchOptions(options, () => {
        if (life.options === options) this[DEFAULTS] = makeDefaults(this, options, this[DEFAULTS]);
      });
    }
    return options;
  }

  set options(options: ResolvedOptions) {
    this[LIFE].options = hideSecrets(options);
    this[DEFAULTS] = makeDefaults(this, options, this[DEFAULTS]);
  }

  // ---- status

  /** `normal`; `subscriber` (RESP2 with subscriptions); `monitor`. */
  get mode(): 'normal' | 'subscriber' | 'monitor' {
    const { options, subscriptions, link } = this[LIFE];
    if (options.monitor === true) return 'monitor';
    return subscriptions > 0 && link?.protocol === 2 ? 'subscriber' : 'normal';
  }

  /** Node's own socket. It is undefined before the first attempt to connect; the type is ioredis's, which omits that. */
  get stream(): Socket {
    return this[LIFE].link?.socket as Socket;
  }

  /** The number of attempts to connect since the client was last ready. */
  get retryAttempts(): number {
    return this[LIFE].link?.attempts ?? 0;
  }

  /** The connector that opens the client's streams: your own `Connector`, or a view of hawser's connection. */
  get connector(): ConnectorLike & { readonly stream?: Socket | undefined } {
    return this[LIFE].destination.connector ?? standaloneView(this);
  }

  /** Commands that wait for a reply on the current connection. This is a read-only view. */
  get commandQueue(): CommandQueue {
    return new CommandQueue(() => (this.status === 'ready' ? (this[LIFE].link?.pending() ?? []) : []));
  }

  /** Commands that wait for a connection. This is a read-only view. */
  get offlineQueue(): CommandQueue {
    return new CommandQueue(() => (this.status === 'ready' ? [] : (this[LIFE].link?.pending() ?? [])));
  }

  /** @internal ioredis's name: emits an error that nobody has to listen to. */
  silentEmit(event: string, argument: unknown): boolean {
    return this[LIFE].silentEmit(event, argument);
  }

  /**
   * Asks the server repeatedly until it has loaded its data, then calls `callback(error, info)`. The name is ioredis's; the handshake has
   * its own check.
   */
  _readyCheck(callback: Callback): void {
    readyCheck(this, callback);
  }

  /**
   * Connects. Resolves when the connection is ready. Rejects if the first attempt fails, with the reason, or if the client is already
   * connecting or connected.
   */
  connect(callback?: Callback<void>): Promise<void> {
    const connecting = traceConnect(() => this[LIFE].connect(), ++this[LIFE].epoch, () => this[LIFE].place());
    return callback === undefined ? connecting : callBack(connecting, callback as Callback);
  }

  /**
   * Closes the connection at once. Commands that wait for a reply are rejected. With `reconnect`, the retry strategy then opens a new
   * connection.
   */
  disconnect(reconnect = false): void {
    this[LIFE].disconnect(reconnect);
  }

  /** @deprecated Use `disconnect`. */
  end(): void {
    this.disconnect();
  }

  /** A new client with the same options; `override` replaces some of them. */
  duplicate<Override extends Partial<ClientOptions> | undefined = undefined>(override?: Override): Redis<ReplyMappingFromOptions<ReplyMapping, Override>> {
    const { link, options: own } = this[LIFE];
    const options = { ...own, ...override } as ClientOptions<ReplyMappingFromOptions<ReplyMapping, Override>>;
    return link === undefined ? new Redis('memory://', options) : new Redis(options);
  }

  /** Keeps the process alive while the connection is open (the default). */
  ref(): this {
    this[LIFE].hold(true);
    return this;
  }

  /** Lets the process exit while the connection is open. */
  unref(): this {
    this[LIFE].hold(false);
    return this;
  }

  // ---- commands

  /** Sends a command. Every command passes through this method, including pipelined ones, so tools can wrap it. */
  sendCommand(command: Command, pipeline?: unknown): unknown {
    const life = this[LIFE];
    const { link } = life;
    // A wrapper of this method has renamed the command, for example for a server with renamed commands.
    if (command.name !== command.meta.name) command.meta = metaOf(command.name);
    if (hearing.instrument !== undefined) follow(hearing.instrument, command, life.whereabouts);
    const traced = isTracing() && link !== undefined ? life.trace(command) : undefined;
    if (this.status === 'ready' && !command.meta.takesSlowPath && command.script === undefined && link !== undefined) link.push(command);
    else sendOnSlowPath(life, command);
    if (pipeline !== undefined) return undefined;
    return traced ?? command.promise;
  }

  /** Streams the keys that SCAN finds. Each `data` event is one page, which may be empty. A key may appear twice. */
  scanStream(options?: ScanOptions): ScanStream {
    return scanStreamOf(this, 'scan', undefined, options);
  }
  /** The same with Buffers, as for all `...BufferStream` methods. */
  scanBufferStream(options?: ScanOptions): ScanStream {
    return scanStreamOf(this, 'scanBuffer', undefined, options);
  }

  // ---- messages

  /** Resolves with a new client that receives every command the server runs as a `monitor` event: `(time, args, source, database)`. */
  monitor(callback?: Callback<Redis>): Promise<Redis> {
    if (this[LIFE].link === undefined) return refuseMonitor(callback);
    return whenMonitoring(this.duplicate({ monitor: true, lazyConnect: false, himportFieldsets: undefined }) as unknown as Redis, callback);
  }
}

export { AbortError };
