/** The tables of the report. Text and page show the same ones. */
import { sum, type Times } from '../figures';
import type { ReportJson, Side } from '../result';
import { MIX, type Kind } from '../traffic';
import { judged, shown } from './numbers';

export interface Table {
  readonly title: string;
  /** What the reader must know beforehand. */
  readonly note?: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function tablesOf(report: ReportJson): Table[] {
  const { before, after } = report;
  return [
    verdictTable(report),
    ...failureTable(report),
    ...(before !== undefined || after !== undefined ? [timesTable(before, after), usageTable(before, after), connectionsTable(before, after), loadsTable(before, after)] : []),
    ...lastingTables(report),
    ...switchTable(report),
    ...faultTable(report),
  ];
}

function verdictTable({ verdicts }: ReportJson): Table {
  const missed = verdicts.filter(({ met }) => met === false).length;
  const rows = verdicts.map(({ name, before, after, unit, target, met }) => [name, shown(before, unit), shown(after, unit), target, judged(met)]);
  return { title: 'Targets', note: `${verdicts.length} targets, ${missed} missed`, head: ['what', 'before', 'after', 'target', ''], rows };
}

function failureTable({ failures }: ReportJson): Table[] {
  if (failures.length === 0) return [];
  return [{ title: 'Not measured', head: ['part', 'why'], rows: failures.map(({ part, message }) => [part, message]) }];
}

function timesTable(before: Side | undefined, after: Side | undefined): Table {
  const kinds = (Object.keys(MIX) as Kind[]).filter((kind) => before?.traffic.times[kind] !== undefined || after?.traffic.times[kind] !== undefined);
  const cells = (times: Times | undefined): string[] => [shown(times?.p50), shown(times?.p99)];
  const rows = kinds.map((kind) => {
    const [old, now] = [before?.traffic.times[kind], after?.traffic.times[kind]];
    return [kind, shown(now?.count ?? old?.count), ...cells(old), ...cells(now)];
  });
  const same = before !== undefined && after !== undefined ? (before.digest === after.digest ? 'Both sides had the same requests. ' : 'The requests of both sides differ. ') : '';
  return { title: 'Times by kind of request (ms)', note: `${same}Requests came at the same moments on both sides, seven tenths of what the old code can answer. Medians and the slowest of a hundred.`, head: ['request', 'count', 'before p50', 'p99', 'after p50', 'p99'], rows };
}

function usageTable(before: Side | undefined, after: Side | undefined): Table {
  const row = (name: string, value: (side: Side) => string): string[] => [name, before ? value(before) : '-', after ? value(after) : '-'];
  return {
    title: 'What the traffic costs',
    head: ['figure', 'before', 'after'],
    rows: [
      row('requests a second, as many as are answered', ({ rush }) => shown(rush.perSecond)),
      row('requests a second, while times are taken', ({ traffic }) => shown(traffic.perSecond)),
      row('requests that failed', ({ traffic }) => shown(traffic.failed)),
      row('queries to the database', ({ usage }) => shown(usage.queries)),
      row('commands to Redis', ({ usage }) => shown(usage.commands)),
      row('KEYS among them', ({ usage }) => shown(usage.byCommand.keys ?? 0)),
      row('CPU of Redis', ({ usage }) => shown(usage.redisCpu, 's')),
      row('CPU of Node, all instances', ({ usage }) => shown(usage.nodeCpu, 's')),
      row('memory of Redis afterwards', ({ memoryMb }) => shown(memoryMb, 'MB')),
    ],
  };
}

function connectionsTable(before: Side | undefined, after: Side | undefined): Table {
  const names = [...new Set([before, after].flatMap((side) => Object.keys(side?.connections.byName ?? {})))].sort();
  const rows = names.map((name) => [name, shown(before?.connections.byName[name] ?? 0), shown(after?.connections.byName[name] ?? 0)]);
  const own = ['the application\'s own, together', shown(before?.connections.own), shown(after?.connections.own)];
  return { title: 'Connections of an instance', note: 'After the traffic, on average of all instances. A stream is for browsers, and has no counterpart before.', head: ['connection', 'before', 'after'], rows: [own, ...rows] };
}

function loadsTable(before: Side | undefined, after: Side | undefined): Table {
  const rows = [['before', before] as const, ['after', after] as const].flatMap(([name, side]) => {
    if (side === undefined) return [];
    return [['orders at once', side.creations] as const, ['permission checks', side.checks] as const, ['dashboard, all users', side.dashboards] as const].map(([what, load]) => [
      what, name, shown(load.requests), shown(load.seconds, 's'), shown(load.times.p50, 'ms'), shown(load.times.p99, 'ms'), shown(load.failed), shown(load.usage.queries), 'hitRate' in load ? shown(load.hitRate, '%') : '-',
    ]);
  });
  return { title: 'Loads', head: ['load', 'side', 'requests', 'took', 'p50', 'p99', 'failed', 'queries', 'hit rate'], rows };
}

function lastingTables({ jobs, restart, space, readBack, cluster, before, after }: ReportJson): Table[] {
  const tables: Table[] = [];
  const revoked = [['before', before?.revocations] as const, ['after', after?.revocations] as const, ['after, on a cluster', cluster?.revocations] as const].flatMap(([name, one]) =>
    one === undefined ? [] : [[name, shown(one.rounds), shown(one.p50, 'ms'), shown(one.max, 'ms'), shown(one.permittedLate)]],
  );
  if (revoked.length > 0) tables.push({ title: 'A revoked permission, until the last instance refuses', head: ['side', 'rounds', 'p50', 'slowest', 'permitted late'], rows: revoked });
  const queues = [['Redis restarted', jobs.restart] as const, ['failover by Sentinel', jobs.failover] as const].flatMap(([name, one]) =>
    one === undefined ? [] : [[name, shown(one.orders), shown(one.acknowledged), shown(one.expected), shown(one.effects), shown(one.lost + one.undone), shown(one.twice + one.doneTwice), shown(one.repeated), shown(one.seconds, 's')]],
  );
  if (queues.length > 0) tables.push({ title: 'Queues', note: 'A queue may give out a job again that is done: its news went with the old master. The key of the job is in the database, in the statement that makes the effect, with old and new code.', head: ['while', 'orders', 'acknowledged', 'jobs expected', 'effects', 'missing', 'made twice', 'given out again', 'took'], rows: queues });
  if (restart !== undefined) {
    const { reads, cold, warm, after: again, kept, failedWhileDown, wrong } = restart;
    tables.push({ title: 'The cache through a restart of Redis', head: ['reads', 'queries: cold', 'warm', 'after the restart', 'kept', 'failed meanwhile', 'wrong'], rows: [[shown(reads), shown(cold), shown(warm), shown(again), shown(kept, '%'), shown(failedWhileDown), shown(wrong)]] });
  }
  if (space !== undefined) {
    const rows = Object.entries(space.byKind).map(([kind, keys]) => [kind, shown(keys)]);
    tables.push({ title: 'Memory', note: `${shown(space.keys)} keys in the proportions of the traffic: before ${shown(space.beforeMb, 'MB')}, after ${shown(space.afterMb, 'MB')}.`, head: ['keys of', 'count'], rows });
  }
  const lists = [['one server', readBack] as const, ['cluster of 6 nodes', cluster?.readBack] as const].flatMap(([name, one]) =>
    one === undefined ? [] : [[name, shown(one.written), shown(one.accepted), shown(one.refused), shown(one.lists), shown(one.stale), shown(one.lost)]],
  );
  if (lists.length > 0) tables.push({ title: 'Orders read back through another instance', head: ['on', '201', '202', 'refused', 'lists', 'without the order', 'orders lost'], rows: lists });
  return tables;
}

function switchTable({ switches }: ReportJson): Table[] {
  if (switches === undefined) return [];
  const { reads, failed, orders, lost, jobsLost, jobsTwice } = switches;
  const note = `An instance takes the new code of a service and gives it back, while users go on: ${shown(reads)} reads, ${shown(failed)} failed; ${shown(orders)} orders, ${shown(lost)} lost; ${shown(jobsLost)} jobs lost, ${shown(jobsTwice)} with two effects.`;
  const rows = switches.switches.map(({ service, to, seconds, wrong }) => [service, to === 'after' ? 'new code' : 'old code', shown(seconds, 's'), wrong.join('; ') || '-']);
  return [{ title: 'The rollout, service by service', note, head: ['service', 'to the', 'serves after', 'forgotten'], rows }];
}

function faultTable({ faults }: ReportJson): Table[] {
  if (faults.length === 0) return [];
  const rows = faults.map(({ name, seconds, reads, failed, p50, slowest, statuses, writes, healed }) => [
    name, shown(seconds, 's'), shown(reads), shown(failed), shown(p50, 'ms'), shown(slowest, 'ms'), shown(writes.written), shown(writes.accepted), shown(writes.refused), shown(writes.stale), shown(writes.lost), shown(healed, 's'),
    Object.entries(statuses).map(([status, count]) => `${status}: ${count}`).join(', '),
  ]);
  const all = sum(faults.map(({ reads }) => reads));
  return [{ title: 'Faults', note: `${shown(all)} reads.`, head: ['fault', 'lasted', 'reads', 'failed', 'p50', 'slowest', 'writes 201', '202', 'refused', 'old lists', 'lost', 'healed after', 'statuses'], rows }];
}
