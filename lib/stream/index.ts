/** `invalidationStream`: tells browsers what was invalidated, over server-sent events. */
import { setImmediate } from '../clock';
import { badOption } from '../errors';
import { logger, managerOptions } from '../manager/connections';
import { withoutArguments } from '../observe/tracing';
import { Admission } from './admission';
import { whenOpened } from './announce';
import { Connection, type From, type StreamSettings } from './connection';
import { isCursor } from './event';
import { exchangeOf, type Exchange, type FastifyReplyLike, type FastifyRequestLike, type HonoContextLike } from './frameworks';
import { hub } from './hub';
import { checkStreamOptions, type Checked, type InvalidationStreamOptions } from './options';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

export type { InvalidationStreamOptions };
export type { StreamRequest } from './frameworks';

/** A repository whose invalidations are streamed. */
export interface StreamedCache {
  readonly prefix: string;
  invalidateTags(tags: readonly string[]): Promise<number>;
}

/** A handler of GET requests for every framework that {@link invalidationStream} names. */
export interface InvalidationStream {
  (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse, next?: unknown): Promise<void>;
  (request: FastifyRequestLike, reply: FastifyReplyLike): Promise<void>;
  (request: Request, context?: unknown): Promise<Response>;
  (context: HonoContextLike, next?: unknown): Promise<Response>;
  /** How many connections it has now. */
  readonly connections: number;
  /** Ends its connections, so that the HTTP server can close. Clients connect again, to another instance. It may be used again. */
  close(): void;
}

/**
 * A handler that streams the tags that are invalidated, to `subscribeInvalidations` of `hawser/client` or any other reader of server-sent events. Every instance streams what any process has
 * invalidated in these repositories with `invalidateTags`, after it has taken effect. A deleted key comes as the tag `<prefix>:<key>`; `clear` and `deletePattern` tell clients to fetch
 * everything. It opens a connection to Redis while it has clients. Throws TypeError or RangeError that names the argument or option.
 *
 *     const stream = invalidationStream(orders, { filter: (tag, request) => tag.startsWith(`company:${request.user.company}:`) });
 *     app.get('/api/invalidations', authenticate, stream); // Express and Fastify
 *     app.get('/api/invalidations', (c) => stream(c.req.raw)); // Hono
 *     http.createServer(stream);
 */
export function invalidationStream(cache: StreamedCache | readonly StreamedCache[], options: InvalidationStreamOptions = {}): InvalidationStream {
  const handler = new Handler(prefixesOf(cache), checkStreamOptions(options));
  const stream = (first: unknown, second?: unknown): Promise<unknown> => handler.answer(first, second);
  Object.defineProperty(stream, 'connections', { get: () => handler.count });
  Object.defineProperty(stream, 'close', { value: () => handler.close() });
  return stream as InvalidationStream;
}

function prefixesOf(cache: StreamedCache | readonly StreamedCache[]): Set<string> {
  const all: readonly unknown[] = Array.isArray(cache) ? cache : [cache];
  if (all.length === 0) badOption('cache', 'a CacheRepository or an array of at least one', cache);
  return new Set(
    all.map((one, i) => {
      const { prefix, invalidateTags } = (one ?? {}) as Partial<StreamedCache>;
      if (typeof prefix !== 'string' || typeof invalidateTags !== 'function') badOption(Array.isArray(cache) ? `cache[${i}]` : 'cache', 'a CacheRepository', one);
      return prefix;
    }),
  );
}

class Handler {
  private readonly admission: Admission;
  private heartbeats: NodeJS.Timeout | undefined;
  private hasToldOfFilter = false;

  constructor(
    private readonly prefixes: ReadonlySet<string>,
    private readonly options: Checked,
  ) {
    this.admission = new Admission(options.maxConnections);
    // The sooner the fleet knows of it, the sooner others announce what they invalidate.
    whenOpened(startQuietly);
    if (Object.keys(managerOptions()).length > 0) setImmediate(startQuietly);
  }

