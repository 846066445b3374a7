/** Closing one client in a given time, whatever state it and its server are in. */
import type { Redis } from '../client/redis';
import { LATE, within } from './budget';

const now = performance.now.bind(performance);

/** Of the time given, this part is kept for the end of a connection that did not answer QUIT. */
const RESERVE = 0.25;

/**
 * QUIT where the connection is ready or about to be, so that what was issued before is answered; then, or at once, a disconnect; at the
 * deadline the socket is destroyed. Never rejects. What is unanswered by then rejects.
 */
export async function closeClient(redis: Redis, timeoutMs: number): Promise<void> {
  if (redis.status === 'end') return;
  const deadline = now() + Math.max(timeoutMs, 0);
  const ended = new Promise<void>((resolve) => {
    redis.once('end', resolve);
  });
  if (mayAnswer(redis)) {
    const quit = redis.quit().then(ignore, ignore);
    await within(Promise.race([quit, ended]), timeoutMs * (1 - RESERVE));
  }
  if (hasEnded(redis)) return;
  redis.disconnect();
  if (hasEnded(redis)) return;
  if ((await within(ended, Math.min(deadline - now(), 250))) !== LATE) return;
  redis.stream?.destroy();
  await within(ended, deadline - now());
}

/** Ready, or in the middle of an attempt that follows no failure. */
function mayAnswer(redis: Redis): boolean {
  return redis.status === 'ready' || ((redis.status === 'connecting' || redis.status === 'connect') && redis.retryAttempts === 0);
}

/** Asked anew each time: the status changes behind the compiler's back. */
function hasEnded(redis: Redis): boolean {
  return redis.status === 'end';
}

function ignore(): void {
  // The outcome shows in the client's status.
}
