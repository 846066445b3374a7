/** The cache of responses as a middleware of Express, and of all that takes its middlewares. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bypassStatus } from '../http/cache_status';
import { conditionsOf, makeUnconditional } from '../http/conditional';
import { askedOf, checkCacheRules, type CacheRules, type ResponseCacheOptions } from '../http/options';
import { repeat, repeatOf } from '../http/repeated';
import { appended, replyOf } from '../http/reply';
import { respond, respondHead, type Exchange } from '../http/response_cache';
import type { CacheRepository } from '../facade/repository';
import { recordResponse, sendReply, thereOf, type RecordedResponse } from './recorded';

/** A middleware of Express. */
export type Middleware<Request extends IncomingMessage = IncomingMessage> = (request: Request, response: ServerResponse, next: (error?: unknown) => void) => void;

/** What Express adds to a request. Applications that are mounted in another one know it. */
interface Application {
  (request: IncomingMessage, response: ServerResponse): void;
  readonly parent?: Application;
}

type Extended = IncomingMessage & { readonly originalUrl?: string; readonly app?: Application };

/**
 * A middleware that answers GET and HEAD from a cache. What comes behind it in the chain makes the responses that the cache does not have: one request in
 * the fleet at a time for each key, while the others wait. `invalidateTags` of the repository makes responses unusable by their tags.
 *
 *     import type { Request } from 'express';
 *
 *     const pages = new CacheRepository('pages', { ttl: 60, staleAfter: 30 });
 *     app.get('/companies/:id/orders', responseCache(pages, { tags: (req: Request) => [`company:${req.params.id}:orders`] }), listOrders);
 *
 * Kept are responses with the status 200, 203, 204, 300, 301 or 308, without `private`, `no-store`, `no-cache` and `Set-Cookie`, of at most `maxBytes`. Of the
 * fields, those that the handlers behind the middleware have set. Errors: TypeError and RangeError that name the option; what the functions `key` and `tags`
 * throw goes to `next`.
 */
export function responseCache<Request extends IncomingMessage = IncomingMessage>(cache: CacheRepository, options: ResponseCacheOptions<Request> = {}): Middleware<Request> {
  const rules = checkCacheRules<Request>(cache, options);
  const middleware: Middleware<Request> = (request, response, next) => {
    const repeated = repeatOf(request);
    if (repeated !== undefined) {
      if (repeated.owner === rules) recordResponse(response, repeated.recording, { noneMatch: undefined, modifiedSince: undefined }, undefined);
      return next();
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return next();
    answer(rules, request, response, next).catch(next);
  };
  return middleware;
}

async function answer<Request extends IncomingMessage>(rules: CacheRules<Request>, request: Request, response: ServerResponse, next: (error?: unknown) => void): Promise<void> {
  const url = (request as Extended).originalUrl ?? request.url ?? '/';
  const asked = askedOf(rules, request, { url, headers: request.headers });
  if ('bypass' in asked) {
    if (rules.status !== undefined) response.setHeader('cache-status', appended(thereOf(response, 'cache-status'), bypassStatus(rules.status, asked.bypass)));
    return next();
  }
  const tags = rules.tags(request);
  const exchange = exchangeOf(rules, request, response, url, next);
  if (request.method === 'GET') return respond(rules, asked.key, tags, exchange);
  if (!(await respondHead(rules, asked.key, exchange))) next();
}

function exchangeOf(rules: CacheRules<never>, request: IncomingMessage, response: ServerResponse, url: string, next: () => void): Exchange {
  const conditions = conditionsOf(request.headers);
  let recorded: RecordedResponse | undefined;
  return {
    run(recording) {
      makeUnconditional(request.headers);
      recorded = recordResponse(response, recording, conditions, rules.status);
      next();
    },
    repeat(recording) {
      const application = rootOf(request);
      if (application === undefined) recording.abort();
      else repeat(rules, request, url, recording, application);
    },
    send(stored, status) {
      if (recorded !== undefined) recorded.sendInstead(stored, status);
      else if (!response.headersSent) sendReply(response, replyOf(stored, conditions, status, (name) => thereOf(response, name)));
    },
    pass: next,
  };
}

/** The application that the server calls. */
function rootOf(request: IncomingMessage): Application | undefined {
  let { app } = request as Extended;
  while (app?.parent !== undefined) app = app.parent;
  return app;
}
