/** Which server a command talks to: `--url`, else the variables that the library reads. No text of it shows a password. */
import { hasScheme } from '../../connection_url';
import { isSet, readEnv } from '../../env';
import { parseEndpoint, type Endpoint, type ServerEndpoint } from '../../manager/endpoint';
import { clusterEndpoint } from '../../manager/cluster_options';
import type { Call } from '../command';
import { CliError, messageOf } from '../exit_codes';
import { shown } from './shown';

export interface Target {
  readonly endpoint: Endpoint;
  /** `--url` as it was given. */
  readonly url: string | undefined;
  /** Where it is from, for messages. */
  readonly source: string;
}

export interface ServerTarget extends Target {
  readonly endpoint: ServerEndpoint;
}

/** Errors: `CliError` that names the option or the variable. */
export function targetOf({ options }: Call): Target {
  const url = options.url as string | undefined;
  try {
    if (url !== undefined) return { endpoint: endpointOf(url, '--url'), url, source: '--url' };
    if (readEnv('REDIS_CLUSTER') && isSet('REDIS_CLUSTER_NODES')) {
      const nodes = readEnv('REDIS_CLUSTER_NODES').split(',');
      return { endpoint: clusterEndpoint(nodes, 'REDIS_CLUSTER_NODES'), url, source: 'REDIS_CLUSTER_NODES' };
    }
    return { endpoint: endpointOf(readEnv('REDIS_URL'), 'REDIS_URL'), url, source: isSet('REDIS_URL') ? 'REDIS_URL' : 'the default (REDIS_URL is not set)' };
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

function endpointOf(url: string, source: string): Endpoint {
  if (!hasScheme(url)) throw new CliError(`${source} must be a URL like redis://host:6379, got something without a scheme (not shown: it may hold a password)`);
  return readEnv('REDIS_CLUSTER') ? clusterEndpoint([url], source) : parseEndpoint(url, source);
}

/** `host:port`, a path, or a group and its Sentinels. */
export function placeOf({ host, port, path, sentinel, cluster }: ServerEndpoint): string {
  if (cluster !== undefined) return shown(cluster.map((node) => `${node.host}:${node.port}`).join(','));
  if (sentinel !== undefined) return shown(`${sentinel.name} of ${sentinel.sentinels.map((one) => `${one.host ?? 'localhost'}:${one.port ?? 26379}`).join(',')}`);
  return shown(path ?? `${host}:${port}`);
}
