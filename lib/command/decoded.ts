/** Converts replies of Buffers to text, where the core did not know that the caller wants text. */
import { define } from '../names';

/** Converts all Buffers in a reply to text, at any depth. */
export function decoded(reply: unknown): unknown {
  if (typeof reply === 'string') return reply;
  if (Buffer.isBuffer(reply)) return reply.toString();
  if (Array.isArray(reply)) return reply.map(decoded);
  if (!isPlain(reply)) return reply;
  const result = {};
  for (const [field, value] of Object.entries(reply)) {
    define(result, field, decoded(value), true);
  }
  return result;
}

/** Whether `reply` is a RESP3 map (a plain object from any realm) and not a class instance. */
function isPlain(reply: unknown): reply is Record<string, unknown> {
  if (typeof reply !== 'object' || reply === null) return false;
  const prototype = Object.getPrototypeOf(reply) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
