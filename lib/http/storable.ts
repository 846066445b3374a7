/** Which responses may be kept, and for how long (RFC 9111, section 3). */
import { membersOf, valueOf, type Field } from './headers';

/** Final responses that are no errors and have no part of their own meaning only. */
const STATUSES = new Set([200, 203, 204, 300, 301, 308]);

/** What the rules of a cache say about responses. */
export interface StoreRules {
  readonly cachePrivate: boolean;
  /** Names of request fields that are part of the key, in lower case. */
  readonly vary: ReadonlySet<string>;
  readonly maxBytes: number;
}

/** How long a response says that a shared cache may keep it, in seconds. */
export interface Life {
  readonly ttl: number;
  readonly staleAfter: number | undefined;
}

/** The directives of `Cache-Control` with their values. */
export function directivesOf(headers: readonly Field[]): ReadonlyMap<string, string> {
  const directives = new Map<string, string>();
  for (const member of membersOf(valueOf(headers, 'cache-control'))) {
    const at = member.indexOf('=');
    if (at < 0) directives.set(member, '');
    else directives.set(member.slice(0, at), member.slice(at + 1).replace(/^"|"$/g, ''));
  }
  return directives;
}

/** Why a response must not be kept, in one word; `undefined` if it may be. */
export function refusalOf(status: number, headers: readonly Field[], rules: StoreRules): string | undefined {
  if (!STATUSES.has(status)) return 'status';
  const directives = directivesOf(headers);
  if (directives.has('no-store')) return 'no-store';
  if (directives.has('no-cache')) return 'no-cache';
  if (directives.get('s-maxage') === '0') return 's-maxage';
  if (!rules.cachePrivate) {
    if (directives.has('private')) return 'private';
    if (valueOf(headers, 'set-cookie') !== undefined) return 'set-cookie';
  }
  if (membersOf(valueOf(headers, 'vary')).some((name) => name === '*' || !rules.vary.has(name))) return 'vary';
  if (valueOf(headers, 'content-type')?.startsWith('text/event-stream') === true) return 'event-stream';
  return undefined;
}

/** What `s-maxage` and `stale-while-revalidate` say. */
export function lifeOf(headers: readonly Field[]): Life | undefined {
  const directives = directivesOf(headers);
  const fresh = seconds(directives.get('s-maxage'));
  if (fresh === undefined || fresh === 0) return undefined;
  const stale = seconds(directives.get('stale-while-revalidate'));
  return stale === undefined ? { ttl: fresh, staleAfter: undefined } : { ttl: fresh + stale, staleAfter: fresh };
}

const MOST_SECONDS = 100_000_000;

function seconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Math.min(Number(text), MOST_SECONDS) : undefined;
}
