/** Where a connection writes: a response of Node's (that of http2 has the same interface), or the body of a web `Response`. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface Sink {
  /** Bytes that the peer has not taken yet. */
  readonly pending: number;
  write(text: string): void;
  /** Ends after what was written; a peer that does not take it is cut by `destroy`. */
  end(): void;
  destroy(): void;
  /** Called when `pending` has gone down to 0. */
  onDrain: () => void;
  /** Called once when the connection is over, whichever side has ended it. */
  onClose: () => void;
}

export const HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  // Nobody between may keep it or wait for more of it.
  'cache-control': 'no-cache, no-store, no-transform',
  'x-accel-buffering': 'no',
};

const noop = (): void => undefined;

/** Sinks whose requests wait on a socket behind another one (pipelining). Node does not tell their responses that the socket has closed. */
const queued = new WeakMap<Socket, Set<NodeSink>>();

function closeWith(socket: Socket, sink: NodeSink): void {
  const known = queued.get(socket);
  if (known !== undefined) {
    known.add(sink);
    return;
  }
  const sinks = new Set([sink]);
  queued.set(socket, sinks);
  socket.once('close', () => {
    for (const one of sinks) one.over();
  });
}

export class NodeSink implements Sink {
  onDrain = noop;
  onClose = noop;
  private isOver = false;

  /** `socket`: that of the request. */
  constructor(
    private readonly response: ServerResponse,
    socket: Socket | undefined,
  ) {
    const own = response;
    own.on('drain', () => this.onDrain());
    own.once('close', () => this.over());
    // The peer is gone, which `close` tells.
    own.on('error', noop);
    if (own.socket === null && socket !== undefined) closeWith(socket, this);
  }

  /** @internal The connection is over. */
  over(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.onClose();
  }

  get pending(): number {
    return this.response.writableLength;
  }

  write(text: string): void {
    const own = this.response as ServerResponse & { flush?: () => void };
    if (own.writableEnded || own.destroyed) return;
    own.write(text);
    // Middleware that compresses holds back what it has.
    if (typeof own.flush === 'function') own.flush();
  }

  end(): void {
    this.response.end();
  }

  destroy(): void {
    this.response.destroy();
  }
}

export class WebSink implements Sink {
  onDrain = noop;
  onClose = noop;
  readonly body: ReadableStream<Uint8Array>;
  private controller!: ReadableStreamDefaultController<Uint8Array>;
  private readonly encoder = new TextEncoder();
  private readonly capacity = 2 ** 40;
  private isOver = false;

  constructor(signal: AbortSignal | undefined) {
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.controller = controller;
        },
        pull: () => {
          if (this.pending === 0) this.onDrain();
        },
        cancel: () => this.over(),
      },
      { highWaterMark: this.capacity, size: (chunk) => chunk?.byteLength ?? 0 },
    );
    // The client has left. An error would be one line in the log of the server that reads this.
    signal?.addEventListener('abort', () => this.end(), { once: true });
  }

  get pending(): number {
    return this.isOver ? 0 : this.capacity - (this.controller.desiredSize ?? this.capacity);
  }

  write(text: string): void {
    if (!this.isOver) this.controller.enqueue(this.encoder.encode(text));
  }

  end(): void {
    if (this.isOver) return;
    this.controller.close();
    this.over();
  }

  destroy(): void {
    if (this.isOver) return;
    this.controller.error(new Error('the stream of invalidations was cut'));
    this.over();
  }

  private over(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.onClose();
  }
}
