/** Delivers the engine's decisions: to the calls that they are about, to the near cache, and to those who listen. */
import { Decision, Hit, type Shortfall } from '../contract.generated';
import type { Payload } from './bytes';
import type { Call } from './call';
import { aside, type DriverEvents } from './driver_events';
import type { NearCaches } from './near';
import type { OpenCalls } from './open_calls';
import type { OpenLoads } from './open_loads';
import { loadFailed } from './outcomes';
import type { ParsedValues } from './parsed';
import type { StaleCalls } from './stale_calls';
import type { StoreLinks } from './store_links';

/** The part of a driver that decisions concern. */
interface Deciding {
  readonly events: DriverEvents;
  readonly calls: OpenCalls;
  readonly staleCalls: StaleCalls;
  readonly loads: OpenLoads;
  readonly parsed: ParsedValues;
  readonly near: NearCaches;
  readonly links: StoreLinks;
  readonly decidedAt: number;
  prefixOf(repo: number): string | undefined;
  requestLanes(): boolean;
  report(call: Call | undefined, letter: string, args: readonly Payload[]): void;
}

export function decide(driver: Deciding, kind: Decision, id: number, a: unknown, b: unknown): void {
  if (kind === Decision.Event) {
    // The facade knows more about a failed refresh: the error and the key.
    if (a !== 'refreshError') aside(() => driver.events.event(id, String(a), typeof b === 'string' ? b : ''));
    return;
  }
  if (kind === Decision.Counted) {
    aside(() => driver.events.counted(id, a as Shortfall, b as number));
    return;
  }
  if (kind === Decision.Packed) {
    aside(() => driver.events.packed?.(id, a as number, b as number));
    return;
  }
  if (kind === Decision.LoadOver) {
    // The call has a load, or is a stale hit that nobody will refresh.
    driver.loads.end(a as number);
    driver.staleCalls.forget(id);
    return;
  }
  if (kind === Decision.Refresh) return refresh(driver, id, a as number);
  if (kind === Decision.Keep) return driver.parsed.keep(id, a as Payload | null);
  if (kind === Decision.NearFilled || kind === Decision.NearRefused || kind === Decision.NearDropped) return driver.near.decided(kind, id, a, b);
  if (kind === Decision.LaneUseless) return driver.links.lanes.isUseless(id);
  const call = driver.calls.byId.get(id);
  if (call === undefined) {
    if (kind === Decision.Load) loadFailed(driver, undefined, driver.loads.begin(a as number, driver.prefixOf(0) ?? '')); // The call was given up meanwhile.
    return;
  }
  switch (kind) {
    case Decision.Waiting:
      driver.calls.enter(call, 'waiting');
      if (call.waitedAt === 0) {
        call.waitedAt = driver.decidedAt === 0 ? 1 : driver.decidedAt;
        call.waitsElsewhere = !driver.calls.isLoadedHere(call);
      }
      // The end of the wait shows on a lane.
      if (driver.events.watchesLoads !== false) driver.requestLanes();
      call.onWaiting?.();
      return;
    case Decision.Load:
      driver.calls.enter(call, 'loading');
      return call.decided(kind, driver.loads.begin(a as number, driver.prefixOf(call.repo) ?? ''), b as number);
    case Decision.FailedWith:
      a = driver.loads.outcomeOf(a as number); // Look it up now, because the load may be over before its joiners wake.
      break;
    case Decision.HitParsed:
      a = driver.parsed.get(a as number);
      kind = Decision.Hit;
      if ((b as Hit) === Hit.Stale || (b as Hit) === Hit.Early) driver.staleCalls.keep(call);
      break;
    case Decision.Hit:
      if ((b as Hit) === Hit.Stale || (b as Hit) === Hit.Early) driver.staleCalls.keep(call);
      break;
  }
  driver.calls.finish(call, kind, a, typeof b === 'number' ? b : 0);
}

function refresh(driver: Deciding, id: number, loadId: number): void {
  const call = driver.staleCalls.take(id) ?? driver.calls.byId.get(id);
  const load = driver.loads.begin(loadId, driver.prefixOf(call?.repo ?? 0) ?? '');
  if (call === undefined) loadFailed(driver, undefined, load);
  else call.refresh(load);
}
