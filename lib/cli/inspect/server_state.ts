/** What servers say of themselves: INFO, CONFIG, SLOWLOG. Parsers are pure. */
import { parseInfo } from '../../client/ready_check';
import { maskedArguments } from '../../observe/secrets';
import { shown } from '../server/shown';
import { dangerOf } from './danger';
import type { CommandJson, NodeJson, SlowEntry } from './data';

export type Info = Readonly<Record<string, string | undefined>>;

export const infoOf = (text: string): Info => parseInfo(text);

/** A field as a number; null if it is absent. */
export function numberOf(info: Info | undefined, name: string): number | null {
  const value = Number(info?.[name] ?? NaN);
  return Number.isFinite(value) ? value : null;
}

const textOf = (info: Info | undefined, name: string): string | null => (info?.[name] === undefined ? null : shown(info[name]));

export function nodeJson(node: string, info: Info | undefined, db: number, config: Readonly<Record<string, string>>): NodeJson {
  const version = info?.valkey_version === undefined ? info?.redis_version : info.valkey_version;
  const name = info?.server_name ?? (info?.valkey_version === undefined ? 'redis' : 'valkey');
  return {
    node,
    version: version === undefined ? null : shown(`${name} ${version}`),
    role: textOf(info, 'role'),
    uptimeSeconds: numberOf(info, 'uptime_in_seconds'),
    maxmemoryPolicy: textOf(info, 'maxmemory_policy'),
    usedMemoryBytes: numberOf(info, 'used_memory'),
    maxMemoryBytes: numberOf(info, 'maxmemory'),
    evictedKeys: numberOf(info, 'evicted_keys'),
    expiredKeys: numberOf(info, 'expired_keys'),
    rejectedConnections: numberOf(info, 'rejected_connections'),
    opsPerSecond: numberOf(info, 'instantaneous_ops_per_sec'),
    keys: info === undefined ? null : (databasesOf(info).get(db) ?? 0),
    persistence: persistenceOf(info),
    replication: replicationOf(info),
    config,
  };
}

function persistenceOf(info: Info | undefined): NodeJson['persistence'] {
  if (info?.aof_enabled === undefined) return null;
  const saved = numberOf(info, 'rdb_last_save_time');
  return {
    aof: info.aof_enabled === '1',
    lastSaveStatus: textOf(info, 'rdb_last_bgsave_status'),
    secondsSinceSave: saved === null ? null : Math.max(0, Math.round(Date.now() / 1000 - saved)),
    changesSinceSave: numberOf(info, 'rdb_changes_since_last_save'),
  };
}

function replicationOf(info: Info | undefined): NodeJson['replication'] {
  if (info?.role === undefined) return null;
  const lags = Object.entries(info).flatMap(([name, value]) => (/^slave\d+$/.test(name) ? Number(/\blag=(\d+)/.exec(value ?? '')?.[1] ?? NaN) : []));
  const known = lags.filter((lag) => Number.isFinite(lag));
  return { replicas: numberOf(info, 'connected_slaves') ?? 0, lagSeconds: known.length === 0 ? null : Math.max(...known), masterLink: textOf(info, 'master_link_status') };
}

/** Keys by database. */
export function databasesOf(info: Info): Map<number, number> {
  const found = new Map<number, number>();
  for (const [name, value = ''] of Object.entries(info)) {
    const [, db] = /^db(\d+)$/.exec(name) ?? [];
    const [, keys] = /^keys=(\d+)/.exec(value) ?? [];
    if (db !== undefined && keys !== undefined) found.set(Number(db), Number(keys));
  }
  return found;
}

/** All servers' commandstats and latencystats together; the most expensive command first. */
export function commandsJson(infos: readonly Info[]): CommandJson[] {
  const sums = new Map<string, { calls: number; usec: number; failed: number; p99: number | null }>();
  for (const info of infos) {
    for (const [name, value = ''] of Object.entries(info)) {
      const [, command] = /^cmdstat_(.+)$/.exec(name) ?? [];
      if (command === undefined) continue;
      const field = (key: string): number => Number(new RegExp(`(?:^|,)${key}=([\\d.]+)`).exec(value)?.[1] ?? 0);
      const sum = sums.get(command) ?? { calls: 0, usec: 0, failed: 0, p99: null };
      const p99 = /p99=([\d.]+)/.exec(info[`latency_percentiles_usec_${command}`] ?? '')?.[1];
      sums.set(command, {
        calls: sum.calls + field('calls'),
        usec: sum.usec + field('usec'),
        failed: sum.failed + field('rejected_calls') + field('failed_calls'),
        p99: p99 === undefined ? sum.p99 : Math.max(sum.p99 ?? 0, Number(p99)),
      });
    }
  }
  return [...sums]
    .map(([command, { calls, usec, failed, p99 }]) => ({
      command: shown(command),
      calls,
      usecPerCall: calls === 0 ? 0 : usec / calls,
      totalSeconds: usec / 1e6,
      failed,
      p99Usec: p99,
      danger: dangerOf(command),
    }))
    .sort((a, b) => b.totalSeconds - a.totalSeconds || (a.command < b.command ? -1 : 1));
}

/** One entry of SLOWLOG GET: id, time, microseconds, arguments, client's address and name. */
export type SlowReply = readonly [id: number, at: number, usec: number, args: readonly string[], address?: string, name?: string];

const ARGUMENT_CHARS = 40;
const MOST_ARGUMENTS = 8;

export function slowEntry(node: string, [, at, usec, args, address = '', name = '']: SlowReply): SlowEntry {
  const [command = '', ...rest] = args;
  const lower = command.toLowerCase();
  return {
    node,
    at: new Date(at * 1000).toISOString(),
    usec,
    command: shortened(command, maskedArguments(command, rest) as readonly string[]),
    client: shown([name, address].filter((part) => part !== '').join(' ')),
    danger: dangerOf(`${lower}|${(rest[0] ?? '').toLowerCase()}`) ?? dangerOf(lower),
  };
}

function shortened(command: string, args: readonly string[]): string {
  const kept = args.slice(0, MOST_ARGUMENTS).map((arg) => shown(arg, ARGUMENT_CHARS));
  const more = args.length > MOST_ARGUMENTS ? [`… (${args.length - MOST_ARGUMENTS} more)`] : [];
  return [shown(command, ARGUMENT_CHARS), ...kept, ...more].join(' ');
}
