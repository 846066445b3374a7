/** Connections of a command: one to each server that it asks, made once and within a time limit. An error says which server and why, and shows no password. */
import { Redis } from '../../client/redis';
import { clearTimeout, setTimeout } from '../../clock';
import { endpointOptions, type ServerEndpoint } from '../../manager/endpoint';
import { CliError, messageOf } from '../exit_codes';
import { shown } from './shown';
import { placeOf, type ServerTarget } from './target';

/** The name of these connections in CLIENT LIST. */
export const CLI_NAME = 'hawser:cli';

/** One server, and the connection to it. */
export interface Node {
  /** `host:port` or a path. */
  readonly name: string;
  readonly redis: Redis;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ConnectOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Reconnects when an established connection is lost, instead of ending. */
  readonly staysUp?: boolean;
}

/** The options of a client for one server of the target. RESP2: replies have the same shapes on all servers. */
function clientOptionsOf({ endpoint, tls }: ServerTarget, at?: Address): Record<string, unknown> {
  const isGroup = at === undefined && endpoint.sentinel !== undefined;
  return {
    ...endpointOptions(at === undefined ? endpoint : { ...endpoint, cluster: undefined, sentinel: undefined, path: undefined, ...at }),
    ...(tls === undefined ? {} : { tls, ...(isGroup ? { sentinelTLS: tls } : {}) }),
    lazyConnect: true,
    connectionName: CLI_NAME,
    protocol: 2,
    strictDatabase: true,
    enableReadyCheck: false,
  };
}

/** A connection that answers. Errors: `CliError` that names the server, where its address is from, and the reason. */
export async function connect(target: ServerTarget, at: Address | undefined, { timeoutMs, signal, staysUp }: ConnectOptions): Promise<Node> {
  const { endpoint, source } = target;
  const name = at === undefined ? placeOf(endpoint) : shown(`${at.host}:${at.port}`);
  let isUp = false;
  const retryStrategy = (times: number): number | null => (isUp && staysUp === true ? Math.min(times * 100, 1_000) : null);
  const redis = new Redis({ ...clientOptionsOf(target, at), connectTimeout: timeoutMs, retryStrategy, sentinelRetryStrategy: retryStrategy } as never);
  let reason: unknown;
  redis.on('error', (error: Error) => (reason = error));
  try {
    await within(
      redis.connect().then(() => redis.call('PING').catch(ignoreRefusal)),
      timeoutMs,
      signal,
    );
    isUp = true;
    return { name, redis };
  } catch (error) {
    redis.disconnect();
    if (signal?.aborted === true) throw error;
    throw new CliError(`cannot use the server ${name} (from ${source}): ${reasonOf(reason ?? error, endpoint)}`);
  }
}

/** A user who may do little need not be allowed to PING. */
function ignoreRefusal(error: Error): void {
  if (!error.message.startsWith('NOPERM')) throw error;
}

/** Rejects when the time is over or the signal aborts. */
export function within<T>(promise: Promise<T>, ms: number, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Error('interrupted'));
    const timer = setTimeout(() => reject(new Error(`no answer within ${Math.round(ms)} ms`)), Math.max(ms, 1));
    if (signal?.aborted === true) abort();
    signal?.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    });
  });
}

const REFUSED = 'the server refuses the user or the password (of the URL, or of REDISCLI_AUTH)';

const HINTS: readonly [RegExp, string][] = [
  [/^NOAUTH/, 'the server asks for a password: set REDISCLI_AUTH, or REDIS_URL=redis://user:password@host:port'],
  [/^WRONGPASS|invalid password/, REFUSED],
  [/^AUTH failed: /, REFUSED],
  [/self[- ]signed certificate|unable to (get|verify)|certificate signature failure/i, 'the certificate of the server is not from an authority that is trusted: give that with --cacert'],
  [/does not match certificate's altnames/i, 'the certificate of the server is for another name: give that with --sni'],
  [/wrong version number|packet length too long/i, 'the server does not speak TLS here: use redis://'],
  [/certificate required|handshake failure/i, 'the server asks for a certificate: give --cert and --key'],
];

/** Why it failed, without the password. */
export function reasonOf(error: unknown, { password }: ServerEndpoint): string {
  const said = shown(messageOf(error), 300);
  const text = password === undefined || password === '' ? said : said.replaceAll(password, '***');
  const hint = HINTS.find(([pattern]) => pattern.test(text))?.[1];
  return hint === undefined ? text : `${hint} (${text.slice(0, 100)})`;
}
