/**
 * The callers in this process that wait for the value of a key. A loader's signal aborts when none of them waits any more, and never because one
 * of several has given up.
 */

import { onAbort } from '../abort';

/** Gets the reason of the last caller that gave up. */
type Abort = (reason: unknown) => void;

interface Waiting {
  count: number;
  readonly watchers: Set<Abort>;
}

export class Waiters {
  private readonly byName = new Map<string, Waiting>();

  constructor(
    /** Whether the engine has not yet decided on a call for this key: the call may still join a load. */
    private readonly isAsked: (repo: number, key: string) => boolean,
  ) {}

  add(repo: number, key: string): void {
    this.at(nameOf(repo, key)).count++;
  }

  remove(repo: number, key: string): void {
    const name = nameOf(repo, key);
    const waiting = this.at(name);
    waiting.count--;
    this.tidy(name, waiting);
  }

  /** A caller that waited for this key has given up. */
  gaveUp(repo: number, key: string, reason: unknown): void {
    const waiting = this.byName.get(nameOf(repo, key));
    if (waiting === undefined || waiting.watchers.size === 0 || !this.isAlone(repo, key)) return;
    for (const abort of [...waiting.watchers]) abort(reason);
  }

  /** Calls `abort`, now or later, when nobody waits for any of these keys. Returns a function that stops watching. */
  watch(repo: number, keys: readonly string[], abort: Abort): () => void {
    const watcher: Abort = (reason) => {
      if (keys.every((key) => this.isAlone(repo, key))) abort(reason);
    };
    for (const key of keys) this.at(nameOf(repo, key)).watchers.add(watcher);
    watcher(undefined);
    return () => {
      for (const key of keys) {
        const name = nameOf(repo, key);
        const waiting = this.byName.get(name);
        if (waiting === undefined) continue;
        waiting.watchers.delete(watcher);
        this.tidy(name, waiting);
      }
    };
  }

  private isAlone(repo: number, key: string): boolean {
    return (this.byName.get(nameOf(repo, key))?.count ?? 0) <= 0 && !this.isAsked(repo, key);
  }

  private at(name: string): Waiting {
    let waiting = this.byName.get(name);
    if (waiting === undefined) this.byName.set(name, (waiting = { count: 0, watchers: new Set() }));
    return waiting;
  }

  private tidy(name: string, waiting: Waiting): void {
    if (waiting.count <= 0 && waiting.watchers.size === 0) this.byName.delete(name);
  }
}

function nameOf(repo: number, key: string): string {
  return `${repo} ${key}`;
}

/** The signal of one run of a loader. It is created when the loader reads it, because most loaders do not. */
export class LoadSignal {
  private controller: AbortController | undefined;
  private release: (() => void) | undefined;
  private isOver = false;
  private isDetached = false;
  private isExpired = false;

  constructor(
    /** For loads that others may wait for. Absent for a load without the cache. */
    private readonly watch?: (abort: Abort) => () => void,
    /** The signal of the only caller of a load without the cache. */
    private readonly own?: AbortSignal,
  ) {}

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      const controller = (this.controller = new AbortController());
      const abort = (reason: unknown): void => controller.abort(reason);
      const { own } = this;
      if (own?.aborted === true) abort(own.reason);
      else if (!this.isOver && !this.isDetached) this.release = own === undefined ? this.watch?.(abort) : onAbort(own, () => abort(own.reason));
    }
    return this.controller.signal;
  }

  /** The loader's time is over. */
  abort(reason: unknown): void {
    if (this.isOver) return;
    const { signal } = this;
    this.isExpired = !signal.aborted;
    this.controller?.abort(reason);
  }

  /** Whether all callers have given up, and the loader knows it. */
  get isAbandoned(): boolean {
    return this.controller?.signal.aborted === true && !this.isExpired;
  }

  /** Its callers have been answered, and the load goes on in the background: only its time can abort it now. */
  detach(): void {
    this.isDetached = true;
    this.release?.();
  }

  /** The loader has settled. */
  close(): void {
    this.isOver = true;
    this.release?.();
  }
}
