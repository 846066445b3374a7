/** The options of `invalidationStream`. */
import { checkFunction, checkMs, checkNames } from '../cache/validate';
import { badOption } from '../errors';
import type { StreamRequest } from './frameworks';

/** The options of `invalidationStream`. */
export interface InvalidationStreamOptions {
  /**
   * Whether the client behind a request may see a tag. Only `true` shows it; if it throws, the tag is not shown, and a line in the log says so. `request` is what the framework gave
   * (a web `Request` with Hono and Next.js), `context` is Hono's. Default: everybody sees every tag.
   */
  filter?: ((tag: string, request: StreamRequest, context: unknown) => boolean) | undefined;
  /** Whether a request gets a stream at all. Anything but `true` is 403. Default: all do. */
  authorize?: ((request: StreamRequest, context: unknown) => boolean | Promise<boolean>) | undefined;
  /** Connections at the same time. Others get 503 with `Retry-After`; where one client has many of them, its oldest makes room instead. Default 1,000. */
  maxConnections?: number | undefined;
  /** What `Retry-After` says, in seconds. Default 5. */
  retryAfterSeconds?: number | undefined;
  /** Who a client is, for `maxConnections`. Default: the address of the socket, where the framework shows it. Behind a proxy, take what the proxy says. */
  clientOf?: ((request: StreamRequest, context: unknown) => string) | undefined;
  /** How often a connection shows that it is alive. Default 15,000. */
  heartbeatMs?: number | undefined;
  /** What may wait for a client that reads slowly. Past it, the client gets nothing more until it has read that, and is then told to fetch everything. Default 65,536. */
  maxBufferedBytes?: number | undefined;
  /** A client that has not read for so long, with a full buffer, is cut. Default 30,000. */
  slowTimeoutMs?: number | undefined;
}

export type Checked = Required<Omit<InvalidationStreamOptions, 'filter' | 'authorize' | 'clientOf'>> & Pick<InvalidationStreamOptions, 'filter' | 'authorize' | 'clientOf'>;

const NAMES = new Set(['filter', 'authorize', 'maxConnections', 'retryAfterSeconds', 'clientOf', 'heartbeatMs', 'maxBufferedBytes', 'slowTimeoutMs']);

/** Errors: TypeError or RangeError that names the option. */
export function checkStreamOptions(options: InvalidationStreamOptions): Checked {
  const own: InvalidationStreamOptions = checkNames('options', options, NAMES);
  const { filter, authorize, clientOf } = own;
  if (filter !== undefined) checkFunction('options.filter', filter);
  if (authorize !== undefined) checkFunction('options.authorize', authorize);
  if (clientOf !== undefined) checkFunction('options.clientOf', clientOf);
  return {
    filter,
    authorize,
    clientOf,
    maxConnections: whole('maxConnections', own.maxConnections, 1_000, 1, 1_000_000),
    retryAfterSeconds: whole('retryAfterSeconds', own.retryAfterSeconds, 5, 0, 86_400),
    heartbeatMs: ms('heartbeatMs', own.heartbeatMs, 15_000, 10, 600_000),
    maxBufferedBytes: whole('maxBufferedBytes', own.maxBufferedBytes, 65_536, 1, 2 ** 30),
    slowTimeoutMs: ms('slowTimeoutMs', own.slowTimeoutMs, 30_000, 1, 3_600_000),
  };
}

function ms(name: string, value: unknown, fallback: number, min: number, max: number): number {
  return value === undefined ? fallback : checkMs(`options.${name}`, value, { min, max });
}

function whole(name: string, value: unknown, fallback: number, min: number, max: number): number {
  if (value === undefined) return fallback;
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  return badOption(`options.${name}`, `a whole number from ${min} to ${max}`, value, RangeError);
}
