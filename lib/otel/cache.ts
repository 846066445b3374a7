/** Calls of the cache and loaders as spans and as durations. */
import type { Attributes, Context, Histogram, Span, Tracer } from '@opentelemetry/api';
import type { CacheCallMessage, CacheLoadMessage } from '../observe/cache_messages';
import { context, SpanKind, SpanStatusCode, trace } from './api';
import { attempt, type HawserInstrumentationConfig } from './config';
import { withoutArguments } from '../observe/tracing';
import { errorType } from './errors';

const now = performance.now.bind(performance);

/** What makes spans of calls of the cache. */
export interface CacheTools {
  readonly tracer: Tracer;
  /** `hawser.cache.call.duration`. */
  readonly calls: Histogram;
  /** `hawser.cache.load.duration`. */
  readonly loads: Histogram;
  readonly config: HawserInstrumentationConfig;
}

/** Runs a call of the cache in a span. */
export async function inCallSpan<T>(tools: CacheTools, message: CacheCallMessage, run: () => Promise<T>): Promise<T> {
  const { operation, repository, keys } = message;
  const common: Attributes = { 'hawser.cache.operation': operation, 'hawser.cache.repository': repository };
  const only = keyOf(tools, repository, keys);
  return inSpan(tools, `cache.${operation}`, { ...common, ...only }, run, (ms, span, within, error) => {
    const { outcome, outcomes = {} } = message;
    const ending: Attributes = outcome === undefined ? {} : { 'hawser.cache.outcome': outcome };
    if (error !== undefined) ending['error.type'] = errorType(error.thrown);
    tools.calls.record(ms / 1000, { ...common, ...ending }, within);
    span?.setAttributes(ending);
    if (outcome === undefined) for (const [name, count] of Object.entries(outcomes)) span?.setAttribute(`hawser.cache.outcomes.${name}`, count);
  });
}

/** Runs a loader in a span, within that of its call. */
export async function inLoadSpan<T>(tools: CacheTools, message: CacheLoadMessage, run: () => Promise<T>): Promise<T> {
  const { repository, keys } = message;
  const common: Attributes = { 'hawser.cache.repository': repository };
  return inSpan(tools, 'cache.load', { ...common, ...keyOf(tools, repository, keys) }, run, (ms, span, within, error) => {
    const ending: Attributes = error === undefined ? {} : { 'error.type': errorType(error.thrown) };
    tools.loads.record(ms / 1000, { ...common, ...ending }, within);
    span?.setAttributes(ending);
    // The loader is the application's own, and so is what its error says, except for the words of a server.
    if (error?.thrown instanceof Error) span?.recordException(withoutArguments(error.thrown) as Error);
  });
}

function keyOf({ config }: CacheTools, repository: string, keys: readonly string[] | undefined): Attributes {
  if (keys === undefined) return {};
  if (keys.length !== 1) return { 'hawser.cache.key_count': keys.length };
  const { cacheKeySerializer: serialize } = config;
  const text = serialize === undefined ? undefined : attempt(() => serialize(repository, keys[0]));
  return typeof text === 'string' ? { 'hawser.cache.key': text } : {};
}

type Ended = (ms: number, span: Span | undefined, within: Context, error: { thrown: unknown } | undefined) => void;

async function inSpan<T>({ tracer, config }: CacheTools, name: string, attributes: Attributes, run: () => Promise<T>, ended: Ended): Promise<T> {
  const around = context.active();
  const isWanted = config.cache !== false && (config.requireParentSpan !== true || trace.getSpan(around) !== undefined);
  const span = isWanted ? tracer.startSpan(name, { kind: SpanKind.INTERNAL, attributes }, around) : undefined;
  const within = span === undefined ? around : trace.setSpan(around, span);
  const began = now();
  try {
    const value = await (span === undefined ? run() : context.with(within, run));
    ended(now() - began, span, within, undefined);
    return value;
  } catch (error) {
    ended(now() - began, span, within, { thrown: error });
    span?.setStatus({ code: SpanStatusCode.ERROR, message: errorType(error) });
    throw error;
  } finally {
    span?.end();
  }
}
