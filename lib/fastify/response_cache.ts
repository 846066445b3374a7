/** The cache of responses as a plugin of Fastify. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import { bypassStatus, missStatus } from '../http/cache_status';
import { conditionsOf, isKeptBy304, isNotModified, makeUnconditional, type Conditions } from '../http/conditional';
import { addedSince, fieldsOf, type Fields } from '../http/headers';
import { askedOf, checkCacheRules, type CacheRules, type ResponseCacheOptions } from '../http/options';
import type { Recording } from '../http/recording';
import { repeat, repeatOf } from '../http/repeated';
import { appended, replyOf } from '../http/reply';
import { respond, respondHead } from '../http/response_cache';
import type { Stored } from '../http/stored';
import { recordedAs } from '../http/tags';
import type { CacheRepository } from '../facade/repository';

/** Fastify's request, as far as the plugin uses it. */
export interface PluginRequest {
  readonly raw: IncomingMessage;
  readonly method: string;
  readonly originalUrl: string;
  readonly headers: IncomingHttpHeaders;
  readonly routeOptions: { readonly config: object };
}

/** Fastify's reply, as far as the plugin uses it. */
export interface PluginReply {
  readonly raw: ServerResponse;
  readonly sent: boolean;
  statusCode: number;
  code(status: number): unknown;
  header(name: string, value: string | string[]): unknown;
  getHeader(name: string): unknown;
  getHeaders(): Record<string, unknown>;
  removeHeader(name: string): unknown;
  send(body?: unknown): unknown;
}

/** Fastify's instance, as far as the plugin uses it. */
export interface PluginInstance {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Fastify's own signatures are overloaded for each hook
  addHook(name: any, hook: any): unknown;
  routing(request: IncomingMessage, response: ServerResponse): void;
}

/** A plugin of Fastify, for `app.register`. It works on the instance that registers it, and on those inside. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- an instance has type parameters that a plugin does not care for
export type ResponseCachePlugin = (instance: any) => Promise<void>;

/** A reply whose handler is being recorded. */
interface Recorded {
  readonly recording: Recording;
  readonly before: Fields;
  readonly conditions: Conditions;
  /** What is sent in the place of a reply that is held back. */
  readonly instead: Promise<{ stored: Stored; status: string | undefined }>;
}

/**
 * A plugin that answers GET and HEAD of the routes after it from a cache. Their handlers make the responses that the cache does not have: one request in the
 * fleet at a time for each key, while the others wait. A route with `config: { responseCache: false }` is left alone.
 *
 *     const pages = new CacheRepository('pages', { ttl: 60, staleAfter: 30 });
 *     app.register(responseCache(pages, { tags: (request) => [`path:${request.originalUrl}`] }));
 *
 * It runs in the hook `preHandler`, so that authorization comes before it, and in `onSend`. What is kept is as in `hawser/express`. Errors: TypeError and
 * RangeError that name the option; what the functions `key` and `tags` throw goes to the error handler.
 */
export function responseCache<Request = PluginRequest>(cache: CacheRepository, options: ResponseCacheOptions<Request> = {}): ResponseCachePlugin {
  const rules = checkCacheRules<Request>(cache, options);
  const plugin = async (instance: PluginInstance): Promise<void> => {
    const recorded = new WeakMap<PluginReply, Recorded>();
    instance.addHook('preHandler', (request: PluginRequest, reply: PluginReply, done: (error?: unknown) => void) => {
      begin(instance, rules as CacheRules<unknown>, recorded, request, reply, done);
    });
    instance.addHook('onSend', async (_request: PluginRequest, reply: PluginReply, payload: unknown) => {
      const own = recorded.get(reply);
      return own === undefined ? payload : send(rules, own, reply, payload);
    });
  };
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: 'hawser-response-cache' });
}

function begin(instance: PluginInstance, rules: CacheRules<unknown>, recorded: WeakMap<PluginReply, Recorded>, request: PluginRequest, reply: PluginReply, next: (error?: unknown) => void): void {
  const repeated = repeatOf(request.raw);
  if (repeated !== undefined) {
    if (repeated.owner === rules) record(recorded, reply, repeated.recording, NONE);
    return next();
  }
  const isHead = request.method === 'HEAD';
  if ((request.method !== 'GET' && !isHead) || (request.routeOptions.config as { responseCache?: unknown }).responseCache === false) return next();
  answer(instance, rules, recorded, request, reply, next).catch(next);
}

const NONE: Conditions = { noneMatch: undefined, modifiedSince: undefined };

function record(recorded: WeakMap<PluginReply, Recorded>, reply: PluginReply, recording: Recording, conditions: Conditions): (stored: Stored, status: string | undefined) => void {
  let settle!: (value: { stored: Stored; status: string | undefined }) => void;
  const instead = new Promise<{ stored: Stored; status: string | undefined }>((resolve) => (settle = resolve));
  recorded.set(reply, { recording, before: fieldsOf(reply.getHeaders()), conditions, instead });
  recordedAs(reply.raw, recording);
  reply.raw.once('close', () => recording.abort());
  return (stored, status) => settle({ stored, status });
}

