/** Passes requests on, round robin, or to the instance that a header or a cookie names. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { Instance } from './instance';

/** Idle connections are closed here first, and not by the instances. */
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity, timeout: 30_000 });
/** What concerns one connection only. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'];
const MAX_BODY = 1 << 20;

interface Passed {
  request: IncomingMessage;
  response: ServerResponse;
  body: Buffer;
  /** A header has named the instance, so no other one will do. */
  isBound: boolean;
}

export class Proxy {
  private turn = 0;

  constructor(private readonly instances: readonly Instance[]) {}

  async pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Bodies are small here. Having them whole, a request that an instance has refused can go to another one.
    const body = await bodyOf(request);
    if (body === undefined) return refuse(response, 413, 'the body is too long');
    const named = request.headers['x-instance'];
    const instance = named === undefined ? (this.wanted(request) ?? this.next([])) : this.up(String(named));
    this.send(instance, { request, response, body, isBound: named !== undefined }, []);
  }

  /** The instance of the cookie, if it is up. */
  private wanted({ headers }: IncomingMessage): Instance | undefined {
    return this.up(/(?:^|;\s*)instance=(\d+)/.exec(headers.cookie ?? '')?.[1]);
  }

  private up(number: string | undefined): Instance | undefined {
    return this.instances.find((instance) => String(instance.number) === number && instance.state === 'up');
  }

  private next(without: readonly Instance[]): Instance | undefined {
    const up = this.instances.filter((instance) => instance.state === 'up' && !without.includes(instance));
    return up[this.turn++ % Math.max(up.length, 1)];
  }

  private send(instance: Instance | undefined, passed: Passed, tried: readonly Instance[]): void {
    const { request, response, body, isBound } = passed;
    if (instance === undefined) return refuse(response, 503, isBound ? 'this instance is not up' : 'no instance is up');
    instance.requests++;
    const headers: http.OutgoingHttpHeaders = { ...request.headers, 'x-forwarded-for': request.socket.remoteAddress };
    for (const name of HOP_BY_HOP) delete headers[name];
    if (body.length > 0) headers['content-length'] = body.length;
    const upstream = http.request({ agent, host: '127.0.0.1', port: instance.port, method: request.method, path: request.url, headers });
    upstream.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      // An answer that is cut short must look like one.
      answer.once('aborted', () => response.destroy());
    });
    upstream.on('error', (error: NodeJS.ErrnoException) => {
      if (response.destroyed || response.headersSent) return void response.destroy();
      instance.errors++;
      // It was not sent, or it changes nothing.
      const isFree = error.code === 'ECONNREFUSED' || request.method === 'GET';
      const another = isFree && !isBound ? this.next([...tried, instance]) : undefined;
      if (another !== undefined) return this.send(another, passed, [...tried, instance]);
      refuse(response, 502, `instance ${instance.number}: ${error.message}`);
    });
    response.once('close', () => upstream.destroy());
    upstream.end(body);
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function refuse(response: ServerResponse, status: number, message: string): void {
  const code = status === 413 ? 'too_large' : 'no_instance';
  response.writeHead(status, { 'content-type': 'application/json', ...(status === 503 && { 'retry-after': '1' }) }).end(JSON.stringify({ error: { code, message } }));
}
