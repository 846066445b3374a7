/** The two ways to read a stream: `fetch`, which can send headers, and `EventSource`. Both read one connection; the subscription decides about the next. */
import { EventParser, type ServerEvent } from './event_parser';
import type { Checked, EventSourceLike } from './options';

/** What a connection tells. After `failed`, nothing follows. */
export interface Reader {
  /** Something has arrived, perhaps no whole event. */
  alive(): void;
  event(event: ServerEvent): void;
  failed(error: Error & { status?: number; retryAfterMs?: number }): void;
}

/** Events that the server sends. */
const TYPES = ['ready', 'invalidate', 'reset', 'heartbeat', 'closing'];

/** Opens a connection. Returns a function that closes it. */
export function open(url: string, options: Checked, reader: Reader): () => void {
  return options.transport === 'fetch' ? openFetch(url, options, reader) : openEventSource(url, options, reader);
}

function openFetch(url: string, options: Checked, reader: Reader): () => void {
  const abort = new AbortController();
  read(url, options, reader, abort.signal).catch((error: unknown) => {
    if (!abort.signal.aborted) reader.failed(error instanceof Error ? error : new Error(String(error)));
  });
  return () => abort.abort();
}

async function read(url: string, { headers, credentials = 'same-origin', fetch: own = fetch }: Checked, reader: Reader, signal: AbortSignal): Promise<never> {
  const given = typeof headers === 'function' ? await headers() : headers;
  const request: RequestInit & { cache: string } = { headers: { ...given, accept: 'text/event-stream' }, credentials, cache: 'no-store', signal };
  const response = await own(url, request);
  const type = response.headers.get('content-type') ?? '';
  if (!response.ok || !type.startsWith('text/event-stream') || response.body === null) {
    void response.body?.cancel().catch(() => undefined);
    const said = response.ok ? `${type === '' ? 'no content type' : type} instead of text/event-stream` : `status ${response.status}`;
    throw Object.assign(new Error(`the stream of invalidations at ${placeOf(url)} answered with ${said}`), { status: response.status, retryAfterMs: retryAfter(response.headers.get('retry-after')) });
  }
  const body = response.body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = (await body.read()) as { done: boolean; value: Uint8Array };
      if (signal.aborted || done) throw new Error(`the stream of invalidations at ${placeOf(url)} ended`);
      reader.alive();
      for (const event of parser.push(decoder.decode(value, { stream: true }))) {
        if (!signal.aborted) reader.event(event);
      }
    }
  } finally {
    void body.cancel().catch(() => undefined);
  }
}

function openEventSource(url: string, { credentials, EventSource: Own }: Checked, reader: Reader): () => void {
  const Source = Own ?? (globalThis as unknown as { EventSource: NonNullable<Checked['EventSource']> }).EventSource;
  const source: EventSourceLike = new Source(url, { withCredentials: credentials === 'include' });
  let isOver = false;
  const close = (): void => {
    isOver = true;
    source.close();
  };
  source.addEventListener('open', () => {
    if (!isOver) reader.alive();
  });
  for (const type of TYPES) {
    source.addEventListener(type, ({ data, lastEventId }: { data: unknown; lastEventId?: unknown }) => {
      if (isOver) return;
      reader.alive();
      reader.event({ type, data: String(data), id: typeof lastEventId === 'string' ? lastEventId : '' });
    });
  }
  // It would try again on its own, without a growing delay.
  source.addEventListener('error', () => {
    if (isOver) return;
    close();
    reader.failed(new Error(`the stream of invalidations at ${placeOf(url)} failed or ended`));
  });
  return close;
}

/** Seconds or a date, in milliseconds from now. */
function retryAfter(value: string | null): number | undefined {
  if (value === null || value === '') return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(ms, 0) : undefined;
}

/** Without user, password and query, which may hold secrets. */
function placeOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
