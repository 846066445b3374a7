/**
 * The events of clients and their listeners' arguments. A listener of another shape, or of an event that is not named here, is taken as Node's
 * emitter takes it, so that code written for ioredis compiles as it is.
 */
import type { EventEmitter } from 'node:events';

/** Of every kind of client. All are emitted in a later tick than what they tell of. */
export interface ConnectionEvents {
  /** Nothing is connected until the first command or `connect()` (`lazyConnect`). */
  wait: () => void;
  connecting: () => void;
  /** The socket is open; commands still wait for the handshake. */
  connect: () => void;
  /** Commands are sent. */
  ready: () => void;
  close: () => void;
  /** A new attempt follows, after `delay` ms. */
  reconnecting: (delay: number) => void;
  /** No further attempt is made until `connect()`. */
  end: () => void;
  /** A message of a channel that `subscribe` named. */
  message: (channel: string, message: string) => void;
  messageBuffer: (channel: Buffer, message: Buffer) => void;
  /** A message of a channel that a pattern of `psubscribe` matched. */
  pmessage: (pattern: string, channel: string, message: string) => void;
  /** The pattern is text here too. */
  pmessageBuffer: (pattern: string, channel: Buffer, message: Buffer) => void;
  /** A message of a channel that `ssubscribe` named. */
  smessage: (channel: string, message: string) => void;
  smessageBuffer: (channel: Buffer, message: Buffer) => void;
}

/** Events of a `Redis`. */
export interface RedisEvents extends ConnectionEvents {
  /** What went wrong with the connection. Without a listener it is printed. */
  error: (error: Error) => void;
  /** Commands run in another database from now on. */
  select: (db: number) => void;
  /** The client of `monitor()` receives commands from now on. */
  monitoring: () => void;
  /** A command that the server ran: when (seconds since 1970, as text), its name and arguments, the caller's address, the database. */
  monitor: (time: string, args: string[], source: string, database: string) => void;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in Node's types
type AnyListener = (...args: any[]) => void;

/** An emitter that knows its events. */
export interface Emitter<Events> extends EventEmitter {
  on<Name extends keyof Events>(event: Name, listener: Events[Name]): this;
  on(event: string | symbol, listener: AnyListener): this;
  once<Name extends keyof Events>(event: Name, listener: Events[Name]): this;
  once(event: string | symbol, listener: AnyListener): this;
  addListener<Name extends keyof Events>(event: Name, listener: Events[Name]): this;
  addListener(event: string | symbol, listener: AnyListener): this;
  prependListener<Name extends keyof Events>(event: Name, listener: Events[Name]): this;
  prependListener(event: string | symbol, listener: AnyListener): this;
  prependOnceListener<Name extends keyof Events>(event: Name, listener: Events[Name]): this;
  prependOnceListener(event: string | symbol, listener: AnyListener): this;
  off<Name extends keyof Events>(event: Name, listener: Events[Name]): this;
  off(event: string | symbol, listener: AnyListener): this;
  removeListener<Name extends keyof Events>(event: Name, listener: Events[Name]): this;
  removeListener(event: string | symbol, listener: AnyListener): this;
}

/** Node's emitter as the base of a class with such events. */
export type EmitterClass<Events> = new () => Emitter<Events>;
