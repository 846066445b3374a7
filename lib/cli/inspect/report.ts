/** The report of `hawser inspect`: sections, tables and charts of its data. */
import type { Bar, Cell, Report, Section } from '../output/report';
import { count, millis, percent, size, time } from '../server/units';
import { isOrdinary } from './danger';
import type { CommandJson, ConnectionGroup, InspectJson, NodeJson, PatternJson } from './data';

const ROWS = 40;
const BARS = 20;

export function inspectReport(data: InspectJson): Report {
  return {
    title: `Redis at ${data.server}, database ${data.db} (${data.topology}, ${data.nodes.length} ${data.nodes.length === 1 ? 'server' : 'servers'})`,
    sections: [
      summary(data),
      ...refusals(data),
      nodes(data.nodes),
      ...connections(data),
      ...keys(data),
      repositories(data),
      dangers(data.commands),
      slow(data),
      ...bars('Time spent by command', data.commands.slice(0, BARS).map((one) => bar(one.command, one.totalSeconds, `${time(one.totalSeconds)} in ${count(one.calls)} calls`))),
    ],
  };
}

/** A chart, unless it would be empty. */
const bars = (title: string, list: readonly Bar[]): Section[] => (list.length === 0 ? [] : [{ kind: 'bars', title, bars: list }]);

const bar = (label: string, value: number, shown: string): Bar => ({ label, value, shown });

/** The first rows, and one that says how many more there are. */
function firstRows(rows: (readonly Cell[])[], what: string): (readonly Cell[])[] {
  return rows.length <= ROWS ? rows : [...rows.slice(0, ROWS), [{ text: `… ${rows.length - ROWS} more ${what} (--json has them)`, tone: 'dim' }]];
}

function summary({ load, hitRate, latency, memory, connections, keys, takenAt, notes }: InspectJson): Section {
  const { ping } = latency;
  return {
    kind: 'text',
    lines: [
      `Taken at ${takenAt}: ${count(load.commandsSent)} commands in ${time(load.durationMs / 1000)} (bounds: ${count(load.commandsPerSecond)} a second, ${load.seconds} s)`,
      `Connections: ${count(connections.total)}, without this command's own`,
      `Keys: ${count(keys.total)}; the sample has ${count(keys.sampled)}${keys.isComplete ? ' (all of them)' : ''}`,
      `Hit rate of the servers: ${percent(hitRate.percent)} (${count(hitRate.hits)} hits, ${count(hitRate.misses)} misses)`,
      `Memory: ${size(memory.usedBytes)} used, ${memory.maxBytes === 0 ? 'no limit' : `limit ${size(memory.maxBytes)}`}, peak ${size(memory.peakBytes)}`,
      `Latency: PING ${ping === null ? '-' : `${millis(ping.p50Ms)} (median), ${millis(ping.maxMs)} (longest of ${ping.count})`}; inside the servers ${latency.usecPerCall === null ? '-' : `${latency.usecPerCall.toFixed(1)} µs`} per command`,
      ...notes,
    ],
  };
}

function refusals({ refused, unasked }: InspectJson): Section[] {
  const sections: Section[] = [];
  if (refused.length > 0) {
    const rows = refused.map(({ node, command, reason, times }) => [node, { text: command, tone: 'warn' as const }, times === 1 ? reason : `${reason} (${times} times)`]);
    sections.push({ kind: 'table', title: 'Refused: what the server or its ACL did not allow is missing below', head: ['server', 'command', 'reason'], rows });
  }
  if (unasked.length > 0) {
    const lines = unasked.map(({ command, times }) => `${command}: ${count(times)} times`);
    sections.push({ kind: 'text', title: 'Not asked: the time was over (more of it: --seconds, --budget)', lines });
  }
  return sections;
}

function nodes(list: readonly NodeJson[]): Section {
  return {
    kind: 'table',
    title: 'Servers',
    head: ['server', 'version', 'role', 'up', 'memory', 'limit', 'eviction policy', 'evicted', 'ops/s', 'persistence', 'replicas', 'refused connections'],
    rows: list.map((one) => [
      one.node,
      one.version ?? '-',
      one.role ?? '-',
      time(one.uptimeSeconds),
      size(one.usedMemoryBytes),
      one.maxMemoryBytes === 0 ? 'none' : size(one.maxMemoryBytes),
      one.maxmemoryPolicy ?? '-',
      count(one.evictedKeys),
      count(one.opsPerSecond),
      persistence(one),
      replication(one),
      count(one.rejectedConnections),
    ]),
  };
}

function persistence({ persistence: state, config }: NodeJson): Cell {
  if (state === null) return '-';
  const save = config.save === undefined ? 'snapshots as configured' : config.save === '' ? 'no snapshots' : `snapshots (${config.save})`;
  const text = `${state.aof ? `AOF${config.appendfsync === undefined ? '' : ` ${config.appendfsync}`}, ` : ''}${save}`;
  return state.lastSaveStatus === null || state.lastSaveStatus === 'ok' ? text : { text: `${text}; the last one failed`, tone: 'bad' };
}

function replication({ replication: state }: NodeJson): Cell {
  if (state === null) return '-';
  if (state.masterLink === 'down') return { text: 'link to the master is down', tone: 'bad' };
  return state.lagSeconds === null ? count(state.replicas) : `${state.replicas} (lag ${state.lagSeconds} s)`;
}

