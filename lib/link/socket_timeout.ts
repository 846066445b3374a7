/** `socketTimeout`: a server that owes a reply and says nothing loses its connection. A blocking command may be what it waits for. */
import type { Socket } from 'node:net';
import { clearTimeout, setImmediate, setTimeout } from '../clock';

export interface Watched {
  readonly socket: Socket | undefined;
  /** Commands that wait or are in flight. */
  readonly queued: number;
  isBlocked(): boolean;
}

export class SocketTimeout {
  private timer: NodeJS.Timeout | undefined = undefined;

  constructor(private readonly link: Watched) {}

  /** Runs while a reply is due. */
  get isRunning(): boolean {
    return this.timer !== undefined;
  }

  /** From now on `ms` may pass without data. */
  expect(ms: number): void {
    const { socket } = this.link;
    if (socket === undefined || this.timer !== undefined) return;
    const judge = (): void => {
      if (this.timer !== timer || this.link.socket !== socket) return;
      this.timer = undefined;
      if (this.link.isBlocked()) this.expect(ms);
      else socket.destroy(new Error(`Socket timeout. Expecting data, but didn't receive any in ${ms}ms.`));
    };
    // One more look at the socket first.
    const timer = setTimeout(() => setImmediate(judge), ms);
    this.timer = timer;
  }

  /** Something was read. */
  onData(ms: number | undefined): void {
    this.stop();
    if (this.link.queued > 0 && ms !== undefined) this.expect(ms);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
