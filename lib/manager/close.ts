/** Closes one client within a given time, whatever the state of the client and its server. */
import type { Redis } from '../client/redis';
import { LATE, within } from './budget';

const now = performance.now.bind(performance);

/** The share of the time that is reserved for closing a connection that did not answer QUIT. */
const RESERVE = 0.25;

/**
 * Sends QUIT if the connection is ready or about to be, so that earlier commands are answered; then, or at once, disconnects; at the
 * deadline, destroys the socket. Never rejects. Commands without an answer by then reject.
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

/** Whether the client is ready, or in its first attempt to connect since it was ready. */
function mayAnswer(redis: Redis): boolean {
  return redis.status === 'ready' || ((redis.status === 'connecting' || redis.status === 'connect') && redis.retryAttempts === 0);
}

/** A function, because the compiler would assume that the status cannot change in between. */
function hasEnded(redis: Redis): boolean {
  return redis.status === 'end';
}

function ignore(): void {
  // The outcome shows in the client's status.
}
