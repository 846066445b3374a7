/**
 * The messages of the bus: the JSON `{ type, target, source? }` that instances of an application exchange, including older versions of it.
 * Anybody can publish on the channel, so a message is checked when it arrives as well as before it is published.
 */
import { checkText } from '../cache/validate';
import { badOption } from '../errors';

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

/** Throws a TypeError if a message is invalid, and says why. The error shows no text of the message. */
export function checkMessage(message: unknown): asserts message is CacheInvalidationMessage {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) badOption('message', 'an object { type, target, source? }', message);
  // Only a message's own members become JSON.
  const { type, target, source } = { __proto__: null, ...message } as Record<string, unknown>;
  if (typeof type !== 'string' || !TYPES.has(type)) badOption('message.type', "'tags', 'pattern' or 'key'", type);
  if (Array.isArray(target)) {
    if (target.length === 0) badOption('message.target', 'a non-empty string or an array of at least one', target);
    target.forEach((one, i) => checkText(`message.target[${i}]`, one));
  } else {
    checkText('message.target', target);
  }
  // Older instances may write null or an empty text if they have no source.
  if (source === undefined || source === null || source === '') return;
  if (typeof source !== 'string') badOption('message.source', 'a string', source);
  checkText('message.source', source);
}

/** Parses and checks a message. Members that this version does not know are kept. Errors: a TypeError with the reason. */
export function parseMessage(text: string): CacheInvalidationMessage {
  const message = parseJson(text);
  checkMessage(message);
  if ((message.source as string | null | undefined) === null) delete message.source;
  return message;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // V8's message quotes the text.
    throw new TypeError('it is not JSON');
  }
}

/** A copy for one listener, so that its changes do not affect the other listeners. */
export function copyOf(message: CacheInvalidationMessage): CacheInvalidationMessage {
  return { ...message, target: Array.isArray(message.target) ? [...message.target] : message.target };
}
