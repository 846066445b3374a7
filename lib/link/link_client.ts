/** The interface between a link and its client. */
import type { Socket } from 'node:net';
import { MessageKind, type LinkSettings } from '../contract.generated';
import type { CoreError } from '../core_error';
import type { Asks } from './asks';
import type { Command } from '../command/command';
import type { SocketOptions } from './socket';

export type MessageEvent = 'message' | 'pmessage' | 'smessage';

/** The configuration of a link: for the core, as JSON; for the socket; and the shape of replies. */
export interface LinkConfig {
  core: LinkSettings;
  socket: SocketOptions & { disconnectTimeout?: number; poll: boolean };
  /** What each connection asks the application for. */
  asks: Asks | undefined;
  shape: { resp3: boolean; stringNumbers: boolean; maxRetriesPerRequest: number | null };
}

/** What a link reports to its client and asks it. */
export interface LinkClient {
  /** A socket is about to be opened. */
  onConnecting(): void;
  /** Returns the current options. */
  configure(): LinkConfig;
  onConnect(): void;
  onReady(): void;
  onSocketError(error: Error): void;
  /** The connection is lost. Returns milliseconds until the next attempt, or null for none. */
  onClosed(attempts: number): number | null;
  onEnded(): void;
  onMessage(event: MessageEvent, pattern: Buffer, channel: Buffer, payload: Buffer): void;
  onMonitor(line: string): void;
  onMoved(channel: string): void;
  onFailed(error: CoreError): void;
  /** The server does not prepare this fieldset of the options. */
  onFieldsetRefused(index: number, error: CoreError): void;
  /** The credentials of a living connection cannot be renewed. */
  onRenewalFailed(error: Error): void;
  /** The pause before they are asked for again, in ms. `failures`: in a row. */
  renewalDelay(failures: number): number;
  /** JavaScript cannot hold something that the server sent unasked. The connection stays. */
  onUnreadable(error: Error): void;
  onWarning(text: string): void;
  /** Commands go to this database: the SELECT that named another one was not carried out. */
  onDatabase(db: number): void;
  /**
   * A command for `database` failed with the server's error. Returns true if the client has sent it again. `left`: the milliseconds until its
   * deadline, if it has one; a link that takes it again knows only of a new one.
   */
  onReplyError(command: Command, text: string, database: number, left?: number): boolean;
  /**
   * The link gives the command up, and it may be sent elsewhere; only if the core was configured so. `sent`: the server may have run it.
   * All of them come before `onClosed` or `onEnded`, in the order in which they were issued.
   */
  onHandedBack(command: Command, sent: boolean, left?: number): void;
  /** Whether to accept a server with this INFO reply; asked only if the core was configured so. */
  onCheck(info: string): boolean;
  /** No connection can be made, and there will be no further attempt. */
  onGivenUp(error: Error): void;
  /** Opens a stream of the user's `Connector`, if there is one. */
  openStream?: (() => Promise<Socket>) | undefined;
  /** Finds the server to connect to, if it is not the one in the options. Rejects if there will be none. */
  locate?: (() => Promise<{ host: string; port: number }>) | undefined;
  /** The server that `locate` looks for is not needed. */
  stopLocating?: () => void;
}

/** Routes the commands of a client that is one of several: a cluster. It may send them again within each of these calls. */
export interface CommandOwner {
  /** The server has refused the command with this error. Returns true if the owner takes the command over; its caller hears nothing. */
  onRefused(command: Command, text: string): boolean;
  /** See `LinkClient`. */
  onHandedBack(command: Command, sent: boolean): void;
  /** Where a command that was taken over is when its time is over. Default: at the node that had it, which may have run it. */
  whereabouts?(command: Command): Whereabouts;
}

/** What a caller is told whose command has no reply in time. */
export interface Whereabouts {
  node: string;
  maybeExecuted: boolean;
}

/** The event for each kind of message. */
export const MESSAGE_EVENTS: Readonly<Record<MessageKind, MessageEvent>> = {
  [MessageKind.Channel]: 'message',
  [MessageKind.Pattern]: 'pmessage',
  [MessageKind.Shard]: 'smessage',
};
