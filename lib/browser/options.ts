/** The options of `subscribeInvalidations`. */
import { badOption } from '../errors';
import { ownOptions } from '../names';

/** Where a subscription is: `connecting`, `open` (the server has confirmed it), `waiting` for its next attempt or for its page to be shown, or `closed`. */
export type InvalidationState = 'connecting' | 'open' | 'waiting' | 'closed';

/** The options of `subscribeInvalidations`. */
export interface InvalidationOptions {
  /** Default: `fetch` if there are `headers` or the platform has no `EventSource`, else `eventsource`. */
  transport?: 'fetch' | 'eventsource' | undefined;
  /** Headers of each request, or a function that gives them, for tokens that expire. Only with `fetch`. */
  headers?: Record<string, string> | (() => Record<string, string> | Promise<Record<string, string>>) | undefined;
  /** Whether cookies go along. Default `same-origin`; `EventSource` knows `include` and `same-origin`. */
  credentials?: 'omit' | 'same-origin' | 'include' | undefined;
  /** Default: the global one. */
  fetch?: typeof fetch | undefined;
  /** A class with the interface of `EventSource`. Default: the global one. */
  EventSource?: (new (url: string, init?: { withCredentials?: boolean }) => EventSourceLike) | undefined;
  /** Where to begin: the `cursor` of an earlier subscription. Default: with what can have changed since the data was fetched. */
  cursor?: string | undefined;
  /** Invalidations that follow each other within this time are one burst. Default 50. A burst that does not end is cut after ten times as long. */
  burstMs?: number | undefined;
  /** The refetch of everything is delayed by a random time up to this, so that not all browsers ask at once. Default 500. */
  resetSpreadMs?: number | undefined;
  /** The first delay before another attempt; it doubles, with jitter. Default 1,000. */
  minDelayMs?: number | undefined;
  /** The longest delay before another attempt. Default 30,000. */
  maxDelayMs?: number | undefined;
  /** A page that has been hidden for this long gives its connection back, and goes on where it was when it is shown. Default 60,000; `Infinity`: it keeps it. */
  hiddenMs?: number | undefined;
  /** Called with each tag set that was invalidated, or `undefined` for everything. */
  onInvalidate?: ((tags: readonly string[] | undefined) => void) | undefined;
  /** Called if an attempt fails. Attempts go on. */
  onError?: ((error: Error) => void) | undefined;
  /** Called when the state changes. */
  onState?: ((state: InvalidationState) => void) | undefined;
  /** Ends the subscription when it aborts. */
  signal?: AbortSignal | undefined;
}

/** The part of `EventSource` that is used. */
export interface EventSourceLike {
  readonly readyState: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- browsers, and packages for Node, have events of different types
  addEventListener(type: string, listener: (event: any) => void): void;
  close(): void;
}

/** Options with their defaults. */
export type Checked = InvalidationOptions & Required<Pick<InvalidationOptions, 'transport' | 'burstMs' | 'resetSpreadMs' | 'minDelayMs' | 'maxDelayMs' | 'hiddenMs'>>;

const NAMES = new Set(['transport', 'headers', 'credentials', 'fetch', 'EventSource', 'cursor', 'burstMs', 'resetSpreadMs', 'minDelayMs', 'maxDelayMs', 'hiddenMs', 'onInvalidate', 'onError', 'onState', 'signal']);
const CREDENTIALS = ['omit', 'same-origin', 'include'];
const HOUR_MS = 3_600_000;
const CURSOR = /^\d{1,16}-\d{1,16}$/;

/** Errors: TypeError or RangeError that names the option. */
export function checkOptions(options: InvalidationOptions): Checked {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) badOption('options', 'an object', options);
  const own = ownOptions(options);
  for (const name in own) {
    if (!NAMES.has(name)) throw Object.assign(new TypeError(`options.${name} is not an option; there are: ${[...NAMES].join(', ')}`), { code: 'E_BAD_OPTION' });
  }
  const { headers, credentials, cursor, signal } = own;
  for (const name of ['fetch', 'EventSource', 'onInvalidate', 'onError', 'onState'] as const) {
    if (own[name] !== undefined && typeof own[name] !== 'function') badOption(`options.${name}`, 'a function', own[name]);
  }
  if (headers !== undefined && typeof headers !== 'function' && (typeof headers !== 'object' || headers === null)) badOption('options.headers', 'an object or a function', headers);
  if (credentials !== undefined && !CREDENTIALS.includes(credentials)) badOption('options.credentials', CREDENTIALS.map((one) => `'${one}'`).join(', '), credentials);
  if (cursor !== undefined && (typeof cursor !== 'string' || !CURSOR.test(cursor))) badOption('options.cursor', 'a cursor of the stream', cursor);
  if (signal !== undefined && typeof (signal as Partial<AbortSignal> | null)?.addEventListener !== 'function') badOption('options.signal', 'an AbortSignal', signal);
  const minDelayMs = ms('minDelayMs', own.minDelayMs, 1_000, 1);
  return {
    ...own,
    transport: transportOf(own),
    burstMs: ms('burstMs', own.burstMs, 50, 0),
    resetSpreadMs: ms('resetSpreadMs', own.resetSpreadMs, 500, 0),
    minDelayMs,
    maxDelayMs: ms('maxDelayMs', own.maxDelayMs, Math.max(30_000, minDelayMs), minDelayMs),
    hiddenMs: own.hiddenMs === Infinity ? Infinity : ms('hiddenMs', own.hiddenMs, 60_000, 0),
  };
}

function transportOf({ transport, headers, EventSource }: InvalidationOptions): 'fetch' | 'eventsource' {
  const hasEventSource = EventSource !== undefined || typeof (globalThis as { EventSource?: unknown }).EventSource === 'function';
  if (transport === undefined) return headers === undefined && hasEventSource ? 'eventsource' : 'fetch';
  if (transport !== 'fetch' && transport !== 'eventsource') badOption('options.transport', "'fetch' or 'eventsource'", transport);
  if (transport === 'eventsource' && headers !== undefined) badOption('options.headers', 'absent with EventSource, which sends none', headers);
  if (transport === 'eventsource' && !hasEventSource) badOption('options.EventSource', 'a class where the platform has none', undefined);
  return transport;
}

function ms(name: string, value: unknown, fallback: number, min: number): number {
  if (value === undefined) return fallback;
  if (typeof value === 'number' && value >= min && value <= HOUR_MS) return value;
  return badOption(`options.${name}`, `a number of milliseconds from ${min} to ${HOUR_MS}`, value, typeof value === 'number' ? RangeError : TypeError);
}

/** An absolute URL. Errors: TypeError. */
export function checkUrl(url: unknown): URL {
  if ((typeof url !== 'string' || url === '') && !(url instanceof URL)) badOption('url', 'a URL', url);
  const base = (globalThis as { location?: { href?: string } }).location?.href;
  let parsed: URL;
  try {
    parsed = new URL(url, base);
  } catch {
    return badOption('url', base === undefined ? 'an absolute URL where there is no page' : 'a URL', url);
  }
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') badOption('url', 'a URL of http or https', url);
  return parsed;
}