  get count(): number {
    return this.admission.count;
  }

  close(): void {
    for (const connection of this.admission.all()) connection.close('shutdown');
  }

  async answer(first: unknown, second: unknown): Promise<unknown> {
    const exchange = exchangeOf(first, second);
    try {
      return await this.stream(exchange);
    } catch (error) {
      // Settings that are of no use, or a function of the application: the log says which.
      logger().error('[hawser] stream of invalidations:', withoutArguments(error));
      return exchange.refuse(503, { error: (error as { code?: string }).code ?? 'E_INTERNAL' }, this.retryAfter());
    }
  }

  private async stream(exchange: Exchange): Promise<unknown> {
    const { request, context, method } = exchange;
    if (method !== 'GET') return exchange.refuse(405, { error: 'method not allowed' }, { allow: 'GET' });
    const from = fromOf(exchange);
    if (typeof from === 'string') return exchange.refuse(400, { error: 'E_BAD_OPTION', message: from });
    const { authorize, clientOf } = this.options;
    if (authorize !== undefined && (await authorize(request, context)) !== true) return exchange.refuse(403, { error: 'forbidden' });
    const client = clientOf?.(request, context) ?? exchange.address;
    hub.start();
    if (!this.admission.hasPlace(client)) return exchange.refuse(503, { error: 'too many streams' }, this.retryAfter());
    const { sink, result } = exchange.stream();
    const connection = new Connection(sink, this.settingsOf(exchange));
    this.admission.add(client, connection);
    this.beat();
    void connection.begin(from);
    return result;
  }

  private settingsOf({ request, context }: Exchange): StreamSettings {
    const { maxBufferedBytes, slowTimeoutMs, heartbeatMs, filter } = this.options;
    const isVisible = (tag: string): boolean => {
      if (filter === undefined) return true;
      try {
        const answer: unknown = filter(tag, request, context);
        if (typeof answer === 'boolean') return answer;
        this.tellOfFilter(`it must return true or false, got ${answer instanceof Promise ? 'a promise' : typeof answer}`);
      } catch (error) {
        this.tellOfFilter('it threw:', withoutArguments(error));
      }
      return false;
    };
    return { hub, prefixes: this.prefixes, isVisible, maxBufferedBytes, slowTimeoutMs, heartbeatMs };
  }

  /** Once, because it may happen with every tag of every client. */
  private tellOfFilter(what: string, ...details: unknown[]): void {
    if (this.hasToldOfFilter) return;
    this.hasToldOfFilter = true;
    logger().error(`[hawser] stream of invalidations: options.filter shows no tag, because ${what}`, ...details);
  }

  private retryAfter(): Record<string, string> {
    return { 'retry-after': String(this.options.retryAfterSeconds) };
  }

  private beat(): void {
    this.heartbeats ??= setInterval(() => {
      for (const connection of this.admission.all()) connection.heartbeat();
      if (this.admission.count > 0) return;
      clearInterval(this.heartbeats);
      this.heartbeats = undefined;
    }, this.options.heartbeatMs).unref();
  }
}

function startQuietly(): void {
  try {
    hub.start();
  } catch {
    // The first client learns of it.
  }
}

/** Where a client wants to begin, or what is wrong with what it said. */
function fromOf({ url, header }: Exchange): From | string {
  const query = new URL(url, 'http://localhost').searchParams;
  const inHeader = header('last-event-id');
  const cursor = inHeader ?? query.get('lastEventId');
  if (cursor !== null && cursor !== '') {
    return isCursor(cursor) ? { cursor } : `${inHeader === undefined ? 'lastEventId' : 'Last-Event-ID'} must be the id of an event of this stream`;
  }
  const age = query.get('age');
  if (age === null) return { now: true };
  return /^\d{1,15}$/.test(age) ? { ageMs: Number(age) } : 'age must be a whole number of milliseconds';
}
