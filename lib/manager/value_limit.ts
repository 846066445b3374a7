/** The longest value that the cache's store takes. A server is asked for its own limit once per connection, and only when a long value comes. */
import { HEADER_BYTES, type ValueLimit } from '../cache/value_limit';
import { LATE, within } from './budget';
import { client, type Client } from './connections';
import type { Settings } from './options';

/** An answer that takes longer is not waited for. */
const PATIENCE_MS = 250;
/** Limits that cut a connection: of one argument, and of all that a client has sent and the server has not worked off. */
const PARAMETERS = ['proto-max-bulk-len', 'client-query-buffer-limit'];

export function valueLimit(s: Settings): ValueLimit {
  if (!s.endpoint.memory) return { bytes: s.maxValueBytes, ask: () => serverLimit(client('main'), s.maxValueBytes) };
  return { bytes: Math.min(s.maxValueBytes, s.memoryBytes - Math.min(HEADER_BYTES, s.memoryBytes / 4)), ask: undefined };
}

/** Answers of the connection that a client has now. */
const known = new WeakMap<Client, Promise<number>>();

function serverLimit(redis: Client, most: number): Promise<number> {
  let limit = known.get(redis);
  if (limit === undefined) {
    const forget = (): void => void known.delete(redis);
    limit = ask(redis).then(({ bytes, isSure }) => {
      if (!isSure) forget();
      return bytes;
    });
    known.set(redis, limit);
    redis.once('close', forget);
  }
  return limit.then((bytes) => Math.min(bytes, most));
}

async function ask(redis: Client): Promise<{ bytes: number; isSure: boolean }> {
  const answers = await within(Promise.all(PARAMETERS.map((name) => redis.config('GET', name).catch(() => undefined))), PATIENCE_MS);
  if (answers === LATE) return { bytes: Infinity, isSure: false };
  const limits = answers.map((answer, i) => numberIn(answer, PARAMETERS[i]));
  return { bytes: Math.min(...limits) - HEADER_BYTES, isSure: true };
}

/** `[name, value]`, or an object by name. Where the user may not ask, or the server knows no such limit, there is none. */
function numberIn(answer: unknown, name: string): number {
  const text: unknown = Array.isArray(answer) ? answer[1] : (answer as Record<string, unknown> | undefined)?.[name];
  const limit = Number(text);
  return Number.isFinite(limit) && limit > 0 ? limit : Infinity;
}
