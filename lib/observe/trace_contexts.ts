/** The messages of the tracing channels, as in ioredis. */

/** The message of `ioredis:command`. */
export interface CommandTraceContext {
  /** The name as the caller wrote it. */
  command: string;
  /** Values are replaced by `?`. */
  args: string[];
  database: number;
  serverAddress: string;
  /** Undefined on a unix socket. */
  serverPort: number | undefined;
}

/** The message of `ioredis:batch`, a transaction. */
export interface BatchOperationContext {
  batchMode: 'MULTI';
  /** The number of commands between MULTI and EXEC. */
  batchSize: number;
  database: number;
  serverAddress: string;
  serverPort: number | undefined;
}

/** The message of `ioredis:connect`. */
export interface ConnectTraceContext {
  serverAddress: string;
  serverPort: number | undefined;
  /** The number of this connection among the client's connections, from 1. */
  connectionEpoch: number;
}
