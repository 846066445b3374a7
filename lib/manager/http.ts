/**
 * The health check as an HTTP handler for node:http, Express and Fastify. It knows only what the three have in common, so that none of them is a
 * dependency.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { checkNames } from '../cache/validate';
import { badOption } from '../errors';
import { logger } from './connections';
import { redisHealthCheck, type RedisHealth } from './health';

/** Options of `redisHealthHandler`. */
export interface HealthHandlerOptions {
  /**
   * Whether the answer has `silent`, `roles` and `warnings`, which name the servers' addresses, versions and errors. Default false, for routes that
   * everybody can reach.
   */
  details?: boolean;
}

/** Fastify's reply, as far as the handler uses it. */
export interface HealthReply {
  readonly raw: ServerResponse;
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  send(body?: string): unknown;
}

/** A handler of node:http, Express (`next` is not called) and Fastify. */
export type HealthHandler = (request: IncomingMessage | { readonly raw: IncomingMessage; readonly method: string }, response: ServerResponse | HealthReply, next?: unknown) => Promise<void | HealthReply>;

const NAMES = new Set(['details']);
const HEADERS: readonly (readonly [string, string])[] = [
  ['content-type', 'application/json; charset=utf-8'],
  ['cache-control', 'no-store'],
];

interface Answer {
  status: number;
  body: string;
  more?: readonly [string, string];
}

/** A check under way serves everybody who asks meanwhile: load balancers ask from many places at once. */
let running: Promise<RedisHealth> | undefined;

function check(): Promise<RedisHealth> {
  running ??= redisHealthCheck().finally(() => {
    running = undefined;
  });
  return running;
}

/**
 * A handler for a route such as `/api/health/redis`. It answers 200 if all connections answer and 503 if not, within about a second in every case,
 * with `redisHealthCheck()` as JSON; HEAD has no body, other methods are 405. It never rejects. Errors: TypeError for invalid options.
 *
 *     http.createServer(redisHealthHandler());
 *     expressApp.get('/api/health/redis', redisHealthHandler());
 *     fastifyApp.get('/api/health/redis', redisHealthHandler());
 */
export function redisHealthHandler(options: HealthHandlerOptions = {}): HealthHandler {
  const { details = false }: HealthHandlerOptions = checkNames('options', options, NAMES);
  if (typeof details !== 'boolean') badOption('options.details', 'true or false', details);
  return async (request, response) => {
    const method = request.method ?? 'GET';
    const answer = method === 'GET' || method === 'HEAD' ? await answerOf(details) : REFUSED;
    if ('raw' in response && typeof response.send === 'function') return reply(response, answer);
    return write(response as ServerResponse, answer, method === 'HEAD');
  };
}

const REFUSED: Answer = { status: 405, body: JSON.stringify({ error: 'method not allowed' }), more: ['allow', 'GET, HEAD'] };

async function answerOf(details: boolean): Promise<Answer> {
  try {
    const { roles, warnings, silent, ...health } = await check();
    return { status: health.healthy ? 200 : 503, body: JSON.stringify(details ? { ...health, silent, roles, warnings } : health) };
  } catch (error) {
    // Settings that are of no use: the log says which, everybody may know that.
    logger().error(`[hawser] health check: ${(error as Error).message}`);
    const { code = 'E_INTERNAL' } = error as { code?: string };
    return { status: 503, body: JSON.stringify({ healthy: false, error: code, timestamp: new Date().toISOString() }) };
  }
}

function write(response: ServerResponse, { status, body, more }: Answer, isHead: boolean): void {
  // Somebody else has answered meanwhile, for example after a time-out.
  if (response.headersSent || response.writableEnded) return;
  response.statusCode = status;
  for (const [name, value] of more === undefined ? HEADERS : [...HEADERS, more]) response.setHeader(name, value);
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(isHead ? undefined : body);
}

/** Fastify leaves the body out where the request is a HEAD. */
function reply(to: HealthReply, { status, body, more }: Answer): HealthReply {
  if (to.raw.headersSent) return to;
  to.code(status);
  for (const [name, value] of more === undefined ? HEADERS : [...HEADERS, more]) to.header(name, value);
  to.send(body);
  return to;
}
