/** Replies that came as Buffers, for callers who want text: the core decodes what it knows to be wanted so. */

/** Buffers as text, wherever they are in a reply. */
export function decoded(reply: unknown): unknown {
  if (typeof reply === 'string') return reply;
  if (Buffer.isBuffer(reply)) return reply.toString();
  if (Array.isArray(reply)) return reply.map(decoded);
  if (!isPlain(reply)) return reply;
  const result = {};
  for (const [field, value] of Object.entries(reply)) {
    Object.defineProperty(result, field, { value: decoded(value), writable: true, enumerable: true, configurable: true });
  }
  return result;
}

/** Whether it is a map of RESP3 and no instance of something, in whatever realm it was made. */
function isPlain(reply: unknown): reply is Record<string, unknown> {
  if (typeof reply !== 'object' || reply === null) return false;
  const prototype = Object.getPrototypeOf(reply) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
