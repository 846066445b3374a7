/** Handlers that answer GET and HEAD with one text, for node:http, Express and Fastify. They know only what the three have in common. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Fastify's reply, as far as a handler uses it. */
export interface HealthReply {
  readonly raw: ServerResponse;
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  send(body?: string): unknown;
}

/** A handler of node:http, Express (`next` is not called) and Fastify. */
export type HttpHandler = (request: IncomingMessage | { readonly raw: IncomingMessage; readonly method: string }, response: ServerResponse | HealthReply, next?: unknown) => Promise<void | HealthReply>;

/** What a handler answers. */
export interface Answer {
  status: number;
  body: string;
  more?: readonly [string, string];
}

type Headers = readonly (readonly [string, string])[];

const REFUSED: Answer = { status: 405, body: JSON.stringify({ error: 'method not allowed' }), more: ['allow', 'GET, HEAD'] };

/** A handler that answers with `answer`, which must not reject. HEAD has no body, other methods are 405. Never stored by a cache. */
export function handlerOf(type: string, answer: () => Promise<Answer>): HttpHandler {
  return async (request, response) => {
    const method = request.method ?? 'GET';
    const given = method === 'GET' || method === 'HEAD' ? await answer() : REFUSED;
    const headers: Headers = [['content-type', given === REFUSED ? 'application/json; charset=utf-8' : type], ['cache-control', 'no-store'], ...(given.more === undefined ? [] : [given.more])];
    if ('raw' in response && typeof response.send === 'function') return reply(response, given, headers);
    return write(response as ServerResponse, given, headers, method === 'HEAD');
  };
}

function write(response: ServerResponse, { status, body }: Answer, headers: Headers, isHead: boolean): void {
  // Somebody else has answered meanwhile, for example after a time-out.
  if (response.headersSent || response.writableEnded) return;
  response.statusCode = status;
  for (const [name, value] of headers) response.setHeader(name, value);
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(isHead ? undefined : body);
}

/** Fastify leaves the body out where the request is a HEAD. */
function reply(to: HealthReply, { status, body }: Answer, headers: Headers): HealthReply {
  if (to.raw.headersSent) return to;
  to.code(status);
  for (const [name, value] of headers) to.header(name, value);
  to.send(body);
  return to;
}
