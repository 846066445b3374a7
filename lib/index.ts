/** Everything that an application can import. index.js gives it its CommonJS shape: the class `Redis` itself, with the rest as properties. */
import { Cluster } from './cluster';
import { Redis } from './redis';

Redis.Cluster = Cluster;

export { Redis, Cluster };
export default Redis;
export { Command, type Callback, type CommandOptions } from './client/command';
export type { CommandArgument, RedisCommands, RedisKey, RedisValue, ChainableCommands } from './client/commands';
export { AbortError, MaxRetriesPerRequestError, RedisError, ReplyError } from './client/errors';
export type { CommonRedisOptions, RedisOptions, StandaloneConnectionOptions } from './client/options';
export { Pipeline, type Outcome } from './client/pipeline';
export { print } from './client/print';
export { ScanStream, type ScanStreamOptions } from './client/scan_stream';
export type { ReplyTransformer, ArgumentTransformer, ReplyContext } from './client/table';
export type { RedisStatus } from './redis';
export * from './facade';
