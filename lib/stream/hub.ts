/** The invalidations that this process knows, and who listens to them. One for all streams of the process. */
import { clearTimeout, setTimeout } from '../clock';
import { onClose, settings } from '../manager/connections';
import { announceInMemory, journalIsOpen } from './announce';
import { compareIds, JOURNAL_LENGTH, timeOf, type Entry } from './event';
import { Journal, type JournalReader } from './journal';

/** Where a listener can begin. */
export type Start =
  /** Here, after these entries. */
  | { kind: 'at'; id: string; missed: readonly Entry[] }
  /** Here, and what came before is not known. */
  | { kind: 'lost'; id: string }
  /** Not yet: another instance knows more than this one. */
  | { kind: 'wait' };

export interface Listener {
  /** Entries have come, in order. */
  entries(entries: readonly Entry[]): void;
  /** Entries may be missing; `id` is where it goes on. */
  gap(id: string): void;
  /** The streams of the process end. */
  end(): void;
}

/** Bytes of entries that are kept for listeners that come back. */
const MAX_BYTES = 8 << 20;
/** How long the journal is read for nobody. */
const LINGER_MS = 30_000;
/** A journal that is younger than this was created for the listener who asks. */
const YOUNG_MS = 10_000;
/** Data of a page that has just been opened. */
const PAGE_MS = 60_000;

export class Hub implements JournalReader {
  private entries: Entry[] = [];
  private bytes = 0;
  private readonly listeners = new Set<Listener>();
  private journal: Journal | undefined;
  private isStarted = false;
  private lingering: NodeJS.Timeout | undefined;
  private waiting: ((isSettled: boolean) => void)[] = [];
  /** The time of the journal's server, less this process's. */
  private ahead = 0;
  private sequence = 0;

  get last(): string {
    return this.entries[this.entries.length - 1]?.id ?? '';
  }

  get isReady(): boolean {
    return this.entries.length > 0;
  }

  /** Begins to read. Errors: settings that are of no use. */
  start(): void {
    if (this.isStarted) return;
    if (settings().endpoint.memory) {
      announceInMemory((change) => this.follow([{ id: this.nextId(), change, size: 64 + (change.tags?.join('').length ?? 0) }]));
      this.begins([{ id: this.nextId(), change: undefined, size: 64 }], Date.now());
    } else {
      const journal = new Journal(this);
      journal.start();
      this.journal = journal;
    }
    this.isStarted = true;
    this.linger();
  }

  /** Ends all listeners and forgets everything. */
  close(): void {
    this.stop();
    for (const listener of [...this.listeners]) listener.end();
    this.listeners.clear();
  }

  add(listener: Listener): void {
    this.start();
    clearTimeout(this.lingering);
    this.listeners.add(listener);
  }

  remove(listener: Listener): void {
    if (this.listeners.delete(listener)) this.linger();
  }

  /** Resolves when something more is known; with true, if it is everything that there is. */
  progress(): Promise<boolean> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Where a listener with this cursor begins. `isSettled`: everything that there is has been read. */
  resume(cursor: string, isSettled: boolean): Start {
    const { last } = this;
    if (!isSettled && this.journal !== undefined && compareIds(cursor, last) > 0) return { kind: 'wait' };
    const at = this.find(cursor);
    if (this.entries[at]?.id !== cursor) return { kind: 'lost', id: last };
    return { kind: 'at', id: last, missed: this.entries.slice(at + 1) };
  }

  /** Where a listener begins whose oldest data has this age. */
  since(ageMs: number): Start {
    const { last, entries } = this;
    const now = Date.now() + this.ahead;
    const first = timeOf(entries[0].id);
    // Clocks of the server and this process differ by what a round trip hides.
    const from = now - ageMs - 1_000;
    if (from >= first) return { kind: 'at', id: last, missed: entries.slice(this.find(`${Math.floor(from)}-0`)) };
    const isNew = entries[0].change === undefined && now - first < YOUNG_MS && ageMs < PAGE_MS;
    return isNew ? { kind: 'at', id: last, missed: entries.slice(1) } : { kind: 'lost', id: last };
  }

  begins(entries: Entry[], now: number): void {
    if (this.journal !== undefined) journalIsOpen();
    const isGap = this.isReady;
    this.entries = [];
    this.bytes = 0;
    this.ahead = now - Date.now();
    this.append(entries);
    if (isGap) for (const listener of [...this.listeners]) listener.gap(this.last);
    this.wake(true);
  }

  follow(entries: Entry[]): void {
    this.append(entries);
    for (const listener of [...this.listeners]) listener.entries(entries);
    this.wake(false);
  }

  caughtUp(now: number): void {
    this.ahead = now - Date.now();
    this.wake(true);
  }

  private append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.entries.push(entry);
      this.bytes += entry.size;
    }
    let excess = 0;
    while (this.entries.length - excess > 1 && (this.entries.length - excess > JOURNAL_LENGTH || this.bytes > MAX_BYTES)) this.bytes -= this.entries[excess++].size;
    // In larger steps, because it moves all the others.
    if (excess > 0) this.entries.splice(0, excess);
  }

  /** The index of the first entry that is not before an id. */
  private find(id: string): number {
    let from = 0;
    let to = this.entries.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (compareIds(this.entries[middle].id, id) < 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  private nextId(): string {
    return `${Math.max(Date.now(), timeOf(this.last === '' ? '0-0' : this.last))}-${this.sequence++}`;
  }

  private wake(isSettled: boolean): void {
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve(isSettled);
  }

  private linger(): void {
    if (!this.isStarted || this.listeners.size > 0) return;
    clearTimeout(this.lingering);
    this.lingering = setTimeout(() => this.stop(), LINGER_MS).unref();
  }

  private stop(): void {
    clearTimeout(this.lingering);
    this.journal?.stop();
    this.journal = undefined;
    announceInMemory(undefined);
    this.entries = [];
    this.bytes = 0;
    this.isStarted = false;
    this.wake(true);
  }
}

/** The process's hub. */
export const hub = new Hub();

onClose(() => hub.close());
