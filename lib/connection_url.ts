/**
 * Connection URLs. The core splits a URL (`src/config.rs`); `new Redis(url)` and the manager make options of its parts. No error quotes a
 * URL, because it may hold a password.
 */
import type { UrlParts } from './contract.generated';
import { fromCore } from './core_error';
import { native } from './native';

/** The parts of a connection URL. Errors: HawserError `E_BAD_OPTION`. */
export function urlParts(url: string): UrlParts {
  return JSON.parse(fromCore(() => native.parseUrl(url))) as UrlParts;
}

/** Whether a URL is one for TLS. */
export const isTlsUrl = (text: string): boolean => /^(rediss|valkeys)(\+sentinel)?:\/\//i.test(text);

/** Whether a text begins with any scheme. */
export const hasScheme = (text: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(text);

/** The nodes in `host:port,...`; each may also be a URL. Errors: HawserError `E_BAD_OPTION`. */
export function nodeList(text: string): UrlParts[] {
  return text.split(',').map((node) => urlParts(hasScheme(node.trim()) ? node.trim() : `redis://${node.trim()}`));
}
