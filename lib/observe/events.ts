/**
 * The events of clients and the arguments of their listeners. As with Node's emitter, listeners of another shape and of events that are
 * not named here are accepted too, so that code written for ioredis compiles unchanged.
 */
import type { EventEmitter } from 'node:events';

/** Events of every kind of client. Each is emitted in a later tick than the change it reports. */
export interface ConnectionEvents {
  /** The client does not connect until the first command or `connect()` (`lazyConnect`). */
  wait: () => void;
  connecting: () => void;
  /** The socket is open. Commands still wait for the handshake. */
  connect: () => void;
  /** Commands are sent. */
  ready: () => void;
  close: () => void;
  /** The client will try again after `delay` ms. */
  reconnecting: (delay: number) => void;
  /** The client will not try again until `connect()`. */
  end: () => void;
  /** A message on a channel that you passed to `subscribe`. */
  message: (channel: string, message: string) => void;
  messageBuffer: (channel: Buffer, message: Buffer) => void;
  /** A message on a channel that matches a pattern of `psubscribe`. */
  pmessage: (pattern: string, channel: string, message: string) => void;
  /** The pattern is text here too. */
  pmessageBuffer: (pattern: string, channel: Buffer, message: Buffer) => void;
  /** A message on a channel that you passed to `ssubscribe`. */
  smessage: (channel: string, message: string) => void;
  smessageBuffer: (channel: Buffer, message: Buffer) => void;
}

/** Events of a `Redis`. */
export interface RedisEvents extends ConnectionEvents {
  /** A connection error. If there is no listener, the client prints it. */
  error: (error: Error) => void;
  /** Commands run in another database from now on. */
  select: (db: number) => void;
  /** The client of `monitor()` receives commands from now on. */
  monitoring: () => void;
  /**
   * A command that the server ran: the time (seconds since 1970, as text), its name and arguments, the caller's address, the database.
   */
  monitor: (time: string, args: string[], source: string, database: string) => void;
  /** A Sentinel did not answer, or not with an address. The next one is asked. */
  sentinelError: (error: Error) => void;
  /** The client listens to its Sentinels (`failoverDetector`). */
  failoverSubscribed: () => void;
  /** A connection that listens to a Sentinel was lost and is made again. */
  sentinelReconnecting: () => void;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in Node's types
type AnyListener = (...args: any[]) => void;

/** An emitter with typed events. */
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

/** Node's emitter as the base class for typed events. */
export type EmitterClass<Events> = new () => Emitter<Events>;
