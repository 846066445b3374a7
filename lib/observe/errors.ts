/**
 * The client's errors. They have the classes and messages that users of ioredis match on, and hawser's stable `code`. The code is not
 * enumerable, so that a `ReplyError` prints and compares as in ioredis.
 */
import redisErrors = require('redis-errors');
import { define } from '../names';
import type { CoreError } from '../core_error';
import { maskedArguments, maskedText } from './secrets';

/** The base of all client errors. The class comes from the npm package `redis-errors`. */
export interface RedisError extends Error {
  /** `E_REPLY`, `E_ABORTED` ...; missing on errors that are made outside the client. */
  readonly code?: string;
}
/** The server answered with an error, whose text is the message. The class comes from the npm package `redis-errors`. */
export interface ReplyError extends RedisError {
  /** The command that the server answered. */
  command: CommandShape;
  /** If EXEC refused a transaction (EXECABORT): the errors of its commands, `Error[]`. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- ioredis's class is `any`, so code that reads it unchecked still compiles
  previousErrors?: any;
}
/** The client gave up the command. The class comes from the npm package `redis-errors`. */
export interface AbortError extends RedisError {
  command?: CommandShape;
  /** Whether the server may have run the command anyway. */
  readonly maybeExecuted?: boolean;
}
type ErrorClass<T> = new (message?: string) => T;

export const RedisError: ErrorClass<RedisError> = redisErrors.RedisError;
export const ReplyError: ErrorClass<ReplyError> = redisErrors.ReplyError as ErrorClass<ReplyError>;
export const AbortError: ErrorClass<AbortError> = redisErrors.AbortError;

/** The command that an error belongs to. */
export interface CommandShape {
  name: string;
  args: unknown[];
}

/** Rejects commands that still wait after too many reconnects. */
export class MaxRetriesPerRequestError extends AbortError {
  constructor(maxRetriesPerRequest: number) {
    super(
      `Reached the max retries per request limit (which is ${maxRetriesPerRequest}). Refer to "maxRetriesPerRequest" option for details.`,
    );
    Error.captureStackTrace(this, this.constructor);
  }

  override get name(): string {
    return this.constructor.name;
  }
}

export const CONNECTION_CLOSED_ERROR_MSG = 'Connection is closed.';

/** Why a command failed. An Error is made from it only when one is needed. Without a message, it has the code's usual one. */
export interface Failure extends Partial<CoreError> {
  code: string;
  node: string;
  /** The part of the message that the server said. */
  said?: string;
  maxRetriesPerRequest?: number | null;
}

function construct({ code, message, maxRetriesPerRequest }: Failure): Error {
  switch (code) {
    case 'E_REPLY':
      return new ReplyError(message ?? '');
    case 'E_TIMEOUT':
      return new Error(message ?? 'Command timed out');
    case 'E_ABORTED':
      return new AbortError(message ?? 'Command aborted due to connection close');
    case 'E_MAX_RETRIES':
      return new MaxRetriesPerRequestError(maxRetriesPerRequest ?? 0);
    case 'E_OFFLINE':
      return new Error(message ?? "Stream isn't writeable and enableOfflineQueue options is false");
    case 'E_BAD_STATE':
      return new Error(message ?? 'Connection in subscriber mode, only subscriber commands may be used');
    case 'E_QUEUE_FULL':
      return new Error('The queue of commands is full (maxQueueCommands, maxQueueBytes); the server is slower than its callers');
    case 'E_PROTOCOL':
      return new Error(message ?? 'The server sent something that is not a reply to a command in flight. Please report this.');
    case 'E_CONN_CLOSED':
      return new Error(message ?? CONNECTION_CLOSED_ERROR_MSG);
    default:
      return new Error(message ?? code);
  }
}

/** Makes the Error of a failure. */
export function errorOf(failure: Failure, command: CommandShape): Error {
  const args = maskedArguments(command.name, command.args) as unknown[];
  const error = construct(args === command.args || failure.message === undefined ? failure : { ...failure, message: maskedText(failure.message, command.args, args) });
  define(error, 'code', failure.code);
  define(error, 'node', failure.node);
  if (failure.said !== undefined) quoting(error, failure.said);
  if (failure.maybeExecuted) define(error, 'maybeExecuted', true);
  const isIoredisShape = failure.code === 'E_REPLY' || failure.code === 'E_ABORTED';
  define(error, 'command', isIoredisShape ? { name: command.name, args } : { name: command.name }, isIoredisShape);
  return error;
}

/** The first word of a server's error, if it is an error code. The text after it may show arguments: keys, values, passwords. */
export function replyCode(text: string): string {
  return /^[A-Z][A-Z0-9_]*(?= |$)/.exec(text)?.[0] ?? 'an error';
}

/** The key of what a server said within the message of an error of hawser. */
const SAID = Symbol('said');

/** Notes which part of an error's message the server said. */
export function quoting(error: Error, said: string): Error {
  define(error, SAID, said);
  return error;
}

/** An error's message for lines, traces and metrics. Of the server's words it shows only the error's code. */
export function messageOf(error: Error): string {
  if (error instanceof ReplyError) return replyCode(error.message);
  const said = wordsIn(error);
  return said === undefined || said === '' ? error.message : error.message.replaceAll(said, () => replyCode(said));
}

/** What the server said, if the error repeats it. */
function wordsIn({ [SAID]: said, cause }: Error & { [SAID]?: string }): string | undefined {
  return said ?? (cause instanceof ReplyError ? cause.message : undefined);
}

/** Warnings of the core that end with the server's words. */
const ENDS_WITH_WORDS = /^(Skipping the ready check [^:]*|the server knows no user names [^:]*|subscriptions could not be restored): ([^]*)$/;

/** A warning without the server's words: it shows only their code. */
export function withoutWords(warning: string): string {
  return warning.replace(ENDS_WITH_WORDS, (_, said: string, words: string) => `${said}: ${replyCode(words)}`);
}
