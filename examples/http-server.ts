/**
 * The order backend behind node:http, with health and metrics: node examples/run.mjs http-server
 *
 *     curl localhost:3000/companies/c1/orders
 *     curl -X PATCH localhost:3000/companies/c1/orders/o1 -d '{"status":"shipped"}'
 *     curl localhost:3000/companies/c1/dashboard
 *     curl localhost:3000/health/redis
 *     curl localhost:3000/metrics
 *
 * It runs on memory:// or on the server in REDIS_URL. PORT sets the port.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CacheMetrics, redisHealthHandler, RedisManager } from 'hawser';
import { Backend } from './order-backend/backend';
import type { OrderStatus } from './order-backend/database';

const STATUSES: readonly string[] = ['new', 'packed', 'shipped', 'delivered'] satisfies OrderStatus[];
const MAX_BODY = 10_000;
const health = redisHealthHandler();

class BadRequest extends Error {}

function status(value: unknown): OrderStatus {
  if (typeof value !== 'string' || !STATUSES.includes(value)) throw new BadRequest(`status must be one of ${STATUSES.join(', ')}`);
  return value as OrderStatus;
}

async function body(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > MAX_BODY) throw new BadRequest('the body is too long');
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Reported below.
  }
  throw new BadRequest('the body must be a JSON object');
}

function send(response: ServerResponse, code: number, value: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function answer(backend: Backend, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const [first, id = '', third, orderId] = url.pathname.slice(1).split('/').map(decodeURIComponent);
  const { method } = request;
  if (url.pathname === '/health/redis') {
    // Caches fail open: an instance without Redis is slow but correct. Whether it should get traffic is your decision.
    await health(request, response);
    return;
  }
  if (method === 'GET' && url.pathname === '/metrics') {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(CacheMetrics.prometheus());
    return;
  }
  if (first === 'companies' && backend.db.companies.includes(id)) {
    if (third === 'dashboard' && method === 'GET') return send(response, 200, await backend.dashboards.get(id));
    if (third === 'orders' && orderId === undefined && method === 'GET') {
      const wanted = url.searchParams.get('status');
      const page = Math.max(Math.trunc(Number(url.searchParams.get('page') ?? 1)) || 1, 1);
      return send(response, 200, await backend.orders.list(id, wanted === null ? {} : { status: status(wanted) }, { page, limit: 20 }));
    }
    if (third === 'orders' && orderId !== undefined) {
      if (method === 'PATCH') {
        const written = await backend.orders.updateStatus(id, orderId, status((await body(request)).status));
        return written === null ? send(response, 404, { error: 'no such order' }) : send(response, 200, written);
      }
      const order = method === 'GET' ? await backend.orders.byId(id, orderId) : null;
      if (order?.companyId === id) return send(response, 200, order);
    }
  }
  send(response, 404, { error: 'not found' });
}

async function main(): Promise<void> {
  RedisManager.configure({ url: process.env.REDIS_URL || 'memory://' });
  RedisManager.installShutdownHooks();
  const backend = new Backend();
  await backend.start();
  await backend.warm();

  const server = createServer((request, response) => {
    answer(backend, request, response).catch((error: unknown) => {
      if (error instanceof BadRequest || error instanceof URIError) return send(response, 400, { error: error.message });
      console.error(error);
      send(response, 500, { error: 'internal error' });
    });
  });
  server.listen(Number(process.env.PORT || 3000), () => {
    console.log(`listening on http://localhost:${(server.address() as AddressInfo).port}`);
  });
  // The hook closes Redis; the application closes the rest. Because the application listens to the signal, it must also end the process,
  // which exits once nothing is open.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      server.close();
      server.closeIdleConnections();
    });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
