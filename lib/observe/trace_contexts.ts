/** What subscribers of the tracing channels receive, as in ioredis. */

/** Of `ioredis:command`. */
export interface CommandTraceContext {
  /** As typed. */
  command: string;
  /** Values replaced by `?`. */
  args: string[];
  database: number;
  serverAddress: string;
  /** Undefined on a unix socket. */
  serverPort: number | undefined;
}

/** Of `ioredis:batch`: a transaction. */
export interface BatchOperationContext {
  batchMode: 'MULTI';
  /** Commands between MULTI and EXEC. */
  batchSize: number;
  database: number;
  serverAddress: string;
  serverPort: number | undefined;
}

/** Of `ioredis:connect`. */
export interface ConnectTraceContext {
  serverAddress: string;
  serverPort: number | undefined;
  /** Which connection of this client it is, from 1. */
  connectionEpoch: number;
}
