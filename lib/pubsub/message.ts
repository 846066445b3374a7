/** The messages of the bus: the JSON that instances of an application exchange. */
import { thrownByCore } from '../core_error';
import { checkText } from '../cache/validate';
import { badOption } from '../errors';
import { native } from '../native';

/** Tells other instances what to drop. */
export type CacheInvalidationMessage = {
  /** The kind of `target`. */
  type: 'tags' | 'pattern' | 'key';
  /** One or more tags, patterns or keys. */
  target: string | string[];
  /** The sender, for logs. */
  source?: string;
};

const TYPES = new Set(['tags', 'pattern', 'key']);

/** Throws a TypeError if a message is invalid, and says why. */
export function checkMessage(message: unknown): asserts message is CacheInvalidationMessage {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) badOption('message', 'an object { type, target, source? }', message);
  const { type, target, source } = message as Record<string, unknown>;
  if (typeof type !== 'string' || !TYPES.has(type)) badOption('message.type', "'tags', 'pattern' or 'key'", type);
  if (Array.isArray(target)) {
    if (target.length === 0) badOption('message.target', 'a non-empty string or an array of at least one', target);
    target.forEach((one, i) => checkText(`message.target[${i}]`, one));
  } else {
    checkText('message.target', target);
  }
  if (source !== undefined && typeof source !== 'string') badOption('message.source', 'a string', source);
  if (source) checkText('message.source', source);
}

/** Parses and checks a message. Errors: TypeError with the reason if `text` is not a valid message. The error does not quote the text. */
export function parseMessage(text: string): CacheInvalidationMessage {
  let checked: string;
  try {
    checked = native.parseBusMessage(text);
  } catch (error) {
    throw new TypeError(thrownByCore(error).message, { cause: error });
  }
  return JSON.parse(checked) as CacheInvalidationMessage;
}

/** A copy for one listener, so that its changes do not affect the other listeners. */
export function copyOf(message: CacheInvalidationMessage): CacheInvalidationMessage {
  return { ...message, target: Array.isArray(message.target) ? [...message.target] : message.target };
}
