/** A connection to one Sentinel: to ask it, or to listen to it. It is a link like a client's, without the client. */
import { Command } from '../command/command';
import type { CoreError } from '../core_error';
import { Link } from '../link/link';
import { ReplyError } from '../observe/errors';
import type { LinkClient, LinkConfig, MessageEvent } from '../link/link_client';

const UTF8 = { replyEncoding: 'utf8' } as const;
const SWITCH = '+switch-master';
const noop = (): void => {};

/** Who opens a connection to a Sentinel. */
interface PeerOptions {
  config: LinkConfig;
  /** Whether the connection keeps the process alive. */
  isReferenced: boolean;
  /** The delay before attempt number `times`; null for none. Without it there is one attempt. */
  retry?: (times: number) => number | null;
  /** A message on `+switch-master`. */
  onSwitched?: (text: string) => void;
}

export class SentinelPeer implements LinkClient {
  /** The last error of the connection itself. */
  cause: Error | undefined = undefined;
  private readonly link: Link;

  constructor(private readonly options: PeerOptions) {
    this.link = new Link(this, options.config);
    if (!options.isReferenced) this.link.unref();
    this.link.connect();
  }

  /** The reply to `SENTINEL ...`. */
  ask(...args: string[]): Promise<unknown> {
    return this.send(new Command('sentinel', args, UTF8));
  }

  /** Listens to announcements. Resolves when the Sentinel has confirmed; rejects if the first attempt fails. */
  listen(): Promise<unknown> {
    return this.send(new Command('subscribe', [SWITCH], UTF8));
  }

  private send(command: Command): Promise<unknown> {
    const { promise } = command;
    this.link.push(command);
    return promise;
  }

  /** Whether the connection keeps the process alive. */
  hold(isHeld: boolean): void {
    if (isHeld) this.link.ref();
    else this.link.unref();
  }

  close(): void {
    this.link.disconnect(false);
  }

  // ---- reports of the link

  configure(): LinkConfig {
    return this.options.config;
  }

  onSocketError(error: Error): void {
    this.cause = error;
  }

  onGivenUp(error: Error): void {
    this.cause = error;
  }

  onFailed({ code, message }: CoreError): void {
    this.cause = code === 'E_REPLY' ? new ReplyError(message ?? code) : new Error(message ?? code);
  }

  onClosed(attempts: number): number | null {
    return this.options.retry?.(attempts) ?? null;
  }

  onMessage(_event: MessageEvent, _pattern: Buffer, channel: Buffer, payload: Buffer): void {
    if (channel.toString() === SWITCH) this.options.onSwitched?.(payload.toString());
  }

  readonly onConnecting = noop;
  readonly onConnect = noop;
  readonly onReady = noop;
  readonly onEnded = noop;
  readonly onMonitor = noop;
  readonly onMoved = noop;
  readonly onWarning = noop;
  readonly onDatabase = noop;
  readonly onUnreadable = noop;
  readonly onHandedBack = noop;
  readonly onFieldsetRefused = noop;
  readonly onRenewalFailed = noop;
  readonly renewalDelay = (): number => 0;
  readonly onReplyError = (): boolean => false;
  readonly onCheck = (): boolean => true;
}
