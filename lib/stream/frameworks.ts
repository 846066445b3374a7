/**
 * What the handler needs of a request of any framework: node:http and http2, Express, Fastify, Hono, and frameworks with web `Request` and `Response`. They are told apart by their
 * arguments, so that none of them is a dependency.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { HEADERS, NodeSink, WebSink, type Sink } from './sink';

/** Fastify's request. */
export interface FastifyRequestLike {
  readonly raw: IncomingMessage | Http2ServerRequest;
}

/** Fastify's reply, as far as it is used. */
export interface FastifyReplyLike {
  readonly raw: ServerResponse | Http2ServerResponse;
  hijack(): unknown;
  getHeaders(): Record<string, unknown>;
}

/** Hono's context, as far as it is used. */
export interface HonoContextLike {
  readonly req: { readonly raw: Request };
}

/** What `filter` and `authorize` get: the request as the framework has it. Its user, session and so on are the framework's. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- frameworks add members of their own
export type StreamRequest = any;

/** A request of any framework. */
export interface Exchange {
  readonly request: unknown;
  readonly context: unknown;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly address: string;
  readonly header: (name: string) => string | undefined;
  /** Answers with an error or a refusal. */
  refuse(status: number, body: object, headers?: Record<string, string>): unknown;
  /** Answers with a stream. `result` is what the framework wants back. */
  stream(): { sink: Sink; result: unknown };
}

/** Errors: TypeError for arguments of no framework that is known. */
export function exchangeOf(first: unknown, second: unknown): Exchange {
  if (isWebRequest(first)) return webExchange(first, undefined);
  const context = first as Partial<HonoContextLike> | undefined;
  if (isWebRequest(context?.req?.raw)) return webExchange(context.req.raw, context);
  const reply = second as Partial<FastifyReplyLike> | undefined;
  if (typeof reply?.hijack === 'function' && reply.raw !== undefined) {
    return nodeExchange(first, (first as FastifyRequestLike).raw as IncomingMessage, reply.raw as ServerResponse, reply as FastifyReplyLike);
  }
  if (typeof (second as Partial<ServerResponse> | undefined)?.writeHead === 'function') return nodeExchange(first, first as IncomingMessage, second as ServerResponse);
  throw new TypeError('the stream of invalidations must be called with request and response of node:http, Express or Fastify, with a web Request, or with a context of Hono');
}

function isWebRequest(value: unknown): value is Request {
  const { headers, url, method } = (value ?? {}) as Partial<Request>;
  return typeof url === 'string' && typeof method === 'string' && typeof headers?.get === 'function';
}

function webExchange(request: Request, context: unknown): Exchange {
  const { env } = (context ?? {}) as { env?: { incoming?: IncomingMessage } };
  return {
    request,
    context,
    method: request.method,
    url: request.url,
    address: env?.incoming?.socket?.remoteAddress ?? '',
    header: (name) => request.headers.get(name) ?? undefined,
    refuse: (status, body, headers) => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers } }),
    stream() {
      const sink = new WebSink(request.signal);
      return { sink, result: new Response(sink.body, { headers: HEADERS }) };
    },
  };
}

function nodeExchange(request: unknown, raw: IncomingMessage, response: ServerResponse, reply?: FastifyReplyLike): Exchange {
  /** What hooks of Fastify have set, for example for CORS. */
  const head = (status: number, headers: Record<string, string | number>): void => {
    const given = (reply?.getHeaders() ?? {}) as Record<string, string>;
    reply?.hijack();
    response.writeHead(status, { ...given, ...headers });
  };
  return {
    request,
    context: undefined,
    method: raw.method ?? 'GET',
    url: raw.url ?? '/',
    address: raw.socket?.remoteAddress ?? '',
    header: (name) => {
      const value = raw.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
    refuse(status, body, headers) {
      // Somebody else has answered meanwhile, for example after a time-out.
      if (response.headersSent || response.writableEnded) return;
      const text = JSON.stringify(body);
      head(status, { 'content-type': 'application/json', 'cache-control': 'no-store', 'content-length': Buffer.byteLength(text), ...headers });
      response.end(text);
    },
    stream() {
      const sink = new NodeSink(response, raw.socket);
      head(200, HEADERS);
      return { sink, result: undefined };
    },
  };
}
