/**
 * The start nodes: their addresses in ioredis's forms, and the names in them looked up. This happens at every `connect()`, because both the
 * list and what the names stand for may change.
 */
import type { SrvRecord } from 'node:dns';
import { isIP } from 'node:net';
import type { ClusterNode, ResolvedClusterOptions } from '../options/cluster_options';
import { isTlsUrl } from '../connection_url';
import { parseConnectionString, resolveTlsProfile, type ClientOptions } from '../options/options';

/** The name that an address was looked up for. */
export const NAME = Symbol('name');

/** Where a node is reached, and options for its connection. */
export interface NodeOptions extends Omit<ClientOptions, 'host' | 'port'> {
  [unknown: string]: unknown;
  host: string;
  port: number;
  readOnly?: boolean | undefined;
  [NAME]?: string;
}

/** `host:port`, the name under which ioredis keeps a node. */
export const keyOf = ({ host, port }: { host: string; port: number }): string => `${host}:${port}`;

/** The address in a key; an IPv6 host has colons of its own. */
export function addressOf(key: string): { host: string; port: number } {
  const at = key.lastIndexOf(':');
  if (at === -1) throw new Error(`Invalid node key ${key}`);
  return { host: key.slice(0, at), port: Number(key.slice(at + 1)) };
}

/** The start nodes with their addresses. Rejects if there are none or a name cannot be looked up. */
export async function resolveStartupNodes(given: unknown, options: ResolvedClusterOptions): Promise<NodeOptions[]> {
  if (!Array.isArray(given) || given.length === 0) throw new Error('`startupNodes` should contain at least one node.');
  const nodes = (given as ClusterNode[]).map(normalize);
  const names = [...new Set(nodes.map(({ host }) => host))].filter((host) => isIP(host) === 0);
  const find = options.useSRVRecords === true ? findByService : findAddress;
  const found = new Map(await Promise.all(names.map(async (name) => [name, await find(name, options)] as const)));
  return nodes.map((node) => {
    const address = found.get(node.host);
    return address === undefined ? node : { ...node, ...address, [NAME]: node.host };
  });
}

function normalize(node: ClusterNode): NodeOptions {
  const options: Record<string, unknown> = {};
  if (typeof node === 'object') Object.assign(options, node);
  else if (typeof node === 'string') Object.assign(options, parseConnectionString(node), isTlsUrl(node) ? { tls: true } : {});
  else if (typeof node === 'number') options.port = node;
  else throw new Error(`Invalid argument ${String(node)}`);
  if (typeof options.port === 'string') options.port = Number.parseInt(options.port, 10);
  // A cluster has database 0 only.
  delete options.db;
  options.port ||= 6379;
  options.host ||= '127.0.0.1';
  resolveTlsProfile(options);
  return options as NodeOptions;
}

type Address = Partial<Pick<NodeOptions, 'host' | 'port'>>;

function findAddress(name: string, { dnsLookup }: ResolvedClusterOptions): Promise<Address> {
  return new Promise((resolve, reject) => {
    dnsLookup(name, (error, address) => {
      if (error) reject(error);
      else resolve({ host: address });
    });
  });
}

/** The first target of a service that has an address: by priority, and by chance according to weight. */
async function findByService(name: string, options: ResolvedClusterOptions): Promise<Address> {
  const records = await new Promise<SrvRecord[]>((resolve, reject) => {
    options.resolveSrv(name, (error, found) => {
      if (error) reject(error);
      else resolve(found ?? []);
    });
  });
  let last: unknown = new Error(`No SRV record of ${name}`);
  for (const { name: target, port } of inOrder(records)) {
    try {
      return { ...(await findAddress(target, options)), port };
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

/** RFC 2782: lower priorities first; within one, a record's chance grows with its weight, and one of weight 0 has a small one. */
export function inOrder(records: readonly SrvRecord[], random: () => number = Math.random): SrvRecord[] {
  const ordered: SrvRecord[] = [];
  for (const priority of [...new Set(records.map((record) => record.priority))].sort((a, b) => a - b)) {
    const group = records.filter((record) => record.priority === priority);
    while (group.length > 0) {
      const total = group.reduce((sum, { weight }) => sum + weight + 1, 0);
      let left = Math.floor(random() * total);
      const chosen = group.findIndex(({ weight }) => (left -= weight + 1) < 0);
      ordered.push(...group.splice(Math.max(chosen, 0), 1));
    }
  }
  return ordered;
}
