/** `socketTimeout`: closes the connection of a server that owes a reply and stays silent. A blocking command is exempt. */
import type { Socket } from 'node:net';
import { clearTimeout, setImmediate, setTimeout } from '../clock';

export interface Watched {
  readonly socket: Socket | undefined;
  /** Commands that wait or are in flight. */
  readonly queued: number;
  isBlocked(): boolean;
  /** Takes in what has arrived. */
  look(): void;
}

export class SocketTimeout {
  private timer: NodeJS.Timeout | undefined = undefined;

  constructor(private readonly link: Watched) {}

  /** Runs while a reply is due. */
  get isRunning(): boolean {
    return this.timer !== undefined;
  }

  /** Starts a new period of `ms` without data. */
  expect(ms: number): void {
    const { socket } = this.link;
    if (socket === undefined || this.timer !== undefined) return;
    const expire = (): void => {
      this.link.look();
      if (this.timer !== timer || this.link.socket !== socket) return;
      this.timer = undefined;
      if (this.link.isBlocked()) this.expect(ms);
      else socket.destroy(new Error(`Socket timeout. Expecting data, but didn't receive any in ${ms}ms.`));
    };
    // Look at the socket once more first.
    const timer = setTimeout(() => setImmediate(expire), ms);
    this.timer = timer;
  }

  /** Data was read. */
  onData(ms: number | undefined): void {
    this.stop();
    if (this.link.queued > 0 && ms !== undefined) this.expect(ms);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
