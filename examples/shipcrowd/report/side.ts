/** One version of the backend from start to end: traffic, loads, and what they cost. */
import { connections, memory, operations, usage, used } from './measure';
import type { Size } from './options';
import { meet } from './people';
import { settled } from './parts/jobs';
import { creations, dashboards, permissionChecks, rateBetween, type Target } from './parts/loads';
import { revocations } from './parts/roles';
import { replay, replayAt } from './replay';
import type { Side } from './result';
import type { Session, Site } from './site';
import type { Stack } from './stack';
import { digestOf, trafficOf, type Step } from './traffic';

export interface Prepared {
  readonly target: Target;
  readonly viewer: Session;
  readonly steps: readonly Step[];
}

export async function prepare(stack: Stack, ports: readonly number[], size: Size, seed: number): Promise<Prepared> {
  const { site } = stack;
  const people = await meet(site, size.sellers);
  const target = { site, people, ports, instances: size.instances };
  return { target, viewer: await viewerOf(site), steps: trafficOf(seed, people.facts, size.rush + size.requests) };
}

async function viewerOf(site: Site): Promise<Session> {
  const listed = await site.need<{ email: string; role: string }[]>('/api/demo/users');
  const viewer = listed.find(({ role }) => role === 'viewer') ?? listed.find(({ role }) => role === 'agent');
  if (viewer === undefined) throw new Error('there is no viewer among the people of /api/demo/users');
  return site.login(viewer.email);
}

/** How busy the old code is kept: below what it can do, so that its queue does not grow for ever. */
const SHARE = 0.7;
const LONGEST_SECONDS = 90;

/** `old`: how many requests a second the old code can answer, if that is known. */
export async function measureSide({ target, viewer, steps }: Prepared, size: Size, seed: number, say: (text: string) => void, old?: number): Promise<Side> {
  const { site, people, ports, instances } = target;
  const { token } = people.admin;
  say(`${size.rush} requests as fast as they are answered`);
  const [before, tiers] = [await usage(ports, site, token), await operations(site, token)];
  const rush = await replay(site, people, steps.slice(0, size.rush), size.atOnce);
  // Jobs that one part leaves are not the next one's work.
  await settled(target);
  const perSecond = SHARE * (old ?? rush.perSecond);
  const due = steps.slice(size.rush, size.rush + Math.min(size.requests, Math.ceil(perSecond * LONGEST_SECONDS)));
  say(`${due.length} requests, ${perSecond.toFixed(0)} a second`);
  const traffic = await replayAt(perSecond, site, people, due, seed + 7);
  await settled(target);
  const cost = used(before, await usage(ports, site, token));
  const tiersAfter = await operations(site, token);
  const rates = Object.fromEntries(tiersAfter.flatMap((page) => page.tiers.map(({ name }) => [name, rateBetween(tiers, tiersAfter, name)] as const)));
  const [memoryMb, open] = [await memory(ports), await connections(ports, instances)];
  say(`${size.creations} orders at once`);
  const made = await creations(target, size.creations, seed + 1);
  await settled(target);
  say(`${size.checks} permission checks`);
  const checks = await permissionChecks(target, size.checks, 50);
  say(`${size.dashboardUsers} users of the dashboard`);
  const boards = await dashboards(target, size.dashboardUsers, size.dashboardLoads);
  say('a revoked permission');
  const revoked = await revocations(site, people.admin, viewer, instances, size.rounds);
  return { digest: digestOf(steps), connections: open, rush, traffic, usage: cost, hitRates: rates, creations: made, checks, dashboards: boards, revocations: revoked, memoryMb };
}
