/** Which server a command talks to: `--url`, else the variables that the library reads; with TLS and password from beside it. No text of it shows a password. */
import { hasScheme } from '../../connection_url';
import { isSet, readEnv } from '../../env';
import { parseEndpoint, type Endpoint, type ServerEndpoint } from '../../manager/endpoint';
import { clusterEndpoint } from '../../manager/cluster_options';
import type { ManagerOptions } from '../../manager/options';
import type { Call } from '../command';
import { CliError, messageOf } from '../exit_codes';
import { shown } from './shown';
import { firstTlsOption, tlsOptionsOf, type TlsOptions } from './tls_options';

export interface Target {
  readonly endpoint: Endpoint;
  /** The URL, or those of a cluster's start nodes, with user and password. */
  readonly urls: readonly [string, ...string[]];
  readonly tls: TlsOptions | undefined;
  /** Where it is from, for messages. */
  readonly source: string;
}

export interface ServerTarget extends Target {
  readonly endpoint: ServerEndpoint;
}

/** The password of a URL that has none, as redis-cli reads it. */
const PASSWORD = 'REDISCLI_AUTH';

/** Errors: `CliError` that names the option or the variable. */
export function targetOf(call: Call): Target {
  const { urls, source } = given(call);
  const password = call.context.env[PASSWORD] ?? '';
  try {
    const bare = endpointOf(urls, source);
    const isLacking = !bare.memory && password !== '' && !bare.password && bare.query.password === undefined;
    const full = isLacking ? (urls.map((url) => withPassword(url, password)) as [string, ...string[]]) : urls;
    const endpoint = isLacking ? endpointOf(full, source) : bare;
    return { endpoint, urls: full, tls: tlsFor(call, endpoint, source), source };
  } catch (error) {
    throw new CliError(messageOf(error));
  }
}

/** The same for a command that needs a server. */
export function serverTargetOf(call: Call): ServerTarget {
  const target = targetOf(call);
  if (target.endpoint.memory) {
    throw new CliError(`${target.source} is memory://, which is inside of each process: there is no server to ask. Give --url`);
  }
  return target as ServerTarget;
}

function given({ options }: Call): Pick<Target, 'urls' | 'source'> {
  const url = options.url as string | undefined;
  try {
    if (url !== undefined) return { urls: [url], source: '--url' };
    if (readEnv('REDIS_CLUSTER') && isSet('REDIS_CLUSTER_NODES')) {
      const [first = '', ...more] = readEnv('REDIS_CLUSTER_NODES').split(',');
      return { urls: [first, ...more], source: 'REDIS_CLUSTER_NODES' };
    }
    return { urls: [readEnv('REDIS_URL')], source: isSet('REDIS_URL') ? 'REDIS_URL' : 'the default (REDIS_URL is not set)' };
  } catch (error) {
    throw new CliError(messageOf(error));
  }
}

function endpointOf(urls: readonly [string, ...string[]], source: string): Endpoint {
  if (source === 'REDIS_CLUSTER_NODES') return clusterEndpoint(urls, source);
  const [url] = urls;
  if (!hasScheme(url)) throw new CliError(`${source} must be a URL like redis://host:6379, got something without a scheme (not shown: it may hold a password)`);
  return readEnv('REDIS_CLUSTER') ? clusterEndpoint([url], source) : parseEndpoint(url, source);
}

/** The URL with this password, and with the user that it names. */
function withPassword(text: string, password: string): string {
  const url = hasScheme(text.trim()) ? text.trim() : `redis://${text.trim()}`;
  const [, scheme = '', user = '', rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)(?:([^@/?#:]*):?@)?([^]*)$/i.exec(url) ?? [];
  return `${scheme}${user}:${encodeURIComponent(password)}@${rest}`;
}

function tlsFor(call: Call, endpoint: Endpoint, source: string): TlsOptions | undefined {
  const option = firstTlsOption(call);
  if (option === undefined) return undefined;
  if (endpoint.memory || !endpoint.tls) throw new CliError(`${option} needs TLS: ${source} must be a rediss:// URL (of Sentinels: rediss+sentinel://)`);
  return tlsOptionsOf(call);
}

/** TLS as an option of the manager. */
export function managerTls({ tls, endpoint }: ServerTarget): Pick<ManagerOptions, 'redis'> {
  return tls === undefined ? {} : { redis: { tls, ...(endpoint.sentinel === undefined ? {} : { sentinelTLS: tls }) } };
}

/** `host:port`, a path, or a group and its Sentinels. */
export function placeOf({ host, port, path, sentinel, cluster }: ServerEndpoint): string {
  if (cluster !== undefined) return shown(cluster.map((node) => `${node.host}:${node.port}`).join(','));
  if (sentinel !== undefined) return shown(`${sentinel.name} of ${sentinel.sentinels.map((one) => `${one.host ?? 'localhost'}:${one.port ?? 26379}`).join(',')}`);
  return shown(path ?? `${host}:${port}`);
}
