/** One request at a cache of responses, whatever the framework. What the framework does is in an `Exchange`. */
import type { LoaderContext } from '../cache/load';
import { collapsedStatus, fallbackStatus, hitStatus } from './cache_status';
import { freshMs, type CacheRules } from './options';
import { Recording } from './recording';
import { decode, type Stored } from './stored';

/** A request and its response, as a framework has them. */
export interface Exchange {
  /** Lets the handler answer the request while `recording` takes it down. */
  run(recording: Recording): void;
  /** Lets the handlers answer a copy of the request, whose response nobody gets. */
  repeat(recording: Recording): void;
  /** Sends a kept response. */
  send(stored: Stored, status: string | undefined): void;
  /** Lets the handler answer, and keeps nothing. */
  pass(): void;
}

/** Keeps the value of `tagsFrom` in one place, so that the cache knows it for the same function. */
const tagsFrom = (value: unknown): readonly string[] => decode(value)?.tags ?? [];

/** Answers a GET from the cache, or by its handler. Never rejects, except for options of no use, before anything is answered. */
export async function respond(rules: CacheRules<never>, key: string, tags: readonly string[], exchange: Exchange): Promise<void> {
  const asked = Date.now();
  const fresh = freshMs(rules);
  const state = { recording: undefined as Recording | undefined, isAnswered: false };
  const load = async (context: LoaderContext): Promise<Buffer | undefined> => {
    // The handler has had this response already.
    if (state.recording !== undefined) return context.skip();
    const own = new Recording(rules, context, fresh, state.isAnswered);
    if (state.isAnswered) {
      exchange.repeat(own);
    } else {
      state.recording = own;
      exchange.run(own);
    }
    return (await own.result) ?? context.skip();
  };
  let stored: Stored | undefined;
  try {
    stored = decode(await rules.cache.getOrSet<Buffer | undefined>(key, load, { ...rules.call, tags, tagsFrom }));
  } catch {
    // The load of another request has failed, and this one's handler may do better.
  }
  state.isAnswered = true;
  const own = state.recording;
  if (own === undefined) return stored === undefined ? exchange.pass() : exchange.send(stored, statusOf(rules, stored, asked));
  if (own.mode !== 'hold') return;
  const made = own.made();
  exchange.send(stored ?? made, rules.status === undefined || stored === undefined ? undefined : fallbackStatus(rules.status, made.status));
}

/** Answers a HEAD from the cache; resolves with whether it did. */
export async function respondHead(rules: CacheRules<never>, key: string, exchange: Pick<Exchange, 'send'>): Promise<boolean> {
  const stored = decode(await rules.cache.get(key));
  if (stored === undefined) return false;
  exchange.send(stored, rules.status === undefined ? undefined : hitStatus(rules.status, stored, Date.now()));
  return true;
}

function statusOf({ status }: CacheRules<never>, stored: Stored, asked: number): string | undefined {
  if (status === undefined) return undefined;
  return stored.at > asked ? collapsedStatus(status) : hitStatus(status, stored, Date.now());
}
