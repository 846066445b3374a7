/** The options of a response cache, checked. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { checkFunction, checkNames, checkTags, checkText } from '../cache/validate';
import { ANY, callOptions } from '../cache/options';
import { badOption } from '../errors';
import { refusingPromise } from '../guard';
import { portOf } from '../facade/opening';
import { CacheRepository } from '../facade/repository';
import type { StoreRules } from './storable';

/** Options of a response cache. `Request` is the framework's. */
export interface ResponseCacheOptions<Request> {
  /** How long responses are kept, in seconds. Default: the repository's. `s-maxage` of a response takes precedence. */
  ttl?: number | undefined;
  /** From this age on, a response is still sent while one request in the fleet is repeated in the background. Default: the repository's. */
  staleAfter?: number | undefined;
  /** How long a response is kept after its time to live, to be sent in the place of a 5xx. Default: the repository's. */
  staleIfError?: number | undefined;
  /** Tags of every response, beside those of `cacheTags`. */
  tags?: readonly string[] | ((request: Request) => readonly string[]) | undefined;
  /**
   * The key of a request, or `undefined` for a request that the cache leaves alone. Default: the host, the path and the query with its names sorted; then
   * requests with `Authorization` are left alone, unless it is among `vary`.
   */
  key?: ((request: Request) => string | undefined) | undefined;
  /**
   * Names of request fields whose values are part of the key. A response whose `Vary` names another field is not kept. Default: none.
   */
  vary?: readonly string[] | undefined;
  /** Responses with a longer body are not kept. Default 1,048,576 (1 MiB). */
  maxBytes?: number | undefined;
  /** Also keeps responses with `Cache-Control: private` and with `Set-Cookie`. Needs a `key` that tells users apart. Default false. */
  cachePrivate?: boolean | undefined;
  /** The cache's name in the field `Cache-Status`, a token; or `false` for no such field. Default `hawser`. */
  cacheStatus?: string | false | undefined;
}

/** The options in the form in which requests use them. */
export interface CacheRules<Request> extends StoreRules {
  readonly cache: CacheRepository;
  readonly call: { readonly ttl?: number; readonly staleAfter?: number; readonly staleIfError?: number };
  readonly tags: (request: Request) => string[];
  readonly key: ((request: Request) => string | undefined) | undefined;
  readonly status: string | undefined;
}

const NAMES = new Set(['ttl', 'staleAfter', 'staleIfError', 'tags', 'key', 'vary', 'maxBytes', 'cachePrivate', 'cacheStatus']);
const MAX_BYTES = 1 << 20;
const MOST_BYTES = 64 << 20;
const PATH = 'responseCache';
const TOKEN = /^[A-Za-z*][\w!#$%&'*+.^`|~:/-]*$/;
const FIELD_NAME = /^[\w!#$%&'*+.^`|~-]+$/;

/** Throws TypeError or RangeError that names the option. */
export function checkCacheRules<Request>(cache: unknown, options: unknown): CacheRules<Request> {
  if (!(cache instanceof CacheRepository)) badOption(`${PATH}: the cache`, 'a CacheRepository', cache);
  const own = checkNames(PATH, options, NAMES);
  const { ttl, staleAfter, staleIfError, tags, key, vary, maxBytes = MAX_BYTES, cachePrivate = false, cacheStatus = 'hawser' } = own;
  const call = Object.fromEntries(Object.entries({ ttl, staleAfter, staleIfError }).filter(([, value]) => value !== undefined));
  callOptions(BASE, call, PATH);
  if (key !== undefined) checkFunction(`${PATH}.key`, key);
  if (typeof cachePrivate !== 'boolean') badOption(`${PATH}.cachePrivate`, 'true or false', cachePrivate);
  if (cachePrivate && key === undefined) badOption(`${PATH}.key`, 'a function that tells users apart where cachePrivate is true', key);
  if (typeof maxBytes !== 'number' || !(maxBytes >= 1 && maxBytes <= MOST_BYTES)) badOption(`${PATH}.maxBytes`, `a number of bytes from 1 to ${MOST_BYTES}`, maxBytes, RangeError);
  if (cacheStatus !== false && (typeof cacheStatus !== 'string' || !TOKEN.test(cacheStatus))) badOption(`${PATH}.cacheStatus`, 'a token or false', cacheStatus);
  return { cache, call, tags: tagsOf(tags), key: key as CacheRules<Request>['key'], vary: varyOf(vary), maxBytes, cachePrivate, status: cacheStatus === false ? undefined : cacheStatus };
}

/** What a call's options are checked against. The repository's own life may be shorter, which the call then tells. */
const BASE = { ...ANY, ttl: '315576000000' };

function tagsOf<Request>(tags: unknown): (request: Request) => string[] {
  if (tags === undefined) return () => [];
  if (typeof tags === 'function') return (request) => checkTags(`the result of ${PATH}.tags`, refusingPromise((tags as (request: Request) => unknown)(request)));
  const checked = checkTags(`${PATH}.tags`, tags);
  return () => checked;
}

function varyOf(vary: unknown): ReadonlySet<string> {
  if (vary === undefined) return new Set();
  if (!Array.isArray(vary)) badOption(`${PATH}.vary`, 'an array of names of request fields', vary);
  vary.forEach((name: unknown, i) => {
    if (typeof name !== 'string' || !FIELD_NAME.test(name)) badOption(`${PATH}.vary[${i}]`, 'the name of a request field', name);
  });
  return new Set((vary as string[]).map((name) => name.toLowerCase()));
}

/** How long a response is fresh, in milliseconds. */
export function freshMs({ cache, call }: Pick<CacheRules<unknown>, 'cache' | 'call'>): number {
  const { ttl, fresh } = callOptions(portOf(cache).base, call, PATH);
  return Number(fresh === '' ? ttl : fresh);
}

/** What a request asks of the cache: its key, or why the cache is not asked. */
export type Asked = { readonly key: string } | { readonly bypass: string };

/** What of a request makes its key. */
export interface KeyParts {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export function askedOf<Request>(rules: CacheRules<Request>, request: Request, { url, headers }: KeyParts): Asked {
  if (headers.range !== undefined) return { bypass: 'range' };
  if (headers['cache-control']?.includes('no-store') === true) return { bypass: 'no-store' };
  if (rules.key === undefined && headers.authorization !== undefined && !rules.vary.has('authorization')) return { bypass: 'authorization' };
  const own = rules.key === undefined ? `${headers.host ?? ''}${sorted(url)}` : rules.key(request);
  if (own === undefined) return { bypass: 'key' };
  checkText(`the result of ${PATH}.key`, refusingPromise(own));
  // Between the parts stands what no field can contain.
  return { key: [own, ...[...rules.vary].map((name) => String(headers[name] ?? ''))].join('\n') };
}

/** The path and query, with the names of the query sorted. Values of one name keep their order. */
function sorted(url: string): string {
  const at = url.indexOf('?');
  if (at < 0) return url;
  const parameters = url.slice(at + 1).split('&').filter((part) => part !== '');
  const named = parameters.map((part): [string, string] => [part.split('=', 1)[0], part]);
  named.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return named.length === 0 ? url.slice(0, at) : `${url.slice(0, at)}?${named.map(([, part]) => part).join('&')}`;
}

/** A request of node:http as any framework brings it. */
export type NodeRequest = IncomingMessage;