function connections({ connections: { groups, byName, byLibrary, byAddress } }: InspectJson): Section[] {
  const rows = groups.map((group) => [group.name || '(no name)', group.library || '(not known)', group.address, count(group.count), uses(group), time(group.oldestSeconds), time(group.longestIdleSeconds), group.databases.join(' '), group.users.join(' ')]);
  const chart = (title: string, counts: typeof byName): Section[] => bars(title, counts.slice(0, BARS).map((one) => bar(one.of || '(none)', one.count, count(one.count))));
  return [
    { kind: 'table', title: 'Connections', head: ['name', 'library', 'address', 'count', 'uses', 'oldest', 'longest idle', 'databases', 'users'], rows: firstRows(rows, 'groups'), empty: 'none, or the server does not tell' },
    ...(groups.length > 1 ? [...chart('Connections by name', byName), ...chart('Connections by library', byLibrary), ...chart('Connections by address', byAddress)] : []),
  ];
}

function uses({ subscribers, blocked }: ConnectionGroup): string {
  return [...(subscribers > 0 ? [`${subscribers} subscribed`] : []), ...(blocked > 0 ? [`${blocked} blocked`] : [])].join(', ') || '-';
}

function keys({ keys: { patterns, isComplete, otherDatabases } }: InspectJson): Section[] {
  const title = `Key patterns (${isComplete ? 'exact counts' : 'counts extrapolated from the sample'}; memory from up to 10 keys of each)`;
  const rows = patterns.map((one) => [
    one.pattern,
    `${isComplete ? '' : '~'}${count(one.count)}`,
    one.memoryBytes === null ? '-' : `~${size(one.memoryBytes)}`,
    size(one.averageBytes),
    size(one.largestBytes),
    Object.keys(one.types).join(' ') || '-',
    timeToLive(one),
  ]);
  const heaviest = [...patterns].filter(({ memoryBytes }) => memoryBytes !== null).sort((a, b) => (b.memoryBytes ?? 0) - (a.memoryBytes ?? 0));
  return [
    { kind: 'table', title, head: ['pattern', 'keys', 'memory', 'average', 'largest seen', 'type', 'time to live'], rows: firstRows(rows, 'patterns'), empty: 'no keys' },
    ...bars('Memory by key pattern', heaviest.slice(0, BARS).map((one) => bar(one.pattern, one.memoryBytes ?? 0, `~${size(one.memoryBytes)}`))),
    ...(otherDatabases.length > 0 ? [{ kind: 'text' as const, title: 'Other databases, not looked into', lines: otherDatabases.map(({ db, keys }) => `database ${db}: ${count(keys)} keys`) }] : []),
  ];
}

function timeToLive({ ttl }: PatternJson): Cell {
  if (ttl.with === 0) return ttl.without === 0 ? '-' : { text: 'none: these keys stay for ever', tone: 'warn' };
  const range = ttl.shortestSeconds === ttl.longestSeconds ? time(ttl.medianSeconds) : `${time(ttl.shortestSeconds)} to ${time(ttl.longestSeconds)}, median ${time(ttl.medianSeconds)}`;
  return ttl.without === 0 ? range : { text: `${range}; ${ttl.without} of ${ttl.with + ttl.without} have none`, tone: 'warn' };
}

function repositories({ hawser, keys: { isComplete } }: InspectJson): Section {
  return {
    kind: 'table',
    title: `hawser's repositories${isComplete ? '' : ' (as far as the sample shows them)'}`,
    head: ['prefix', 'entries', 'tags', 'memory', 'tags with the most entries (estimates)'],
    rows: hawser.map((one) => [
      one.prefix,
      `${isComplete ? '' : '~'}${count(one.entries)}`,
      count(one.tags),
      one.memoryBytes === null ? '-' : `~${size(one.memoryBytes)}`,
      one.topTags.map(({ tag, entries }) => `${tag} (${entries ?? '?'})`).join(', ') || '-',
    ]),
    empty: 'none',
  };
}

function dangers(commands: readonly CommandJson[]): Section {
  const found = commands.filter(({ danger, calls }) => danger !== null && calls > 0);
  return {
    kind: 'table',
    title: 'Dangerous commands since the server started (or CONFIG RESETSTAT)',
    head: ['command', 'calls', 'µs per call', 'in all', 'why'],
    rows: firstRows(found.map((one) => [{ text: one.command, tone: isOrdinary(one.command) ? 'warn' : 'bad' }, count(one.calls), one.usecPerCall.toFixed(1), time(one.totalSeconds), one.danger ?? '']), 'commands'),
    empty: 'none',
  };
}

function slow({ slow: { entries, thresholdUsec } }: InspectJson): Section {
  return {
    kind: 'table',
    title: `Slowest commands in SLOWLOG${thresholdUsec === null ? '' : thresholdUsec < 0 ? ' (it is switched off)' : ` (those above ${millis(thresholdUsec / 1000)})`}`,
    head: ['at', 'server', 'took', 'command', 'client'],
    rows: entries.map((one) => [one.at, one.node, millis(one.usec / 1000), one.danger === null ? one.command : { text: one.command, tone: 'bad' }, one.client]),
    empty: 'none',
  };
}
