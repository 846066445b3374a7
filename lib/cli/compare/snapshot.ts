/** Snapshots that `hawser compare` reads: what `inspect --json`, `audit --json`, `RedisManager.stats()` and `CacheMetrics.snapshot()` return. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { CliError, messageOf } from '../exit_codes';

export type SnapshotKind = 'inspect' | 'audit' | 'stats' | 'metrics';

/** Which way is better. */
export type Better = 'less' | 'more' | 'neither';

export interface Measure {
  /** `connections`, `hit rate`, `latency` or `memory`. */
  readonly group: string;
  readonly name: string;
  readonly value: number;
  readonly unit: '' | '%' | 'ms' | 'bytes';
  readonly better: Better;
}

export interface Snapshot {
  readonly kinds: readonly SnapshotKind[];
  readonly measures: readonly Measure[];
}

type Json = Readonly<Record<string, unknown>>;

/** Reads a file. Errors: `CliError` that names the file and what is wrong with it. */
export function readSnapshot(name: string, cwd: string): Snapshot {
  const value = parsed(name, cwd);
  const parts = partsOf(value);
  if (parts.length === 0) {
    throw new CliError(`${name} is nothing that can be compared. Take a file of: hawser inspect --json, hawser audit --json, JSON.stringify(await RedisManager.stats()), JSON.stringify(CacheMetrics.snapshot()), or an object of several of them`);
  }
  const measures = parts.flatMap(([kind, part]) => READERS[kind](part));
  if (measures.length === 0) throw new CliError(`${name} has the shape of ${parts.map(([kind]) => kind).join(' and ')}, and no figure that can be compared`);
  return { kinds: parts.map(([kind]) => kind), measures };
}

function parsed(name: string, cwd: string): unknown {
  let text: string;
  try {
    text = readFileSync(path.resolve(cwd, name), 'utf8');
  } catch (error) {
    throw new CliError(`cannot read ${name}: ${messageOf(error)}`);
  }
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown;
  } catch (error) {
    throw new CliError(`${name} is not valid JSON: ${messageOf(error)}`);
  }
}

/** A file is one snapshot, or an object or array whose members are snapshots. */
function partsOf(value: unknown): [SnapshotKind, Json][] {
  const kind = kindOf(value);
  if (kind !== undefined) return [[kind, value as Json]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap((part): [SnapshotKind, Json][] => {
    const inner = kindOf(part);
    return inner === undefined ? [] : [[inner, part as Json]];
  });
}

function kindOf(value: unknown): SnapshotKind | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const json = value as Json;
  if (json.schema === 'hawser.inspect/1') return 'inspect';
  if (json.schema === 'hawser.audit/1') return 'audit';
  if (json.schema !== undefined) return undefined;
  if (isObject(json.main) && isObject(json.subscriber) && isObject(json.publisher)) return 'stats';
  return isObject(json.repositories) && typeof json.hits === 'number' ? 'metrics' : undefined;
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const objectOf = (value: unknown): Json => (isObject(value) ? value : {});
const listOf = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

function measure(group: string, name: string, value: unknown, unit: Measure['unit'], better: Better): Measure[] {
  return typeof value === 'number' && Number.isFinite(value) ? [{ group, name, value, unit, better }] : [];
}

const READERS: Readonly<Record<SnapshotKind, (json: Json) => Measure[]>> = { inspect: fromInspect, audit: fromAudit, stats: fromStats, metrics: fromMetrics };

function fromInspect(json: Json): Measure[] {
  const connections = objectOf(json.connections);
  const ping = objectOf(objectOf(json.latency).ping);
  const memory = objectOf(json.memory);
  const keys = objectOf(json.keys);
  return [
    ...measure('connections', 'connections of the server', connections.total, '', 'less'),
    ...measure('hit rate', 'server', objectOf(json.hitRate).percent, '%', 'more'),
    ...measure('latency', 'PING p50', ping.p50Ms, 'ms', 'less'),
    ...measure('latency', 'PING p99', ping.p99Ms, 'ms', 'less'),
    ...measure('latency', 'command on the server', typeof objectOf(json.latency).usecPerCall === 'number' ? (objectOf(json.latency).usecPerCall as number) / 1000 : undefined, 'ms', 'less'),
    ...measure('memory', 'used', memory.usedBytes, 'bytes', 'less'),
    ...measure('memory', 'peak', memory.peakBytes, 'bytes', 'less'),
    ...measure('memory', 'keys', keys.total, '', 'neither'),
  ];
}

function fromAudit(json: Json): Measure[] {
  const { connections, libraries, queues, findings } = objectOf(json.summary);
  return [
    ...measure('connections', 'opened in the code', connections, '', 'less'),
    ...Object.entries(objectOf(libraries)).flatMap(([name, count]) => measure('connections', `opened with ${name}`, count, '', 'less')),
    ...measure('connections', 'queues and workers', queues, '', 'neither'),
    ...Object.entries(objectOf(findings)).flatMap(([kind, count]) => measure('findings', kind, count, '', 'less')),
  ];
}

const ROLES = ['main', 'subscriber', 'publisher', 'cache'];

function fromStats(json: Json): Measure[] {
  const nodes = ROLES.flatMap((role) => listOf(objectOf(json[role]).nodes).map((node) => ({ role, node })));
  const memory = new Map(nodes.map(({ node }) => [node.node, objectOf(node.server).usedMemoryBytes]).filter((entry): entry is [unknown, number] => typeof entry[1] === 'number'));
  return [
    ...measure('connections', 'of the process', nodes.length + poolSize(json.pool), '', 'less'),
    ...nodes.flatMap(({ role, node }) => ['p50', 'p99'].flatMap((name) => measure('latency', `${role} ${String(node.node)} ${name}`, objectOf(node.latencyMs)[name], 'ms', 'less'))),
    ...(memory.size === 0 ? [] : measure('memory', 'used by the servers', [...memory.values()].reduce((sum, one) => sum + one, 0), 'bytes', 'less')),
  ];
}

function poolSize(pool: unknown): number {
  const { lent, idle } = objectOf(pool);
  return (typeof lent === 'number' ? lent : 0) + (typeof idle === 'number' ? idle : 0);
}

function fromMetrics(json: Json): Measure[] {
  const rates = (group: string, of: unknown): Measure[] => Object.entries(objectOf(of)).flatMap(([name, one]) => (objectOf(one).reads === 0 ? [] : measure('hit rate', `${group} ${name}`, objectOf(one).hitRate, '%', 'more')));
  return [...(json.reads === 0 ? [] : measure('hit rate', 'all repositories', json.hitRate, '%', 'more')), ...rates('repository', json.repositories), ...rates('tier', json.tiers)];
}
