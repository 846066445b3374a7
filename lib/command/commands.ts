/**
 * The types of the commands' methods. `commands.generated.ts` defines most methods with their arguments and results; this file adds those
 * that are typed by hand, and pipelines.
 */
import type { GeneratedCommands } from './commands.generated';
import type { Callback, ClientContext, RedisKey, RedisValue, Rest, Result, Similar } from './command_types';

export type * from './command_types';
export type * from '../options/reply_mapping';

declare module './command_types' {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- the parameters are those of the declaration that it adds to
  interface ResultTypes<Result, Context> {
    pipeline: ChainableCommander<Context extends { mapping: 'resp3' } ? 'resp3' : 'resp2'>;
  }
}

/** The result of EXEC and of a pipeline: one pair for each command. */
export type ExecResult = [error: Error | null, result: unknown][];

/**
 * All commands. An application adds its own (`defineCommand`) by augmentation:
 *
 *     declare module 'hawser' {
 *       interface RedisCommander<Context> {
 *         myCommand(key: string): Result<string, Context>;
 *       }
 *     }
 */
export interface RedisCommander<Context extends ClientContext = { type: 'default' }> extends GeneratedCommands<Context> {
  /** Sends any command by its name, in upper or lower case. */
  call(command: string, ...args: Rest<unknown>[]): Result<unknown, Context>;
  callBuffer(command: string, ...args: Rest<unknown>[]): Result<unknown, Context>;
  /** @deprecated Use `call`. */
  send_command(command: string, ...args: Rest<unknown>[]): Result<unknown, Context>;
  /** [VSIM](https://redis.io/docs/latest/commands/vsim/) */
  vsim<Arguments extends RedisValue[]>(...args: [key: RedisKey, ...args: Arguments, callback: Callback<Similar<Arguments, string, Context>>]): Result<Similar<Arguments, string, Context>, Context>;
  vsim<Arguments extends RedisValue[]>(...args: [key: RedisKey, ...args: Arguments]): Result<Similar<Arguments, string, Context>, Context>;
  vsimBuffer<Arguments extends RedisValue[]>(...args: [key: RedisKey, ...args: Arguments, callback: Callback<Similar<Arguments, Buffer, Context>>]): Result<Similar<Arguments, Buffer, Context>, Context>;
  vsimBuffer<Arguments extends RedisValue[]>(...args: [key: RedisKey, ...args: Arguments]): Result<Similar<Arguments, Buffer, Context>, Context>;
  /** Ends a transaction, or sends a pipeline. */
  exec(callback?: Callback<ExecResult | null>): Promise<ExecResult | null>;
}

/** Collects commands: pipelines and transactions. */
export interface Transaction<Mapping extends 'resp2' | 'resp3' = 'resp2'> {
  /** Collects any number of commands and sends them in one write. */
  pipeline(commands?: readonly (readonly unknown[])[]): ChainableCommander<Mapping>;
  /** A transaction: a pipeline between MULTI and EXEC. With `{ pipeline: false }` MULTI is sent at once. */
  multi(options: { pipeline: false }): Promise<'OK'>;
  multi(options: { pipeline: true }): ChainableCommander<Mapping>;
  multi(commands?: readonly (readonly unknown[])[]): ChainableCommander<Mapping>;
}

/** A pipeline: every command adds itself and returns the pipeline. */
export interface ChainableCommander<Mapping extends 'resp2' | 'resp3' = 'resp2'> extends RedisCommander<{ type: 'pipeline'; mapping: Mapping }> {
  /** The number of commands. */
  readonly length: number;
  multi(): this;
  addBatch(commands: readonly (readonly unknown[])[]): this;
}
