/**
 * A TCP proxy that fails on demand. Between a client and a real server it cuts after an exact number of bytes, stalls, delays, throttles,
 * refuses, and counts.
 *
 *     const proxy = await Proxy.start(server);
 *     proxy.cut({ direction: 'toClient', afterBytes: 7 });   // the next connection's eighth reply byte never arrives
 */
import * as net from 'node:net';
import { nowMs, setRealTimeout } from './clock';

/** The number of pieces per second of a throttled direction. */
const SLICES_PER_SECOND = 100;

export type Direction = 'toServer' | 'toClient';

export type ProxyTarget = { port: number; host?: string } | { path: string };

export interface Cut {
  direction: Direction;
  /** The number of bytes to pass in that direction, from the start of the connection. */
  afterBytes: number;
  /** `rst` (default): both sides see a reset. `fin`: both see an orderly end. */
  how?: 'rst' | 'fin';
  /**
   * Time between the last byte and the end. Default 0: then byte and end may reach the peer together, and Node reports such a
   * reset as an orderly `end`. A few milliseconds give the peer the time to read, and it sees ECONNRESET.
   */
  afterMs?: number;
}

/** What happens to a new connection: it is passed on, closed at once, or accepted and never answered. */
export type Reception = 'pass' | 'refuse' | 'ignore';

export class ProxyConnection {
  /** Bytes passed on so far. */
  readonly bytes = { toServer: 0, toClient: 0 };
  closed = false;
  private gate: Promise<void> | undefined;
  private readonly restsUntil: Record<Direction, number> = { toServer: 0, toClient: 0 };
  private readonly queues: Record<Direction, Promise<void>> = { toServer: Promise.resolve(), toClient: Promise.resolve() };

  constructor(
    private readonly proxy: Proxy,
    readonly client: net.Socket,
    readonly server: net.Socket | undefined,
    /** The cut that is set for this connection. */
    public plan: Cut | undefined,
  ) {
    this.wire('toServer', client, server);
    if (server) this.wire('toClient', server, client);
  }

  /** Stops this connection, but no other. Returns a function that lets it continue. */
  stall(): () => void {
    let lift = (): void => undefined;
    this.gate = new Promise((resolve) => (lift = resolve));
    return lift;
  }

  /** Ends both sides now. */
  cut(how: 'rst' | 'fin' = 'rst'): void {
    this.closed = true;
    for (const socket of [this.client, this.server]) {
      if (socket) end(socket, how);
    }
  }

  private wire(direction: Direction, from: net.Socket, to: net.Socket | undefined): void {
    from.setNoDelay(true);
    from.on('error', () => undefined);
    from.on('data', (chunk: Buffer) => {
      if (!to) return;
      const passed = this.queues[direction].then(() => this.pass(direction, to, chunk));
      this.queues[direction] = passed;
      from.pause();
      void passed.then(() => from.resume());
    });
    from.on('end', () => void this.queues[direction].then(() => to?.end()));
    from.on('close', (failed: boolean) => {
      void this.queues[direction].then(() => {
        this.closed = true;
        if (to) end(to, failed ? 'rst' : 'fin');
        this.proxy.forget(this);
      });
    });
  }

  private async pass(direction: Direction, to: net.Socket, chunk: Buffer): Promise<void> {
    if (this.proxy.delayMs > 0) await new Promise((resolve) => setRealTimeout(resolve, this.proxy.delayMs));
    await this.proxy.opened(direction);
    await this.gate;
    if (this.closed || to.destroyed) return;
    const plan = this.plan?.direction === direction ? this.plan : undefined;
    const room = plan ? Math.max(plan.afterBytes - this.bytes[direction], 0) : Infinity;
    const part = chunk.length > room ? chunk.subarray(0, room) : chunk;
    if (part.length > 0) {
      this.bytes[direction] += part.length;
      await this.write(direction, to, part);
    }
    if (!plan || this.bytes[direction] < plan.afterBytes) return;
    if (plan.afterMs) await new Promise((resolve) => setRealTimeout(resolve, plan.afterMs));
    this.cut(plan.how);
  }

