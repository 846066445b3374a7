/** Checks of a server: version, role, latency, clock, memory and policies. */
import { messageOf } from '../exit_codes';
import { infoOf, numberOf, type Info } from '../inspect/server_state';
import { policyWarnings } from '../../manager/server_info';
import { within, type Node } from '../server/connect';
import { shown } from '../server/shown';
import type { ServerTarget } from '../server/target';
import { millis, size } from '../server/units';
import { check, type Check } from './checks';

const PATIENCE_MS = 5_000;
const PINGS = 20;
const CLOCK_SECONDS = 5;

const now = performance.now.bind(performance);

/** What the application is set to. */
export interface Expected {
  readonly commandTimeoutMs: number;
  readonly bullMQ: boolean;
  /** Of a cluster its replicas are checked, too. */
  readonly isCluster: boolean;
}

export async function serverChecks(node: Node, target: ServerTarget, expected: Expected): Promise<Check[]> {
  const checks: Check[] = [];
  let info: Info | undefined;
  try {
    info = infoOf(String(await within(node.redis.call('INFO'), PATIENCE_MS)));
  } catch (error) {
    checks.push(check('INFO', 'warning', `refused (${shown(messageOf(error))}): a failover goes unnoticed unless afterFailover is 'trust', and version, role and policies are not checked`, node.name));
  }
  if (info !== undefined) checks.push(versionCheck(node, info), roleCheck(node, info, expected), ...memoryChecks(node, info, expected), persistenceCheck(node, info));
  checks.push(await latencyCheck(node, expected), await clockCheck(node), await protocolCheck(node), transportCheck(node, target));
  return checks;
}

function versionCheck({ name }: Node, info: Info): Check {
  const valkey = info.valkey_version;
  const version = valkey ?? info.redis_version ?? '';
  const text = shown(`${info.server_name ?? (valkey === undefined ? 'redis' : 'valkey')} ${version}`);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = valkey === undefined ? major < 6 || (major === 6 && minor < 2) : major < 7 || (major === 7 && minor < 2);
  return isOld ? check('version', 'problem', `${text} is too old: hawser needs Redis 6.2 or Valkey 7.2`, name) : check('version', 'ok', text, name);
}

function roleCheck({ name }: Node, info: Info, { isCluster }: Expected): Check {
  if (info.role === 'slave' && isCluster) {
    const of = shown(`${info.master_host}:${info.master_port}`);
    if (info.master_link_status === 'up') return check('role', 'ok', `replica of ${of}`, name);
    return check('role', 'problem', `replica of ${of}, to which it has no connection: what was written since is lost if it has to take over`, name);
  }
  if (info.role !== 'master') return check('role', 'problem', `${shown(info.role ?? 'unknown')}: cache and bus write, so they need a master. Name the master, the Sentinels or the cluster`, name);
  return check('role', 'ok', `master with ${info.connected_slaves ?? '0'} replicas`, name);
}

function memoryChecks({ name }: Node, info: Info, { bullMQ }: Expected): Check[] {
  const maxMemoryBytes = numberOf(info, 'maxmemory') ?? 0;
  const maxMemoryPolicy = shown(info.maxmemory_policy ?? 'unknown');
  const usedMemoryBytes = numberOf(info, 'used_memory') ?? 0;
  const state = { name: '', version: '', role: 'master' as const, usedMemoryBytes, maxMemoryBytes, maxMemoryPolicy };
  const warnings = policyWarnings(name, state, { cache: true, bullMQ }).map(({ text, isUrgent }) => check('policy', isUrgent ? 'warning' : 'info', text, name));
  const used = `${size(usedMemoryBytes)} of ${maxMemoryBytes === 0 ? 'no limit' : size(maxMemoryBytes)}, ${maxMemoryPolicy}`;
  return warnings.length > 0 ? warnings : [check('policy', 'ok', used, name)];
}

function persistenceCheck({ name }: Node, info: Info): Check {
  if (info.rdb_last_bgsave_status === 'err') return check('persistence', 'warning', 'the last snapshot failed; with stop-writes-on-bgsave-error the server refuses every write', name);
  if (info.aof_enabled === '1' && info.aof_last_write_status === 'err') return check('persistence', 'warning', 'the last write of the AOF failed', name);
  return check('persistence', 'ok', info.aof_enabled === '1' ? 'AOF is on' : 'AOF is off', name);
}

/** The round trips of a read against its budget. */
async function latencyCheck(node: Node, { commandTimeoutMs }: Expected): Promise<Check> {
  const times: number[] = [];
  for (let i = 0; i < PINGS; i++) {
    const began = now();
    try {
      await within(node.redis.call('PING'), PATIENCE_MS);
    } catch (error) {
      if (!messageOf(error).startsWith('NOPERM')) return check('latency', 'problem', `PING: ${shown(messageOf(error))}`, node.name);
    }
    times.push(now() - began);
  }
  times.sort((a, b) => a - b);
  const [median = 0, longest = 0] = [times[Math.floor(times.length / 2)], times[times.length - 1]];
  const text = `PING ${millis(median)} (median), ${millis(longest)} (longest of ${times.length}); commandTimeoutMs is ${commandTimeoutMs}`;
  if (median >= commandTimeoutMs) return check('latency', 'problem', `${text}: reads give up before the server answers, and nothing is cached. Raise commandTimeoutMs`, node.name);
  if (median * 4 >= commandTimeoutMs) return check('latency', 'warning', `${text}: a miss takes three round trips, so reads will give up now and then. Raise commandTimeoutMs`, node.name);
  if (longest >= commandTimeoutMs) return check('latency', 'warning', `${text}: some reads will give up. Look for slow commands (hawser inspect), or raise commandTimeoutMs`, node.name);
  return check('latency', 'ok', text, node.name);
}

async function clockCheck(node: Node): Promise<Check> {
  const before = Date.now();
  try {
    const [seconds, micros] = (await within(node.redis.call('TIME'), PATIENCE_MS)) as [string, string];
    const difference = (Number(seconds) * 1_000 + Number(micros) / 1_000 - (before + Date.now()) / 2) / 1_000;
    const text = `${Math.abs(difference).toFixed(1)} s ${difference < 0 ? 'behind' : 'ahead of'} this machine's`;
    if (Math.abs(difference) < CLOCK_SECONDS) return check('clock', 'ok', text, node.name);
    return check('clock', 'warning', `${text}: the cache does not compare them, but certificates and logs do. Synchronise the clocks`, node.name);
  } catch (error) {
    return check('clock', 'info', `TIME: ${shown(messageOf(error))}`, node.name);
  }
}

async function protocolCheck(node: Node): Promise<Check> {
  try {
    await within(node.redis.call('HELLO'), PATIENCE_MS);
    return check('protocol', 'ok', 'RESP3, which the near cache needs', node.name);
  } catch (error) {
    return check('protocol', 'info', `no RESP3 (${shown(messageOf(error))}): no near cache`, node.name);
  }
}

const LOOPBACK = /^(127\.|::1$|localhost$)/;

function transportCheck(node: Node, { endpoint }: ServerTarget): Check {
  if (endpoint.tls) return check('transport', 'ok', 'TLS', node.name);
  const host = (node.redis.options as { host?: string; path?: string | null }).path == null ? (endpoint.host ?? node.name) : 'localhost';
  if (endpoint.password !== undefined && !LOOPBACK.test(host)) return check('transport', 'warning', 'the password goes over the network in plain text: use rediss://', node.name);
  return check('transport', 'ok', 'plain text', node.name);
}
