/** A cache handler of Next.js on two repositories: the entries, and when each tag was revalidated. */
import { checkNames, checkPrefix } from '../cache/validate';
import { badOption } from '../errors';
import { CacheRepository } from '../facade/repository';
import { RedisManager } from '../manager';
import { logger } from '../manager/connections';
import type { ManagerOptions } from '../manager/options';
import { messageOf } from '../observe/errors';
import { decode, encode, type Head } from './entry';

/** An entry as Next.js knows it. Times are in seconds, `timestamp` in milliseconds since 1970. */
export interface CacheEntry {
  value: ReadableStream<Uint8Array>;
  tags: string[];
  stale: number;
  timestamp: number;
  expire: number;
  revalidate: number;
}

/** What Next.js asks of a handler. */
export interface CacheHandler {
  get(cacheKey: string, softTags: string[]): Promise<undefined | CacheEntry>;
  set(cacheKey: string, pendingEntry: Promise<CacheEntry>): Promise<void>;
  refreshTags(): Promise<void>;
  getExpiration(tags: string[]): Promise<number>;
  updateTags(tags: string[], durations?: { expire?: number }): Promise<void>;
}

/** Options of `createCacheHandler`. */
export interface CacheHandlerOptions {
  /** Prefix of the entries. Give each application on a server its own. Default `next`. */
  prefix?: string | undefined;
  /** Options of `RedisManager.configure`. Default: the environment. */
  manager?: ManagerOptions | undefined;
  /** Longer entries are not stored. Default 16,777,216 (16 MiB). */
  maxBytes?: number | undefined;
}

/** A revalidation that leaves entries usable for a while. Times in milliseconds since 1970. */
interface Grace {
  /** Entries that are older are sent while they are made anew. */
  revalidated: number;
  /** From then on they are gone. */
  expired: number;
}

/** What is known of a tag: entries from before `gone` are gone, and perhaps a grace. */
interface TagState {
  gone: number;
  grace: Grace | undefined;
}

const NAMES = new Set(['prefix', 'manager', 'maxBytes']);
const MAX_BYTES = 16 << 20;
const MOST_BYTES = 64 << 20;
const DAY = 86_400;
/** An entry lives no longer than this, in seconds, so that what is known of its tags outlives it. */
const LONGEST_LIFE = 30 * DAY;
const TAG_LIFE = 31 * DAY;
/** A repository takes no more tags for one entry. All of them are in the entry too. */
const MAX_TAGS = 64;

/**
 * Makes a handler for `cacheHandlers` in next.config. All instances that use the same server and prefix share entries and revalidations. Throws TypeError or
 * RangeError for invalid options.
 *
 *     // cache-handler.js
 *     const { createCacheHandler } = require('hawser/next');
 *     module.exports = createCacheHandler({ prefix: 'shop' });
 */
export function createCacheHandler(options: CacheHandlerOptions = {}): CacheHandler {
  const { prefix = 'next', manager, maxBytes = MAX_BYTES }: CacheHandlerOptions = checkNames('createCacheHandler', options, NAMES);
  checkPrefix(prefix);
  if (typeof maxBytes !== 'number' || !(maxBytes >= 1 && maxBytes <= MOST_BYTES)) badOption('createCacheHandler.maxBytes', `a number of bytes from 1 to ${MOST_BYTES}`, maxBytes, RangeError);
  if (manager !== undefined) RedisManager.configure(manager);
  return new Handler(new CacheRepository(prefix), new CacheRepository(`${prefix}:tags`), maxBytes);
}

class Handler implements CacheHandler {
  /** Entries that are being stored: readers of this process wait for them. */
  private readonly pending = new Map<string, Promise<void>>();

  constructor(
    private readonly entries: CacheRepository,
    private readonly tags: CacheRepository,
    private readonly maxBytes: number,
  ) {
    // Next.js takes the methods off the handler.
    for (const name of ['get', 'set', 'refreshTags', 'getExpiration', 'updateTags'] as const) Object.defineProperty(this, name, { value: this[name].bind(this) });
  }

