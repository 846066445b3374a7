/**
 * PGlite behind a socket, for any number of `pg` clients. PGlite is one session, so clients take turns: what one sends up to its Sync (or a simple
 * query) runs as a whole, and a transaction keeps the turn until it ends. Sessions share what SET changes, and prepared statements with names.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { PGlite } from '@electric-sql/pglite';
import { greeting, Messages, ROLLBACK, statusOf } from './wire';

interface Turn {
  socket: Socket;
  messages: Buffer;
}

export class SocketServer {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly waiting: Turn[] = [];
  private isRunning = false;
  /** Whose transaction is open. */
  private owner: Socket | undefined;

  /** Statements wait for a database that is still being opened. */
  constructor(private readonly pglite: PGlite | Promise<PGlite>) {
    this.server = createServer((socket) => this.serve(socket));
  }

  /** Listens on a free port of this machine alone. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(socket: Socket): void {
    const messages = new Messages();
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      for (const event of messages.push(bytes)) {
        if (event.kind === 'no encryption') socket.write('N');
        else if (event.kind === 'start') socket.write(greeting());
        else if (event.kind === 'end') socket.end();
        else this.enqueue({ socket, messages: event.messages });
      }
    });
    socket.on('close', () => {
      this.sockets.delete(socket);
      if (this.owner === socket) this.enqueue({ socket, messages: ROLLBACK });
    });
  }

  private enqueue(turn: Turn): void {
    this.waiting.push(turn);
    void this.run();
  }

  private async run(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    for (let turn = this.next(); turn !== undefined; turn = this.next()) {
      const { socket, messages } = turn;
      if (socket.destroyed && messages !== ROLLBACK) continue;
      try {
        const reply = await (await this.pglite).execProtocolRaw(messages);
        this.owner = statusOf(reply) === 'I' ? undefined : socket;
        if (!socket.destroyed) socket.write(reply);
        else if (this.owner === socket) this.waiting.push({ socket, messages: ROLLBACK });
      } catch (error) {
        console.error('[database]', error);
        socket.destroy();
      }
    }
    this.isRunning = false;
  }

  /** The oldest turn, of the open transaction if there is one. */
  private next(): Turn | undefined {
    if (this.owner === undefined) return this.waiting.shift();
    const index = this.waiting.findIndex(({ socket }) => socket === this.owner);
    return index < 0 ? undefined : this.waiting.splice(index, 1)[0];
  }
}
