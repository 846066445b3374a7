/**
 * The instrument that hears of commands and of calls of the cache (`hawser/otel`). There is none unless the application has asked for one, and
 * then all that is left here is a look at one field.
 */
import type { CacheCallMessage, CacheLoadMessage } from './cache_messages';

/** Where a command goes. */
export interface CommandPlace {
  /** The host, or the path of a unix socket. */
  readonly serverAddress: string;
  /** Undefined on a unix socket. */
  readonly serverPort: number | undefined;
  readonly database: number;
  /** Absent while there is no connection, and on a unix socket. */
  readonly peerAddress?: string | undefined;
  readonly peerPort?: number | undefined;
}

/** What is known of a command. */
export interface CommandFacts {
  /** As the caller wrote it. */
  readonly name: string;
  readonly args: readonly unknown[];
}

/** A pipeline, or a transaction without its MULTI and EXEC. */
export interface BatchFacts {
  readonly mode: 'PIPELINE' | 'MULTI';
  readonly commands: readonly CommandFacts[];
}

/** Why a command failed. The message may show arguments. */
export interface CommandFailure {
  readonly code?: unknown;
  readonly name?: unknown;
  readonly message?: unknown;
}

/** A command or a batch under way. */
export interface Followed {
  /** It is sent to this server; more than once if it is sent again elsewhere, or for a batch that several servers share. */
  at(place: () => CommandPlace): void;
  /** It has its outcome. */
  end(failure?: CommandFailure): void;
}

export interface Instrument {
  /** A call of the cache. Runs it. */
  call<T>(message: CacheCallMessage, run: () => Promise<T>): Promise<T>;
  /** A loader. Runs it. */
  load<T>(message: CacheLoadMessage, run: () => Promise<T>): Promise<T>;
  /** A command is issued, by a client of one server or by a cluster, which has not chosen a server yet. */
  command(facts: CommandFacts, place: (() => CommandPlace) | undefined): Followed | undefined;
  /** A batch is issued. */
  batch(facts: BatchFacts): Followed | undefined;
  /** Another one takes its place. */
  replaced(): void;
}

/** The instrument in use, at most one. */
export const hearing: { instrument: Instrument | undefined } = { instrument: undefined };
