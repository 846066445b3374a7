/** The calls under way: their numbers, their phases, and who in this process waits for a key. */
import { Call, type Phase } from './call';
import { CallTable } from './call_table';
import { Decision } from '../contract.generated';
import type { CoreError } from '../core_error';
import { aside, type DriverEvents } from './driver_events';
import { Waiters } from './waiters';

const now = performance.now.bind(performance);

const hasLoader = (phase: Phase): boolean => phase === 'loading' || phase === 'storing';

const nameOf = (repo: number, key: string): string => `${repo} ${key}`;

export class OpenCalls {
  readonly byId = new CallTable();
  readonly waiters = new Waiters((repo, key) => this.isAsked(repo, key));
  /** Calls whose loaders run. Loaders belong to their callers and keep the process alive only through their own work. */
  loading = 0;
  /** The keys whose loaders run for calls or have brought their values, with the number of calls. */
  private readonly loaded = new Map<string, number>();
  /** Whether `timed` is told how long calls take. */
  areTimed = false;

  constructor(private readonly events: Pick<DriverEvents, 'timed'>) {}

  open(operation: string): Call {
    const call = new Call(this.byId.next(), operation);
    if (this.areTimed) call.startedAt = now();
    this.byId.add(call);
    return call;
  }

  /** Whether a loader for this key runs here, for another call. */
  isLoadedHere({ repo, key }: Call): boolean {
    return this.loaded.has(nameOf(repo, key));
  }

  private noteLoader({ repo, key }: Call, change: number): void {
    const name = nameOf(repo, key);
    const count = (this.loaded.get(name) ?? 0) + change;
    if (count > 0) this.loaded.set(name, count);
    else this.loaded.delete(name);
  }

  /** The call is now held by another one: see `Phase`. */
  enter(call: Call, phase: Phase): void {
    const [had, has] = [hasLoader(call.phase), hasLoader(phase)];
    if (had !== has) this.noteLoader(call, has ? 1 : -1);
    if (call.phase === 'loading') this.loading--;
    if (phase === 'loading') this.loading++;
    call.phase = phase;
    const isWaiter = phase !== 'over' && phase !== 'asked' && !call.isAbandoned;
    if (isWaiter === call.isWaiter) return;
    call.isWaiter = isWaiter;
    if (isWaiter) this.waiters.add(call.repo, call.key);
    else this.waiters.remove(call.repo, call.key);
  }

  /** The decision that ends a call, except for what its own loader still brings. */
  finish(call: Call, kind: Decision, operand: unknown, detail: number): void {
    this.byId.delete(call.id);
    this.enter(call, 'over');
    if (call.startedAt !== 0) aside(() => this.events.timed?.(call.operation, now() - call.startedAt));
    call.decided(kind, operand, detail);
  }

  /** The engine could not accept a batch. A call whose loader runs goes on. */
  lose({ code, message }: CoreError): void {
    for (const call of this.byId.values()) {
      if (call.phase === 'loading') continue;
      this.byId.delete(call.id);
      this.enter(call, 'over');
      call.decided(Decision.Error, [code, message, 1], 0);
    }
  }

  /** Whether a call waits for the engine. */
  asking(): boolean {
    for (const call of this.byId.values()) if (call.phase === 'asked' || call.phase === 'storing') return true;
    return false;
  }

  private isAsked(repo: number, key: string): boolean {
    for (const call of this.byId.values()) if (call.phase === 'asked' && call.key === key && call.repo === repo) return true;
    return false;
  }
}
