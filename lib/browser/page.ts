/** What the page tells, where there is one: that it is online again, that nobody sees it, and that it is shown. */

interface Listens {
  addEventListener?(type: string, listener: (event: { persisted?: boolean }) => void): void;
  removeEventListener?(type: string, listener: (event: { persisted?: boolean }) => void): void;
}

const page = globalThis as Listens & { document?: Listens & { visibilityState?: string } };

export interface PageWatcher {
  /** The network is back. */
  online(): void;
  /** Nobody has seen the page for `hiddenMs`, or the browser stops its timers. May come more than once. */
  left(): void;
  /** The page is shown. May come more than once. */
  shown(): void;
}

/** Watches the page. Returns a function that stops it. */
export function watchPage(hiddenMs: number, watcher: PageWatcher): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const leave = (): void => {
    clearTimeout(timer);
    watcher.left();
  };
  const seen = (): void => {
    clearTimeout(timer);
    if (page.document?.visibilityState !== 'hidden') watcher.shown();
    else if (hiddenMs < Infinity) timer = setTimeout(leave, hiddenMs);
  };
  const listeners: [Listens | undefined, string, (event: { persisted?: boolean }) => void][] = [
    [page, 'online', () => watcher.online()],
    [page.document, 'visibilitychange', seen],
    // A frozen page, and one that is kept for the back button, run no timer, and could not read anyway.
    [page.document, 'freeze', leave],
    [page.document, 'resume', seen],
    [page, 'pagehide', leave],
    [page, 'pageshow', ({ persisted }) => (persisted === true ? seen() : undefined)],
  ];
  for (const [target, type, listener] of listeners) target?.addEventListener?.(type, listener);
  if (page.document?.visibilityState === 'hidden') seen();
  return () => {
    clearTimeout(timer);
    for (const [target, type, listener] of listeners) target?.removeEventListener?.(type, listener);
  };
}
