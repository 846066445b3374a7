/** Conditional requests (RFC 9110, section 13). */
import type { IncomingHttpHeaders } from 'node:http';
import { valueOf, type Field } from './headers';

/** What makes a request conditional or partial. */
const CONDITIONS = ['if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since', 'if-range', 'range'] as const;

/** The conditions that a 304 can answer. */
export interface Conditions {
  readonly noneMatch: string | undefined;
  readonly modifiedSince: string | undefined;
}

export function conditionsOf(headers: IncomingHttpHeaders): Conditions {
  return { noneMatch: headers['if-none-match'], modifiedSince: headers['if-modified-since'] };
}

/** Takes the conditions out, so that a handler makes the whole response, which can be kept. */
export function makeUnconditional(headers: IncomingHttpHeaders): void {
  for (const name of CONDITIONS) delete headers[name];
}

/** Fields of a 304: those that a cache at the client updates. */
const KEPT_BY_304 = new Set(['cache-control', 'content-location', 'etag', 'expires', 'vary', 'last-modified']);
export const isKeptBy304 = (name: string): boolean => KEPT_BY_304.has(name) || !name.startsWith('content-');

const opaque = (tag: string): string => tag.trim().replace(/^W\//, '');

/** Whether the client has this response already. */
export function isNotModified({ noneMatch, modifiedSince }: Conditions, status: number, headers: readonly Field[]): boolean {
  if (status !== 200) return false;
  if (noneMatch !== undefined) {
    const tag = valueOf(headers, 'etag');
    if (noneMatch.trim() === '*') return true;
    return tag !== undefined && (noneMatch.match(/(?:W\/)?"[^"]*"/g) ?? []).some((one) => opaque(one) === opaque(tag));
  }
  const changed = Date.parse(valueOf(headers, 'last-modified') ?? '');
  return modifiedSince !== undefined && changed <= Date.parse(modifiedSince);
}
