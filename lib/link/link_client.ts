/** What a link asks of its client. */
import type { Socket } from 'node:net';
import { MessageKind, type LinkSettings } from '../contract.generated';
import type { CoreError } from '../core_error';
import type { Command } from '../command/command';
import type { SocketOptions } from './socket';

export type MessageEvent = 'message' | 'pmessage' | 'smessage';

/** What a link is told: for the core, as JSON; for the socket; what replies are made into. */
export interface LinkConfig {
  core: LinkSettings;
  socket: SocketOptions & { disconnectTimeout?: number };
  shape: { resp3: boolean; stringNumbers: boolean; maxRetriesPerRequest: number | null };
}

/** What the link tells its client. */
export interface LinkClient {
  /** A socket is about to be opened, the first one or another one. */
  onConnecting(): void;
  /** The options as they are now. */
  configure(): LinkConfig;
  onConnect(): void;
  onReady(): void;
  onSocketError(error: Error): void;
  /** The connection is gone: milliseconds until the next attempt, or null for none. */
  onClosed(attempts: number): number | null;
  onEnded(): void;
  onMessage(event: MessageEvent, pattern: Buffer, channel: Buffer, payload: Buffer): void;
  onMonitor(line: string): void;
  onMoved(channel: string): void;
  onFailed(error: CoreError): void;
  onWarning(text: string): void;
  /** A command that was issued for `database` failed with the server's error. True if the client has sent it again. */
  onReplyError(command: Command, text: string, database: number): boolean;
  /** Whether a server that says this to INFO will do; asked where the core was told to. */
  onCheck(info: string): boolean;
  /** No connection can be made, and none will be tried again. */
  onGivenUp(error: Error): void;
  /** Opens a stream of the user's own (`Connector`), if there is one. */
  openStream?: () => Promise<Socket>;
}

/** By which event a message of each kind is told. */
export const MESSAGE_EVENTS: Readonly<Record<MessageKind, MessageEvent>> = {
  [MessageKind.Channel]: 'message',
  [MessageKind.Pattern]: 'pmessage',
  [MessageKind.Shard]: 'smessage',
};