  async get(cacheKey: string): Promise<CacheEntry | undefined> {
    await this.pending.get(cacheKey);
    const found = decode(await this.entries.get(cacheKey));
    if (found === undefined) return undefined;
    const { head, body } = found;
    const now = Date.now();
    if (now > head.timestamp + head.expire * 1000) return undefined;
    const states = await this.statesOf(head.tags);
    if (states.some((state) => goneAt(state, now) >= head.timestamp)) return undefined;
    const isStale = states.some(({ grace }) => grace !== undefined && grace.revalidated >= head.timestamp);
    return { ...head, revalidate: isStale ? -1 : head.revalidate, value: new Blob([body]).stream() as ReadableStream<Uint8Array> };
  }

  async set(cacheKey: string, pendingEntry: Promise<CacheEntry>): Promise<void> {
    const storing = this.store(cacheKey, pendingEntry).catch((error: Error) => logger().warn(`[hawser] next: an entry was not stored: ${messageOf(error)}`));
    this.pending.set(cacheKey, storing);
    await storing;
    if (this.pending.get(cacheKey) === storing) this.pending.delete(cacheKey);
  }

  /** Nothing: what is known of tags is asked for where it is needed. */
  async refreshTags(): Promise<void> {}

  /** When the latest of the tags was revalidated; 0 if none was. */
  async getExpiration(tags: string[]): Promise<number> {
    const now = Date.now();
    return Math.max(0, ...(await this.statesOf(tags)).map((state) => goneAt(state, now)));
  }

  async updateTags(tags: string[], durations?: { expire?: number }): Promise<void> {
    if (tags.length === 0) return;
    const now = Date.now();
    if (durations === undefined) {
      await this.tags.setMany(tags.map((tag) => ({ key: `gone:${tag}`, value: now, ttl: TAG_LIFE })));
      await this.entries.invalidateTags(tags);
      return;
    }
    const value: Grace = { revalidated: now, expired: durations.expire === undefined ? Number.MAX_SAFE_INTEGER : now + durations.expire * 1000 };
    await this.tags.setMany(tags.map((tag) => ({ key: `grace:${tag}`, value, ttl: TAG_LIFE })));
  }

  private async statesOf(tags: readonly string[]): Promise<TagState[]> {
    if (tags.length === 0) return [];
    const found = await this.tags.getMany<number | Grace>(tags.flatMap((tag) => [`gone:${tag}`, `grace:${tag}`]));
    return tags.map((_, i) => ({ gone: (found[2 * i] as number | null) ?? -1, grace: (found[2 * i + 1] as Grace | null) ?? undefined }));
  }

  private async store(cacheKey: string, pendingEntry: Promise<CacheEntry>): Promise<void> {
    const { value, tags, stale, timestamp, expire, revalidate } = await pendingEntry;
    const body = await collected(value, this.maxBytes);
    // An entry that expires at once is made anew for each reader.
    if (body === undefined || expire <= 0) return;
    const head: Head = { tags, stale, timestamp, expire, revalidate };
    await this.entries.setWithTags(cacheKey, encode(head, body), { ttl: Math.min(expire, LONGEST_LIFE), tags: [...new Set(tags)].slice(0, MAX_TAGS) });
  }
}

/** Entries from before then are gone; -1: none are. */
function goneAt({ gone, grace }: TagState, now: number): number {
  return grace !== undefined && grace.expired <= now ? Math.max(gone, grace.revalidated) : gone;
}

/** The bytes of a stream, which is read to its end; `undefined` if there are more than `most`. */
async function collected(stream: ReadableStream<Uint8Array>, most: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes <= most) chunks.push(chunk);
  }
  return bytes > most ? undefined : Buffer.concat(chunks);
}
