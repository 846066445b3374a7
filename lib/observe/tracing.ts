/**
 * ioredis's tracing channels (`node:diagnostics_channel`): `ioredis:command`, `ioredis:batch`, `ioredis:connect`. Nothing is built while
 * nobody subscribes. The rules of `@opentelemetry/redis-common` decide which arguments are shown; the others become `?`.
 */
import { define } from '../names';
import { messageOf, ReplyError } from './errors';
import { tracingChannel, type TracingChannel } from 'node:diagnostics_channel';

type Channel = TracingChannel<unknown, object>;

const commands: Channel = tracingChannel('ioredis:command');
const batches: Channel = tracingChannel('ioredis:batch');
const connects: Channel = tracingChannel('ioredis:connect');

/** How many arguments are shown, by the start of the command's name. The first match counts. */
const SHOWN: readonly (readonly [RegExp, number])[] = [
  [/^ECHO/i, 0],
  [/^(GETSET|LPUSH|MSET|PFA|PSETEX|PUBLISH|RPUSH|SADD|SET|SPUBLISH|XADD|ZADD)/i, 1],
  [/^(HSET|HMSET|LSET|LINSERT)/i, 2],
  [
    /^(ACL|BIT|B[LRZ]|CLIENT|CLUSTER|CONFIG|COMMAND|DECR|DEL|EVAL|EX|FUNCTION|GEO|GET|HINCR|HMGET|HSCAN|INCR|L[TRLM]|MEMORY|P[EFISTU]|RPOP|S[CDIMORSU]|XACK|X[CDGILPRT]|Z[CDILMPRS])/i,
    Infinity,
  ],
];

function sanitize(name: string, args: readonly unknown[]): string[] {
  const shown = SHOWN.find(([names]) => names.test(name))?.[1] ?? 0;
  return args.map((arg, index) => (index < shown ? textOf(arg) : '?'));
}

/** A Buffer may be too long for a string; its command must not fail because of that. */
function textOf(arg: unknown): string {
  try {
    return String(arg);
  } catch {
    return '?';
  }
}

const isHeard = ({ start, end, asyncStart, asyncEnd, error }: Channel): boolean =>
  start.hasSubscribers || asyncEnd.hasSubscribers || error.hasSubscribers || end.hasSubscribers || asyncStart.hasSubscribers;

/** The parts of a command that tracing uses. */
interface Traced {
  name: string;
  args: readonly unknown[];
  isTraced?: boolean;
  promise: Promise<unknown>;
}

/** The server and database of a command, batch or connection. */
export interface Place {
  serverAddress: string;
  serverPort: number | undefined;
  database: number;
}

const noop = (): void => {};

/** Whether commands are traced now. */
export const isTracing = (): boolean => isHeard(commands);

/** The database of each command that waits to be written. */
const issuedFor = new WeakMap<Traced, number>();

/** Notes a command that cannot be written yet. */
export function noteIssued(command: Traced, database: number): void {
  issuedFor.set(command, database);
}

/** Traces a command when it is written. A command is traced once, even if it is sent again. */
export function traceCommand(command: Traced, place: Place): Promise<unknown> {
  if (command.isTraced) return command.promise;
  command.isTraced = true;
  const context = { command: command.name, args: sanitize(command.name, command.args), ...place };
  context.database = issuedFor.get(command) ?? place.database;
  return unheard(follow(commands, () => command.promise, context));
}

/** Traces what `run` does. The caller gets the error itself, after the trace. */
function follow<T>(channel: Channel, run: () => Promise<T>, context: object): Promise<T> {
  let promise: Promise<T> | undefined;
  const traced = channel.tracePromise<T>(() => (promise = run()).catch(rejectForTrace), context);
  return traced.catch((error: unknown) => promise ?? Promise.reject(error as Error));
}

/** A caller that awaits the promise sees the rejection; a pipeline does not await it. */
function unheard<T>(promise: Promise<T>): Promise<T> {
  promise.catch(noop);
  return promise;
}

/** What servers say about every command alike. The rest of such a text may show arguments. */
const PLAIN = /^(WRONGTYPE Operation against a key holding the wrong kind of value|ERR (unknown command|unknown subcommand|wrong number of arguments|syntax error|value is not an integer or out of range|value is not a valid float|no such key|index out of range))/;

/** Rejects with an error for the trace. */
function rejectForTrace(error: unknown): never {
  throw withoutArguments(error);
}

/**
 * What a trace, or a line of hawser's own, shows of an error: without the arguments, keys and values that a server's words in it may show. The error
 * itself, if there are none; otherwise a copy.
 */
export function withoutArguments(error: unknown): unknown {
  return error instanceof Error ? forTrace(error, 0) : error;
}

/** Causes may go in a circle. */
const MAX_CAUSES = 8;

function forTrace(error: Error, depth: number): Error {
  const { code, command, cause } = error as Error & { code?: unknown; command?: { name: string; args?: unknown } };
  const message = error instanceof ReplyError ? (PLAIN.exec(error.message)?.[0] ?? messageOf(error)) : messageOf(error);
  const further = (inner: Error): Error | undefined => (depth < MAX_CAUSES ? forTrace(inner, depth + 1) : undefined);
  const shownCause = cause instanceof Error ? further(cause) : cause;
  if (!(error instanceof ReplyError) && message === error.message && command?.args === undefined && shownCause === cause) return error;
  const traced = Object.setPrototypeOf(new Error(), Object.getPrototypeOf(error) as object) as Error;
  define(traced, 'message', message);
  define(traced, 'stack', error.stack?.replace(error.message, () => message) ?? '');
  if (code !== undefined) define(traced, 'code', code);
  if (command !== undefined) define(traced, 'command', { name: command.name });
  if (cause !== undefined) define(traced, 'cause', shownCause);
  return traced;
}

/** Traces a transaction as one operation. */
export function traceBatch<T>(run: () => Promise<T>, batchSize: number, place: () => Place): Promise<T> {
  return isHeard(batches) ? unheard(follow(batches, run, { batchMode: 'MULTI', batchSize, ...place() })) : run();
}

/** Traces an attempt to connect. */
export function traceConnect(run: () => Promise<void>, connectionEpoch: number, place: () => Place): Promise<void> {
  if (!isHeard(connects)) return run();
  const { serverAddress, serverPort } = place();
  return follow(connects, run, { serverAddress, serverPort, connectionEpoch });
}
