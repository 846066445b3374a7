/** A copy of a GET whose response nobody gets: how a stale response is made anew in the background. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { makeUnconditional } from './conditional';
import type { Recording } from './recording';

/** Who repeats a request: the cache at which its response is recorded. */
interface Repeated {
  readonly owner: object;
  readonly recording: Recording;
}

const repeats = new WeakMap<IncomingMessage, Repeated>();

/** Where the response goes: nowhere. It looks like the connection that the request came by. */
class Nowhere extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

/** Whether a request is a copy that this module made, and whose. */
export function repeatOf(request: IncomingMessage): Repeated | undefined {
  return repeats.get(request);
}

/** Runs a copy of `request` through `handler`, as a GET of `url` by the same client. The recording always ends. */
export function repeat(owner: object, request: IncomingMessage, url: string, recording: Recording, handler: (request: IncomingMessage, response: ServerResponse) => void): void {
  const from = request.socket as Partial<Socket & { encrypted: boolean }>;
  const socket = Object.assign(new Nowhere({ emitClose: false }), { remoteAddress: from.remoteAddress, remotePort: from.remotePort, localAddress: from.localAddress, encrypted: from.encrypted }) as unknown as Socket;
  const copy = new IncomingMessage(socket);
  Object.assign(copy, { method: 'GET', url, httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1, headers: { ...request.headers }, rawHeaders: [...request.rawHeaders], complete: true });
  makeUnconditional(copy.headers);
  copy.push(null);
  const response = new ServerResponse(copy);
  response.assignSocket(socket);
  repeats.set(copy, { owner, recording });
  // Where the response never came to the cache (a redirect to a login, a route that is gone), nothing is stored.
  response.once('finish', () => recording.abort());
  response.once('close', () => recording.abort());
  try {
    handler(copy, response);
  } catch {
    recording.abort();
  }
}