async function answer(instance: PluginInstance, rules: CacheRules<unknown>, recorded: WeakMap<PluginReply, Recorded>, request: PluginRequest, reply: PluginReply, next: (error?: unknown) => void): Promise<void> {
  const { headers, originalUrl: url } = request;
  const asked = askedOf(rules, request, { url, headers });
  if ('bypass' in asked) {
    if (rules.status !== undefined) reply.header('cache-status', appended(thereOf(reply, 'cache-status'), bypassStatus(rules.status, asked.bypass)));
    return next();
  }
  const tags = rules.tags(request);
  const conditions = conditionsOf(headers);
  let sendInstead: ((stored: Stored, status: string | undefined) => void) | undefined;
  const send = (stored: Stored, status: string | undefined): void => {
    if (sendInstead !== undefined) sendInstead(stored, status);
    else if (!reply.sent) reply.send(prepared(reply, stored, conditions, status));
  };
  if (request.method === 'HEAD') {
    if (!(await respondHead(rules, asked.key, { send }))) next();
    return;
  }
  await respond(rules, asked.key, tags, {
    run(recording) {
      makeUnconditional(request.raw.headers);
      sendInstead = record(recorded, reply, recording, conditions);
      next();
    },
    repeat: (recording) => repeat(rules, request.raw, url, recording, (copy, response) => instance.routing(copy, response)),
    send,
    pass: next,
  });
}

/** Sets status and fields of a kept response, and returns its body. */
function prepared(reply: PluginReply, stored: Stored, conditions: Conditions, status: string | undefined): Buffer | undefined {
  const { status: code, headers, body } = replyOf(stored, conditions, status, (name) => thereOf(reply, name));
  reply.code(code);
  for (const [name, value] of headers) reply.header(name, typeof value === 'string' ? value : [...value]);
  return body;
}

/** The hook `onSend` of a handler's reply: returns what is sent. */
async function send(rules: Pick<CacheRules<never>, 'status'>, { recording, before, conditions, instead }: Recorded, reply: PluginReply, payload: unknown): Promise<unknown> {
  if (recording.mode !== undefined) return payload;
  const added = addedSince(before, fieldsOf(reply.getHeaders()));
  const mode = recording.begin(reply.statusCode, added);
  const body = taken(recording, payload);
  if (mode === 'hold') {
    await drained(body);
    recording.end();
    const { stored, status } = await instead;
    for (const name of Object.keys(reply.getHeaders())) if (!before.has(name)) reply.removeHeader(name);
    for (const [name, value] of before) reply.header(name, typeof value === 'string' ? value : [...value]);
    return prepared(reply, stored, conditions, status) ?? null;
  }
  if (rules.status !== undefined && !recording.isBackground) reply.header('cache-status', appended(thereOf(reply, 'cache-status'), missStatus(rules.status, recording.refusal)));
  if (!isNotModified(conditions, reply.statusCode, added)) return body;
  reply.code(304);
  for (const name of Object.keys(reply.getHeaders())) if (!isKeptBy304(name)) reply.removeHeader(name);
  // The client has it already; the cache gets it.
  await drained(body);
  return null;
}

/** Records a payload. A stream is recorded as it is read. */
function taken(recording: Recording, payload: unknown): unknown {
  if (payload === undefined || payload === null || typeof payload === 'string' || payload instanceof Uint8Array) {
    if (typeof payload === 'string') recording.chunk(Buffer.from(payload));
    else if (payload instanceof Uint8Array) recording.chunk(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength));
    if (recording.mode === 'keep') recording.end();
    return payload;
  }
  if (typeof (payload as Readable).pipe !== 'function') {
    // A web stream or a Response, which Fastify sends by itself.
    recording.abort();
    return payload;
  }
  const source = payload as Readable;
  const tap = new PassThrough();
  tap.on('data', (chunk: Buffer) => recording.chunk(chunk));
  tap.pause();
  source.once('error', (error) => {
    recording.abort();
    tap.destroy(error);
  });
  tap.once('end', () => recording.mode === 'keep' && recording.end());
  tap.once('close', () => {
    recording.abort();
    source.destroy();
  });
  return source.pipe(tap);
}

/** Reads a stream that is not sent to its end. */
async function drained(body: unknown): Promise<void> {
  if (!(body instanceof PassThrough)) return;
  body.resume();
  await new Promise<void>((resolve) => body.once('close', resolve));
}

function thereOf(reply: PluginReply, name: string): string | undefined {
  const value = reply.getHeader(name);
  return value === undefined ? undefined : String(value);
}
