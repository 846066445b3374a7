/** One browser that listens: what it may see, what it has been told, and what it has not read. */
import type { Entry } from './event';
import type { Hub, Listener, Start } from './hub';
import type { Sink } from './sink';

/** Why a stream tells its client to fetch everything, or ends. */
export type Reason =
  /** The cursor, or the age of the client's data, is older than what is known. */
  | 'cursor'
  /** Events may have been lost, on the server or on the way to it. */
  | 'gap'
  /** A whole repository was invalidated. */
  | 'clear'
  /** The client read too slowly. */
  | 'slow'
  /** The instance shuts down. */
  | 'shutdown'
  /** Another client needs the place of one that has many. */
  | 'replaced';

/** What a connection may see and how much it may hold. */
export interface StreamSettings {
  readonly hub: Hub;
  /** The repositories of the stream. */
  readonly prefixes: ReadonlySet<string>;
  isVisible(tag: string): boolean;
  readonly maxBufferedBytes: number;
  readonly slowTimeoutMs: number;
  readonly heartbeatMs: number;
}

/** Where the client wants to begin. */
export type From = { readonly cursor: string } | { readonly ageMs: number } | { readonly now: true };

/** Tags of one event; more become several. */
const TAGS_PER_EVENT = 500;
/** How long the last words may take. */
const FAREWELL_MS = 1_000;

const now = performance.now.bind(performance);

export class Connection implements Listener {
  /** Where the client is. Empty until it has been told its beginning. */
  private at = '';
  /** Since when the client has not read what there is; it gets no more until it has. */
  private behindSince: number | undefined;
  isOver = false;
  onOver: () => void = () => undefined;

  constructor(
    private readonly sink: Sink,
    private readonly settings: StreamSettings,
  ) {
    sink.onDrain = () => this.drained();
    sink.onClose = () => this.over();
  }

  /** Begins. Whatever happens meanwhile is told afterwards. */
  async begin(from: From): Promise<void> {
    const { hub, heartbeatMs } = this.settings;
    // The client learns at once that it is connected.
    this.sink.write(':\n\n');
    hub.add(this);
    let isSettled = false;
    while (!this.isOver) {
      const start = !hub.isReady ? ({ kind: 'wait' } as const) : this.start(from, isSettled);
      if (start.kind === 'wait') {
        isSettled = await hub.progress();
        continue;
      }
      const { id } = start;
      this.at = id;
      if (start.kind === 'lost') this.reset(id, 'cursor');
      else this.tell(start.missed, id);
      // After what was missed: who has this id, has that.
      this.send('ready', { heartbeatMs }, id);
      return;
    }
  }

  private start(from: From, isSettled: boolean): Start {
    const { hub } = this.settings;
    if ('cursor' in from) return hub.resume(from.cursor, isSettled);
    return 'ageMs' in from ? hub.since(from.ageMs) : { kind: 'at', id: hub.last, missed: [] };
  }

  entries(entries: readonly Entry[]): void {
    if (this.at === '' || this.isOver) return;
    this.at = entries[entries.length - 1].id;
    if (this.behindSince === undefined) this.tell(entries, this.at);
  }

  gap(id: string): void {
    if (this.at === '' || this.isOver) return;
    this.at = id;
    if (this.behindSince === undefined) this.reset(id, 'gap');
  }

  end(): void {
    this.close('shutdown');
  }

  /** Says that it is alive, and where it is: a client that sees nothing keeps a cursor that is of use. */
  heartbeat(): void {
    if (this.behindSince !== undefined) {
      // A buffer that was small enough has no `drain`.
      if (this.sink.pending === 0) this.drained();
      else if (now() - this.behindSince > this.settings.slowTimeoutMs) this.sink.destroy();
    } else if (this.at === '') {
      this.write(':\n\n');
    } else {
      this.send('heartbeat', {}, this.at);
    }
  }

  /** Ends the connection with a reason. */
  close(reason: Reason): void {
    if (this.isOver) return;
    if (this.behindSince === undefined) this.write(`event: closing\ndata: ${JSON.stringify({ reason })}\n\n`);
    this.sink.end();
    setTimeout(() => this.sink.destroy(), FAREWELL_MS).unref();
    this.over();
  }

  private tell(entries: readonly Entry[], id: string): void {
    const tags = new Set<string>();
    let reason: Reason | undefined;
    for (const { change } of entries) {
      if (change === undefined) reason = 'gap';
      else if (!this.settings.prefixes.has(change.prefix)) continue;
      else if (change.tags === undefined) reason ??= 'clear';
      else for (const tag of change.tags) tags.add(tag);
    }
    if (reason !== undefined) return this.reset(id, reason);
    const visible = [...tags].filter((tag) => this.settings.isVisible(tag));
    for (let from = 0; from < visible.length; from += TAGS_PER_EVENT) {
      const isLast = from + TAGS_PER_EVENT >= visible.length;
      // A client that is cut between two of them must not believe that it has all.
      this.send('invalidate', { tags: visible.slice(from, from + TAGS_PER_EVENT) }, isLast ? id : undefined);
    }
  }

  private reset(id: string, reason: Reason): void {
    this.send('reset', { reason }, id);
  }

  private send(event: string, data: object, id?: string): void {
    this.write(`event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`);
  }

  /** Past its bound, a client gets nothing but the word to fetch everything, once it has read what there is. */
  private write(text: string): void {
    if (this.isOver || this.behindSince !== undefined) return;
    if (this.sink.pending + text.length > this.settings.maxBufferedBytes && this.sink.pending > 0) this.behindSince = now();
    else this.sink.write(text);
  }

  private drained(): void {
    if (this.behindSince === undefined || this.isOver) return;
    this.behindSince = undefined;
    this.reset(this.at, 'slow');
  }

  private over(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.settings.hub.remove(this);
    this.onOver();
  }
}
