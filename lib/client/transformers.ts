/** The transformers that ioredis has built in: objects and Maps as arguments of mset and hset, HGETALL's reply as an object. */
import { transformers } from './table';

/** `[{a: 1}]` and `[new Map(...)]` as `['a', 1]`; with a key in front for hset and hmset. */
function unfold(args: unknown[], at: number): unknown[] {
  const value = args[at];
  if (args.length !== at + 1 || typeof value !== 'object' || value === null || Buffer.isBuffer(value) || Array.isArray(value)) return args;
  const pairs = value instanceof Map ? [...(value as Map<unknown, unknown>)] : Object.entries(value);
  return [...args.slice(0, at), ...pairs.flat()];
}

transformers.argument.mset = (args) => unfold(args, 0);
transformers.argument.msetnx = (args) => unfold(args, 0);
transformers.argument.hset = (args) => unfold(args, 1);
transformers.argument.hmset = (args) => unfold(args, 1);

transformers.reply.hgetall = (reply) => {
  if (!Array.isArray(reply)) return reply;
  const result: Record<string, unknown> = {};
  for (let i = 0; i < reply.length; i += 2) {
    const field = String(reply[i]);
    // `__proto__` is a field like any other.
    if (field in result) Object.defineProperty(result, field, { value: reply[i + 1], writable: true, enumerable: true, configurable: true });
    else result[field] = reply[i + 1];
  }
  return result;
};
