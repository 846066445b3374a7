/**
 * What a `Redis` and a `Cluster` have in common: the commands, pipelines, transactions, scripts, automatic pipelines and streams. Each of
 * them sends a command its own way, through `sendCommand`.
 */
import { EventEmitter } from 'node:events';
import { callBack, type Callback } from './callback';
import { Command } from './command';
import { DEFAULTS, LIFE, type CommandDefaults } from './command_defaults';
import {
  addBuiltinCommand,
  createBuiltinCommand,
  defineCommand,
  installCommands,
  type CommandTarget,
  type ScriptDefinition,
} from './commander';
import type { ChainableCommander, ExecResult } from './commands';
import type { Emitter } from '../observe/events';
import { showAs } from '../observe/secrets';
import { pairsOf, Pipeline, type PipelineHost } from './pipeline';
import { ScanStream, type ScanOptions } from './scan_stream';
import type { Script } from './script';
import type { TargetOptions } from './target_options';
import { builtinCommands } from './table';
import './transformers';

/** The members that `CommandClient` adds to the commands. Pipelines and transactions are declared in `Transaction`. */
export interface ClientMembers {
  /** The scripts that `defineCommand` added, by name. */
  scriptsSet: Record<string, Script>;
  /** The names that `addBuiltinCommand` added. */
  addedBuiltinSet: Set<string>;
  /** The number of commands that `enableAutoPipelining` holds until the current turn of the event loop ends. */
  readonly autoPipelineQueueSize: number;
  /** Adds a Lua script as a method, to this client and to its future pipelines. */
  defineCommand(name: string, definition: ScriptDefinition): void;
  /** The names of all commands that are methods, in lower case. */
  getBuiltinCommands(): string[];
  /** The two methods of a command: one returns strings, one Buffers. */
  createBuiltinCommand(name: string): ReturnType<typeof createBuiltinCommand>;
  /** Adds the methods `x` and `xBuffer` for a command that the client does not know, to this client and to its future pipelines. */
  addBuiltinCommand(name: string): void;
  /** Streams pages of `[field, value, ...]`; with `noValues`, pages of fields. */
  hscanStream(key: string | Buffer, options?: ScanOptions): ScanStream;
  /** The same with Buffers, as for all `...BufferStream` methods. */
  hscanBufferStream(key: string | Buffer, options?: ScanOptions): ScanStream;
  /** Streams pages of members. */
  sscanStream(key: string | Buffer, options?: ScanOptions): ScanStream;
  /** The same with Buffers. */
  sscanBufferStream(key: string | Buffer, options?: ScanOptions): ScanStream;
  /** Streams pages of `[member, score, ...]`, with scores as text. */
  zscanStream(key: string | Buffer, options?: ScanOptions): ScanStream;
  /** The same with Buffers. */
  zscanBufferStream(key: string | Buffer, options?: ScanOptions): ScanStream;
  /** @internal */ [DEFAULTS]: CommandDefaults;
}

/** The base class of a client with these events. */
export type ClientClass<Events> = new () => Emitter<Events> & ClientMembers;

export abstract class CommandClient extends EventEmitter implements ClientMembers, CommandTarget {
  scriptsSet: Record<string, Script> = {};
  addedBuiltinSet = new Set<string>();
  abstract options: TargetOptions;
  /** @internal */ abstract [DEFAULTS]: CommandDefaults;
  /** @internal */ abstract readonly [LIFE]: PipelineHost;

  abstract sendCommand(command: Command, pipeline?: unknown): unknown;

  get autoPipelineQueueSize(): number {
    return this[DEFAULTS].slowPath?.autoPipeline?.length ?? 0;
  }

  /** Collects any number of commands and sends them in one write. */
  pipeline(commands?: readonly (readonly unknown[])[]): ChainableCommander {
    const pipeline = new Pipeline(this) as unknown as ChainableCommander;
    return Array.isArray(commands) ? pipeline.addBatch(commands) : pipeline;
  }

  /** A transaction: a pipeline between MULTI and EXEC. With `{ pipeline: false }` MULTI is sent at once. */
  multi(argument?: readonly (readonly unknown[])[] | { pipeline: boolean } | null, options?: { pipeline: boolean }): ChainableCommander | Promise<'OK'> {
    const { pipeline: isCollected } = (options ?? (Array.isArray(argument) ? {} : argument) ?? {}) as { pipeline?: boolean };
    if (isCollected === false) {
      return this.sendCommand(new Command('multi', [], this[DEFAULTS].utf8)) as Promise<'OK'>;
    }
    const pipeline = new Pipeline(this, true) as unknown as ChainableCommander;
    return Array.isArray(argument) ? pipeline.addBatch(argument) : pipeline;
  }

  /** Runs a transaction that was opened with `multi({ pipeline: false })`. */
  exec(callback?: Callback<ExecResult | null>): Promise<ExecResult | null> {
    const command = new Command('exec', [], this[DEFAULTS].utf8);
    // EXEC goes after the commands that are held.
    const sent = ((this[DEFAULTS].slowPath?.autoPipeline?.add(command) ?? this.sendCommand(command)) as Promise<unknown>).then(pairsOf);
    return callback === undefined ? sent : callBack(sent, callback as Callback);
  }

  defineCommand(name: string, definition: ScriptDefinition): void {
    defineCommand(this, name, definition);
  }

  getBuiltinCommands(): string[] {
    return builtinCommands.slice();
  }

  createBuiltinCommand(name: string): ReturnType<typeof createBuiltinCommand> {
    return createBuiltinCommand(name);
  }

  addBuiltinCommand(name: string): void {
    this.addedBuiltinSet.add(name);
    addBuiltinCommand(this, name);
  }

  hscanStream(key: string | Buffer, options?: ScanOptions): ScanStream {
    return scanStreamOf(this, 'hscan', key, options);
  }
  hscanBufferStream(key: string | Buffer, options?: ScanOptions): ScanStream {
    return scanStreamOf(this, 'hscanBuffer', key, options);
  }
  sscanStream(key: string | Buffer, options?: ScanOptions): ScanStream {
    return scanStreamOf(this, 'sscan', key, options);
  }
  sscanBufferStream(key: string | Buffer, options?: ScanOptions): ScanStream {
    return scanStreamOf(this, 'sscanBuffer', key, options);
  }
  zscanStream(key: string | Buffer, options?: ScanOptions): ScanStream {
    return scanStreamOf(this, 'zscan', key, options);
  }
  zscanBufferStream(key: string | Buffer, options?: ScanOptions): ScanStream {
    return scanStreamOf(this, 'zscanBuffer', key, options);
  }
}

/** A stream of the pages of `command`. */
export function scanStreamOf(redis: object, command: string, key: string | Buffer | undefined, options: ScanOptions = {}): ScanStream {
  return new ScanStream({ objectMode: true, redis, command, ...(key === undefined ? {} : { key }), ...options });
}

installCommands(CommandClient.prototype);

showAs(CommandClient.prototype, (client) => ({ status: (client as { status?: string }).status, options: client.options }));
