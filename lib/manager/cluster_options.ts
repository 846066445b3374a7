/** The manager's options for a Redis Cluster: their types, their checks, and the start nodes in their forms. */
import { checkNames } from '../cache/validate';
import { hasScheme } from '../connection_url';
import { badOption, HawserError } from '../errors';
import { isOptions, ownOptions } from '../names';
import type { ClusterOptions } from '../options/cluster_options';
import type { ClientOptions } from '../options/options';
import { keyPrefixRefused, parseEndpoint, type ServerEndpoint } from './endpoint';

/** The address of a node. User and password hold for all nodes. */
export interface ManagerClusterNode {
  host: string;
  /** Default 6379. */
  port?: number;
  username?: string;
  password?: string;
}

/** Options of a cluster, as of `new Cluster`. */
export interface ManagerClusterOptions extends Omit<ClusterOptions, 'keyPrefix' | 'redisOptions'> {
  /** `REDIS_CLUSTER_NODES`: the start nodes, as `host:port`, URL or address. User, password and TLS of a URL hold for all nodes. */
  nodes?: readonly (string | ManagerClusterNode)[];
  /** Options of the nodes' connections. They go before those in `ManagerOptions.redis`. */
  redisOptions?: ClientOptions & { [Name in 'host' | 'port' | 'path' | 'db' | 'keyPrefix' | 'connectionName' | 'sentinels']?: never };
}

const FUNCTIONS = ['clusterRetryStrategy', 'clusterNodeRetryStrategy', 'dnsLookup', 'resolveSrv'] as const;
const FLAGS = [
  'enableOfflineQueue', 'enableReadyCheck', 'lazyConnect', 'shardedSubscribers', 'useSRVRecords', 'enableAutoPipelining', 'showFriendlyErrorStack',
] as const;
const NUMBERS = [
  'maxRedirections', 'retryDelayOnMoved', 'retryDelayOnFailover', 'retryDelayOnClusterDown', 'retryDelayOnTryAgain', 'slotsRefreshTimeout',
  'slotsRefreshInterval',
] as const;
const LISTS = ['autoPipeliningIgnoredCommands', 'himportFieldsets'] as const;
const NAMES: ReadonlySet<string> = new Set(['nodes', 'redisOptions', ...FUNCTIONS, ...FLAGS, ...NUMBERS, ...LISTS, 'scaleReads', 'natMap', 'scripts']);
const NODE_NAMES: ReadonlySet<string> = new Set(['host', 'port', 'username', 'password']);

/** Errors name the full path: `manager.cluster.nodes[0].port must be ...`. */
export function checkCluster(cluster: boolean | ManagerClusterOptions): void {
  if (typeof cluster === 'boolean') return;
  if (typeof cluster !== 'object' || (cluster as object | null) === null) badOption('manager.cluster', 'true, false or an object', cluster);
  if ('keyPrefix' in ownOptions(cluster)) throw keyPrefixRefused('manager.cluster.keyPrefix');
  const own = checkNames('manager.cluster', cluster, NAMES);
  const is = (names: readonly string[], type: string, allowed: string): void => {
    for (const name of names) if (own[name] !== undefined && own[name] !== null && typeof own[name] !== type) badOption(`manager.cluster.${name}`, allowed, own[name]);
  };
  is(FUNCTIONS, 'function', 'a function');
  is(FLAGS, 'boolean', 'true or false');
  is(NUMBERS, 'number', 'a number');
  for (const name of NUMBERS) {
    const value = own[name] as number | undefined;
    if (value !== undefined && !(value >= 0)) badOption(`manager.cluster.${name}`, 'a number from 0', value, RangeError);
  }
  for (const name of LISTS) if (own[name] !== undefined && own[name] !== null && !Array.isArray(own[name])) badOption(`manager.cluster.${name}`, 'an array', own[name]);
  const { scaleReads, nodes, natMap, scripts } = own;
  if (natMap !== undefined && natMap !== null && typeof natMap !== 'function' && !isOptions(natMap)) badOption('manager.cluster.natMap', 'an object or a function', natMap);
  if (scripts !== undefined && scripts !== null && !isOptions(scripts)) badOption('manager.cluster.scripts', 'an object', scripts);
  if (scaleReads !== undefined && typeof scaleReads !== 'function' && !['master', 'slave', 'all'].includes(scaleReads as string)) {
    badOption('manager.cluster.scaleReads', "'master', 'slave', 'all' or a function", scaleReads);
  }
  if (nodes !== undefined) checkNodes(nodes);
}

function checkNodes(nodes: unknown): void {
  if (!Array.isArray(nodes) || nodes.length === 0) badOption('manager.cluster.nodes', 'an array of at least one node', nodes);
  for (const [i, node] of nodes.entries()) {
    if (typeof node === 'string') continue;
    const path = `manager.cluster.nodes[${i}]`;
    const { host, port, username, password } = checkNames(path, node, NODE_NAMES);
    if (typeof host !== 'string' || host === '') badOption(`${path}.host`, 'the name or the address of a host', host);
    if (port !== undefined && !(Number.isInteger(port) && (port as number) > 0 && (port as number) < 65_536)) badOption(`${path}.port`, 'a port', port, RangeError);
    for (const [name, value] of Object.entries({ username, password })) if (value !== undefined && typeof value !== 'string') badOption(`${path}.${name}`, 'a string', value);
  }
}

/** A cluster, from its start nodes. Errors: HawserError `E_BAD_OPTION` whose message begins with `source`. */
export function clusterEndpoint(nodes: readonly (string | ManagerClusterNode)[], source: string): ServerEndpoint {
  const parts = nodes.map((node) => (typeof node === 'string' ? textNode(node, source) : addressNode(node)));
  const [first] = parts;
  const user = parts.find(({ username, password }) => username !== undefined || password !== undefined) ?? first;
  for (const { username, password } of parts) {
    const isOther = (username !== undefined || password !== undefined) && (username !== user.username || password !== user.password);
    if (isOther) throw refused(source, 'the nodes of a cluster have one user and one password, and here two nodes name different ones');
  }
  return {
    ...first,
    host: undefined,
    port: undefined,
    cluster: parts.map(({ host, port }) => ({ host: host as string, port: port as number })),
    tls: parts.some(({ tls }) => tls),
    username: user.username,
    password: user.password,
    query: Object.assign({}, ...parts.map(({ query }) => query)) as ServerEndpoint['query'],
  };
}

function textNode(text: string, source: string): ServerEndpoint {
  const node = text.trim();
  if (!hasScheme(node) && !/:\d+$/.test(node)) throw refused(source, 'a node of a cluster is host:port or a URL');
  const endpoint = parseEndpoint(hasScheme(node) ? node : `redis://${node}`, source);
  if (endpoint.memory || endpoint.host === undefined) throw refused(source, 'a node of a cluster is host:port, or a redis:// or rediss:// URL');
  if (endpoint.db !== 0) throw refused(source, 'a cluster has database 0 only, and the connection URL names another one');
  return endpoint;
}

function addressNode({ host, port = 6379, username, password }: ManagerClusterNode): ServerEndpoint {
  return { memory: false, host, port, path: undefined, sentinel: undefined, cluster: undefined, tls: false, username, password, db: 0, query: {} };
}

const refused = (source: string, reason: string): HawserError => new HawserError('E_BAD_OPTION', `${source}: ${reason}`);
