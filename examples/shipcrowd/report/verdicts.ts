/** Judges a result by the targets of targets.ts. */
import { sum } from './figures';
import type { ReportJson } from './result';
import { atLeast, atMost, CONNECTIONS_AFTER, HIT_RATES, MEMORY_MB, partOf, TIMES, type Verdict } from './targets';

export type Measured = Omit<ReportJson, 'verdicts'>;

export function verdictsOf(result: Measured): Verdict[] {
  return [...comparison(result), ...loads(result), ...lasting(result), ...rollout(result), ...faults(result), ...cluster(result), ...failures(result)];
}

function comparison({ before, after, space }: Measured): Verdict[] {
  if (after === undefined) return [];
  const verdicts: Verdict[] = [
    atMost('connections of an instance, without those of BullMQ and of browsers', CONNECTIONS_AFTER, after.connections.own, '', before?.connections.own ?? null),
    ...Object.entries(HIT_RATES).map(([tier, { label, least }]) => atLeast(`hit rate: ${label}`, least, after.hitRates[tier] ?? null, '%', before?.hitRates[tier] ?? null)),
  ];
  for (const { kind, label, part } of TIMES) {
    const [old, now] = [before?.traffic.times[kind], after.traffic.times[kind]];
    for (const rank of ['p50', 'p99'] as const) verdicts.push(partOf(`${label}: ${rank}`, part, old?.[rank] ?? null, now?.[rank] ?? null, 'ms'));
  }
  verdicts.push(partOf('queries to the database', 1, before?.usage.queries ?? null, after.usage.queries, ''));
  verdicts.push(partOf('commands to Redis', 1, before?.usage.commands ?? null, after.usage.commands, ''));
  verdicts.push(partOf('CPU of Redis', 1, before?.usage.redisCpu ?? null, after.usage.redisCpu, 's'));
  verdicts.push(partOf('CPU of Node', 1, before?.usage.nodeCpu ?? null, after.usage.nodeCpu, 's'));
  if (space !== undefined) verdicts.push(atMost(`memory of Redis for ${space.keys.toLocaleString('en')} keys`, MEMORY_MB, space.afterMb, 'MB', space.beforeMb));
  return verdicts;
}

function loads({ before, after }: Measured): Verdict[] {
  if (after === undefined) return [];
  const { creations, checks, dashboards, revocations } = after;
  return [
    atMost(`${creations.requests} orders at once: failed`, 0, creations.failed, '', before?.creations.failed ?? null),
    atMost(`${creations.requests} orders at once: lists that lack one`, 0, creations.wrongLists, '', before?.creations.wrongLists ?? null),
    partOf(`${creations.requests} orders at once: p99`, 1, before?.creations.times.p99 ?? null, creations.times.p99, 'ms'),
    atLeast(`${checks.requests.toLocaleString('en')} permission checks: hit rate`, 90, checks.hitRate, '%', before?.checks.hitRate ?? null),
    atMost(`${checks.requests.toLocaleString('en')} permission checks: failed`, 0, checks.failed, '', before?.checks.failed ?? null),
    partOf('dashboard, all users at once: p99', 4, before?.dashboards.times.p99 ?? null, dashboards.times.p99, 'ms'),
    atMost('a revoked permission: requests permitted after the answer', 0, revocations.permittedLate, '', before?.revocations.permittedLate ?? null),
    atMost('a revoked permission: until the last instance refuses', 1_000, revocations.max, 'ms', before?.revocations.max ?? null),
  ];
}

function lasting({ restart, jobs, readBack }: Measured): Verdict[] {
  const verdicts: Verdict[] = [];
  for (const [name, one] of [['a restart of Redis', jobs.restart], ['a failover', jobs.failover]] as const) {
    if (one === undefined) continue;
    verdicts.push(
      atMost(`queues through ${name}: jobs lost`, 0, one.lost + one.undone, ''),
      atMost(`queues through ${name}: effects made twice`, 0, one.twice + one.doneTwice, ''),
    );
  }
  if (restart !== undefined) {
    verdicts.push(atMost('cache through a restart of Redis: wrong answers', 0, restart.wrong, ''), atMost('cache through a restart of Redis: reads that failed meanwhile', 0, restart.failedWhileDown, ''));
  }
  if (readBack !== undefined) {
    const orders = (readBack.written + readBack.accepted).toLocaleString('en');
    verdicts.push(atMost(`${orders} orders read back through another instance: lists without them`, 0, readBack.stale, ''), atMost(`${orders} orders: lost`, 0, readBack.lost, ''));
  }
  return verdicts;
}

function faults({ faults: results }: Measured): Verdict[] {
  return results.flatMap(({ name, failed, writes }) => [
    atMost(`${name}: reads that failed`, 0, failed, ''),
    atMost(`${name}: orders lost`, 0, writes.lost, ''),
    atMost(`${name}: lists older than a finished write`, 0, writes.stale, ''),
  ]);
}

function rollout({ switches }: Measured): Verdict[] {
  if (switches === undefined) return [];
  const name = `${switches.switches.length} switches of services`;
  return [
    atMost(`${name}: sign-outs and limits forgotten`, 0, sum(switches.switches.map(({ wrong }) => wrong.length)), ''),
    atMost(`${name}: reads that failed`, 0, switches.failed, ''),
    atMost(`${name}: orders and jobs lost`, 0, switches.lost + switches.jobsLost, ''),
    atMost(`${name}: effects made twice`, 0, switches.jobsTwice, ''),
  ];
}

function cluster({ cluster: run }: Measured): Verdict[] {
  if (run === undefined) return [];
  return [
    atMost('on a cluster of 6 nodes: requests that failed', 0, run.traffic.failed, ''),
    atMost('on a cluster of 6 nodes: lists older than a finished write', 0, run.readBack.stale, ''),
    atMost('on a cluster of 6 nodes: requests permitted after a revocation', 0, run.revocations.permittedLate, ''),
  ];
}

/** What could not be measured has not reached its target. */
function failures({ failures: parts }: Measured): Verdict[] {
  return parts.map(({ part }) => ({ name: `${part}: measured`, before: null, after: null, unit: '', target: 'measured', met: false }));
}
