/**
 * Tells the fleet what this process has invalidated, if anybody listens. An invalidation is announced after it has taken effect, so nobody who hears of it can read the old value.
 *
 * The journal is a Redis stream, which instances with listeners create and keep alive. Where there is none, an invalidation sends nothing: the process remembers it and asks after `ASK_AFTER_MS`
 * whether there is a journal; if there is, it announces what it remembers. A process that has a handler of its own asks when it begins to use the cache, so that nothing is late.
 */
import { clearTimeout, setTimeout } from '../clock';
import { within } from '../manager/budget';
import { client, logger, onClose, openClients, settings, settingsInUse, type Client } from '../manager/connections';
import { messageOf } from '../observe/errors';
import { fieldsOf, JOURNAL_KEY, JOURNAL_LENGTH, type Invalidation } from './event';

/** How long invalidations wait for the question whether there is a journal. */
const ASK_AFTER_MS = 1_000;
/** Waits before another attempt to announce. */
const RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;
/** Invalidations that are remembered. More of them become "everything" of their repositories. */
const MAX_REMEMBERED = 1_000;

interface Remembered extends Invalidation {
  /** Carries out an invalidation whose outcome is not known. Resolves with whether it took effect. */
  readonly again: (() => Promise<boolean>) | undefined;
}

/** Whether there is a journal, as far as this process knows. */
let use: 'unknown' | 'none' | 'open' | 'forbidden' = 'unknown';
let asking: Promise<void> | undefined;
let timer: NodeJS.Timeout | undefined;
let failures = 0;
/** Rises with each `closeAll`: what was under way then concerns nobody any more. */
let era = 0;
let remembered: Remembered[] = [];
/** What is on its way to the server. */
const writing = new Set<Promise<void>>();
/** Gives an invalidation to the listeners of this process, where there is no server. */
let inMemory: ((change: Invalidation) => void) | undefined;
const openings = new Set<() => void>();

onClose(async (timeoutMs) => {
  // One more question, and only if something may be waiting for an answer.
  if (remembered.length > 0) await within(ask(), timeoutMs / 4).catch(() => undefined);
  if (writing.size > 0) await within(Promise.all(writing), timeoutMs / 4);
  era++;
  clearTimeout(timer);
  timer = undefined;
  remembered = [];
  failures = 0;
  use = 'unknown';
  asking = undefined;
  openings.clear();
});

/** The listeners of this process on `memory://`; `undefined`: there are none. */
export function announceInMemory(to: ((change: Invalidation) => void) | undefined): void {
  inMemory = to;
}

/** Calls `listener` whenever this process begins to use the cache, until `closeAll`. */
export function whenOpened(listener: () => void): void {
  openings.add(listener);
}

/** There is a journal: this process reads it. */
export function journalIsOpen(): void {
  if (use !== 'forbidden') use = 'open';
}

/** The process begins to use the cache, or uses it with other connections. */
export function opened(): void {
  for (const listener of openings) listener();
  if (openings.size === 0 || settings().endpoint.memory || use !== 'unknown') return;
  void ask();
}

/** An invalidation took effect. */
export function announce(change: Invalidation): void {
  const settings = settingsInUse();
  if (settings === undefined) return;
  if (settings.endpoint.memory) inMemory?.(change);
  else if (use === 'open') write(change);
  else remember({ ...change, again: undefined });
}

/** An invalidation failed and may take effect, or will: it is carried out again and announced then, if there is a journal. */
export function announceLater(change: Invalidation, again: () => Promise<boolean>): void {
  if (settingsInUse()?.endpoint.memory === false) remember({ ...change, again });
}

function remember(change: Remembered): void {
  if (use === 'forbidden') return;
  remembered.push(change);
  if (remembered.length > MAX_REMEMBERED) remembered = shortened(remembered);
  if (asking === undefined) askIn(delay());
}

/** Everything of each repository; of those that have to be carried out again, the latest suffices to know that the server answers. */
function shortened(changes: readonly Remembered[]): Remembered[] {
  const latest = new Map<string, Remembered>();
  for (const { prefix, again } of changes) latest.set(prefix, { prefix, tags: undefined, again: again ?? latest.get(prefix)?.again });
  return [...latest.values()];
}

function delay(): number {
  return failures === 0 ? ASK_AFTER_MS : Math.min(RETRY_MS * 2 ** Math.min(failures, 10), LONGEST_RETRY_MS);
}

/** It does not keep the process alive: `closeAll` asks as well. */
function askIn(ms: number): void {
  timer ??= setTimeout(() => {
    timer = undefined;
    void ask();
  }, ms).unref();
}

/** Asks whether there is a journal, and announces or forgets what is remembered. Never rejects. */
function ask(): Promise<void> {
  if (asking !== undefined) return asking;
  const own = era;
  return (asking = answer().finally(() => {
    if (own !== era) return;
    asking = undefined;
    if (remembered.length > 0 && timer === undefined) askIn(delay());
  }));
}

async function answer(): Promise<void> {
  const own = era;
  // What is invalidated from here on may come after the answer.
  const before = remembered;
  remembered = [];
  const redis = main();
  if (redis === undefined) return;
  try {
    const isThere = Number(await redis.exists(JOURNAL_KEY)) === 1;
    if (own !== era) return;
    use = isThere ? 'open' : 'none';
    failures = 0;
    if (!isThere) return;
  } catch (error) {
    if (own === era) failed(error, before);
    return;
  }
  const late = remembered;
  remembered = [];
  await Promise.all([...before, ...late].map((change) => settle(change, own)));
}

/** The manager's client, if it is open: nothing here opens it. */
function main(): Client | undefined {
  return openClients().has('main') ? client('main') : undefined;
}

async function settle(change: Remembered, own: number): Promise<void> {
  const isDone = change.again === undefined || (await change.again());
  if (own !== era) return;
  if (isDone) {
    write(change);
  } else {
    failures++;
    remembered.push(change);
  }
}

function failed(error: unknown, changes: readonly Remembered[]): void {
  if (/^NOPERM/.test((error as Error).message)) {
    // A user without the right to it. It is not asked for again.
    use = 'forbidden';
    remembered = [];
    const text = `[hawser] invalidations are not announced to streams: the Redis user needs ~${JOURNAL_KEY}, EXISTS and XADD`;
    if (openings.size > 0) logger().warn(text);
    else logger().debug(text);
    return;
  }
  use = 'unknown';
  failures++;
  logger().debug(`[hawser] invalidations could not be announced: ${messageOf(error as Error)}`);
  remembered = shortenedTo([...changes, ...remembered]);
}

const shortenedTo = (changes: Remembered[]): Remembered[] => (changes.length > MAX_REMEMBERED ? shortened(changes) : changes);

/** Appends to the journal, unless it has gone. What could not be written is tried again. */
function write(change: Invalidation): void {
  const own = era;
  const redis = main();
  if (redis === undefined) return;
  const entries = fieldsOf(change).map((fields) => redis.xadd(JOURNAL_KEY, 'NOMKSTREAM', 'MAXLEN', '~', JOURNAL_LENGTH, '*', ...fields));
  const done: Promise<void> = Promise.all(entries)
    .then((ids) => {
      // The process that creates the journal again tells listeners to fetch everything.
      if (own === era && ids.includes(null)) use = 'none';
    })
    .catch((error: unknown) => {
      if (own !== era) return;
      failed(error, [{ prefix: change.prefix, tags: change.tags, again: undefined }]);
      if (remembered.length > 0) askIn(delay());
    })
    .finally(() => writing.delete(done));
  writing.add(done);
}
