/**
 * Raw commands on the manager's client, for state that has another answer when Redis has none: the blacklist asks the database, a limit stops nobody. Then
 * no request may wait for Redis again and again. hawser's caches have their breaker for that; this is the one of raw commands: nobody asks while
 * the connection is lost, and after a time-out there is one attempt a second, until Redis answers.
 */
import type { Redis } from 'hawser';
import { RedisManager } from './redis.manager';

const REST_MS = 1_000;

let restUntil = 0;
let isSilent = false;

/** Runs the command unless Redis is known to be away. It rejects then, or if the command does. */
export async function ifItAnswers<T>(command: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = await RedisManager.getMainClient();
  const now = performance.now();
  if (redis.status !== 'ready' || now < restUntil) throw new Error('Redis does not answer');
  // This call is the attempt; the others do not wait for it.
  if (isSilent) restUntil = now + REST_MS;
  try {
    const reply = await command(redis);
    isSilent = false;
    restUntil = 0;
    return reply;
  } catch (error) {
    // An error that the server has sent is an answer.
    if ((error as Error).name !== 'ReplyError') {
      isSilent = true;
      restUntil = performance.now() + REST_MS;
    }
    throw error;
  }
}
