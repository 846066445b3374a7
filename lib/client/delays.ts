/**
 * The delays before a client connects again, or asks for credentials again: what `retryStrategy` says.
 *
 * With ioredis's default strategy, many clients of one process that lose their connections together, because their server restarts, come back over
 * two seconds: the strategy alone spreads them over 200 ms, however many they are. A few clients notice no difference.
 */
import { ask } from '../clock';
import { DEFAULT_REDIS_OPTIONS, type ResolvedOptions } from '../options/options';

const WINDOW_MS = 1000;
/** So much time for each client of the crowd. */
const FOR_EACH_MS = 10;
/** What ioredis's strategy spreads by itself. */
const OWN_JITTER_MS = 200;
const LONGEST_MS = 2000;

const now = performance.now.bind(performance);

let start = -Infinity;
let count = 0;
/** The number in the window before. */
let former = 0;

/** The delay before attempt number `attempts` to connect; undefined: there is none. */
export function reconnectDelay(options: ResolvedOptions, attempts: number): number | undefined {
  const delay = askStrategy(options, attempts);
  if (typeof delay !== 'number') return undefined;
  return options.retryStrategy === DEFAULT_REDIS_OPTIONS.retryStrategy ? delay + crowdDelay() : delay;
}

/** The pause before the credentials of a living connection are asked for again. It lives on, whatever becomes of the next connection. */
export function renewalDelay(options: ResolvedOptions, failures: number): number {
  const delay = askStrategy(options, failures);
  return typeof delay === 'number' && delay > 0 ? delay : DEFAULT_REDIS_OPTIONS.retryStrategy(failures);
}

/** The strategy is a method of the options, as in ioredis. */
function askStrategy(options: ResolvedOptions, attempts: number): unknown {
  return typeof options.retryStrategy === 'function' ? ask(() => options.retryStrategy?.(attempts)) : undefined;
}

/** What to add to the delay of a client that has just lost its connection, in ms. */
function crowdDelay(): number {
  const elapsed = now() - start;
  if (elapsed >= WINDOW_MS) {
    former = elapsed < 2 * WINDOW_MS ? count : 0;
    count = 0;
    start = now();
  }
  count++;
  const range = Math.min(FOR_EACH_MS * Math.max(count, former), LONGEST_MS) - OWN_JITTER_MS;
  return range > 0 ? Math.floor(Math.random() * range) : 0;
}