  /** Writes bytes out before a reset could discard them. A throttled direction then pauses for as long as these bytes take. */
  private async write(direction: Direction, to: net.Socket, part: Buffer): Promise<void> {
    const rate = this.proxy.bytesPerSecond[direction] ?? Infinity;
    const size = rate === Infinity ? part.length : Math.max(1, Math.ceil(rate / SLICES_PER_SECOND));
    for (let at = 0; at < part.length && !this.closed; at += size) {
      const slice = part.subarray(at, at + size);
      await new Promise((resolve) => to.write(slice, resolve));
      if (rate === Infinity) continue;
      this.restsUntil[direction] = Math.max(nowMs(), this.restsUntil[direction]) + (1000 * slice.length) / rate;
      const rest = this.restsUntil[direction] - nowMs();
      if (rest >= 1) await new Promise((resolve) => setRealTimeout(resolve, rest));
    }
  }
}

function end(socket: net.Socket, how: 'rst' | 'fin'): void {
  if (how === 'fin') {
    socket.end();
    return;
  }
  try {
    socket.resetAndDestroy();
  } catch {
    // A unix socket, or one that lost its handle, has nothing to reset.
    socket.destroy();
  }
}

export class Proxy {
  readonly host = '127.0.0.1';
  /** Connections accepted so far. */
  accepted = 0;
  /** Connections open now, oldest first. */
  readonly live: ProxyConnection[] = [];
  /** Each chunk waits this long on its way, in both directions. */
  delayMs = 0;
  /** The bytes per second of each connection; undefined: no limit. */
  readonly bytesPerSecond: Partial<Record<Direction, number>> = {};
  reception: Reception = 'pass';
  private readonly plans: Cut[] = [];
  private readonly gates: Partial<Record<Direction, { open: Promise<void>; lift: () => void }>> = {};

  private constructor(
    private readonly listener: net.Server,
    public target: ProxyTarget,
  ) {
    listener.on('connection', (socket) => this.accept(socket));
    listener.unref();
  }

  /** Listens on its own port in front of `target`. */
  static start(target: ProxyTarget, options: { host?: string } = {}): Promise<Proxy> {
    return new Promise((resolve, reject) => {
      const listener = net.createServer({ allowHalfOpen: true });
      listener.once('error', reject);
      listener.listen(0, options.host ?? '127.0.0.1', () => resolve(new Proxy(listener, target)));
    });
  }

  get port(): number {
    return (this.listener.address() as net.AddressInfo).port;
  }

  get url(): string {
    return `redis://${this.host}:${this.port}`;
  }

  /** Sets a cut for the next connection without one. A second call sets it for the connection after that. */
  cut(plan: Cut): void {
    this.plans.push(plan);
  }

  /** Ends all live connections now. */
  cutAll(how: 'rst' | 'fin' = 'rst'): void {
    for (const connection of [...this.live]) connection.cut(how);
  }

  /** Passes nothing on until `resume`. Bytes that arrive in the meantime wait. */
  stall(...directions: Direction[]): void {
    for (const direction of directions.length > 0 ? directions : (['toServer', 'toClient'] as const)) {
      if (this.gates[direction]) continue;
      let lift = (): void => undefined;
      const open = new Promise<void>((resolve) => (lift = resolve));
      this.gates[direction] = { open, lift };
    }
  }

  resume(): void {
    for (const direction of ['toServer', 'toClient'] as const) {
      const gate = this.gates[direction];
      delete this.gates[direction];
      gate?.lift();
    }
  }

  /** Stops listening, so that connecting fails at once, and ends the live connections. */
  stop(): Promise<void> {
    this.resume();
    this.cutAll();
    return new Promise((resolve) => this.listener.close(() => resolve()));
  }

  /** For connections: resolves when nothing stalls `direction`. */
  async opened(direction: Direction): Promise<void> {
    await this.gates[direction]?.open;
  }

  /** For connections: this one has ended. */
  forget(connection: ProxyConnection): void {
    const at = this.live.indexOf(connection);
    if (at >= 0) this.live.splice(at, 1);
  }

  private accept(client: net.Socket): void {
    this.accepted++;
    if (this.reception === 'refuse') {
      client.on('error', () => undefined);
      end(client, 'rst');
      return;
    }
    const server = this.reception === 'pass' ? net.connect({ ...this.target, allowHalfOpen: true } as net.NetConnectOpts) : undefined;
    this.live.push(new ProxyConnection(this, client, server, this.plans.shift()));
  }
}
