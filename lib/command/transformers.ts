/**
 * ioredis's built-in transformers: mset and hset accept objects and Maps, HGETALL returns an object, and replies with a different shape
 * in RESP3 get RESP2's shape, unless `replyMapping: 'resp3'` is set.
 */
import { define } from '../names';
import { transformers, type ReplyTransformer } from './table';

/** Turns `[{a: 1}]` and `[new Map(...)]` into `['a', 1]`; for hset and hmset, a key comes first. */
function unfold(args: unknown[], at: number): unknown[] {
  const value = args[at];
  if (args.length !== at + 1 || typeof value !== 'object' || value === null) return args;
  const pairs = value instanceof Map ? [...(value as Map<unknown, unknown>)] : Object.entries(value as Record<string, unknown>);
  return [...args.slice(0, at), ...pairs.flatMap(([field, content]) => [field, content])];
}

transformers.argument.mset = (args) => unfold(args, 0);
transformers.argument.msetnx = (args) => unfold(args, 0);
transformers.argument.hset = (args) => unfold(args, 1);
transformers.argument.hmset = (args) => unfold(args, 1);

transformers.reply.hgetall = (reply: unknown) => {
  if (!Array.isArray(reply)) return reply;
  const result: Record<string, unknown> = {};
  for (let i = 0; i < reply.length; i += 2) {
    const field = String(reply[i]);
    // `__proto__` is an ordinary field.
    if (field in result) define(result, field, reply[i + 1], true);
    else result[field] = reply[i + 1];
  }
  return result;
};

/** Turns `[[a, 1], [b, 2]]` into `[a, 1, b, 2]`; a flat list stays as it is. */
const flatten = (reply: unknown): unknown => (Array.isArray(reply) && reply.some(Array.isArray) ? reply.flat() : reply);

/** Turns `[key, entries, key, entries]` into `[[key, entries], ...]`. */
function inPairs(reply: unknown): unknown {
  if (!Array.isArray(reply)) return reply;
  const pairs: unknown[] = [];
  for (let i = 0; i < reply.length; i += 2) pairs.push([reply[i], reply[i + 1]]);
  return pairs;
}

/** Applies `shape` only if the server sent RESP3's shape and the caller expects RESP2's. */
const asBefore =
  (shape: (reply: unknown) => unknown): ReplyTransformer =>
  (reply: unknown, { protocol, replyMapping }) =>
    protocol === 3 && replyMapping === 'legacy' ? shape(reply) : reply;

const PAIRS = ['zdiff', 'zinter', 'zpopmax', 'zpopmin', 'zunion', 'zrandmember', 'zrange', 'zrangebyscore', 'zrevrange', 'zrevrangebyscore', 'hrandfield'];
for (const name of PAIRS) transformers.reply[name] = asBefore(flatten);
for (const name of ['xread', 'xreadgroup']) transformers.reply[name] = asBefore(inPairs);
// VSIM returns scores in pairs under RESP2, too.
transformers.reply.vsim = (reply: unknown, { replyMapping }) => (replyMapping === 'legacy' ? flatten(reply) : reply);
