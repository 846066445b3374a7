// A proxy that counts round trips: how often a client says something after the server has answered.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class TripProxy {
  trips = 0;

  static async start(port) {
    const proxy = new TripProxy();
    proxy.sockets = new Set();
    proxy.server = createServer((client) => proxy.#join(client, connect(port, '127.0.0.1')));
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    proxy.port = proxy.server.address().port;
    return proxy;
  }

  /** What is written while an answer is awaited belongs to the same trip. */
  #join(client, upstream) {
    let isAsking = false;
    client.on('data', (bytes) => {
      if (!isAsking) this.trips++;
      isAsking = true;
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      isAsking = false;
      client.write(bytes);
    });
    for (const [one, other] of [[client, upstream], [upstream, client]]) {
      this.sockets.add(one);
      one.setNoDelay(true).on('error', () => other.destroy()).on('close', () => other.destroy());
    }
  }

  stop() {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}
