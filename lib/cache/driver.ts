/**
 * The facade's side of the cache engine: batches the calls of a tick into one crossing, hands decisions to the calls that wait for them,
 * keeps the engine's one timer. It decides nothing about caching and runs no code of the application: loaders run in the async
 * functions of their callers, with their async context and their stack.
 */
import { clearTimeout, setTimeout, surface } from '../clock';
import { soon } from '../turns';
import { Call, type Load, type LoadOutcome, type Phase } from './call';
import { CallEncoder, FLUSH_BYTES } from './encoder';
import { offExit, onExit } from '../exit';
import { WakeTimer } from '../link/wake';
import type { NativeCache, NativeLink } from '../native';
import { CacheSlot, CallLetter, Decision, Hit, Slots } from '../contract.generated';
import { fromCore, thrownByCore } from '../core_error';
import type { CallOptions } from './options';

const now = performance.now.bind(performance);

/** What the driver needs of a client's link. */
export interface LinkPort {
  readonly native: NativeLink;
  /** `host:port`, or the path of a unix socket. */
  readonly node: string;
  /** Writes out what the core has queued. */
  pump(): void;
  /** Called by the link after every crossing. */
  afterCrossing: (() => void) | undefined;
}

/** The store inside this process. */
const MEMORY = 'memory';

/** A repository's place in the engine. */
export interface Registration {
  readonly repo: number;
}

export interface DriverEvents {
  /** An event of the engine. `repo` is 0 where it concerns all repositories. */
  event(repo: number, name: string, text: string): void;
  /** Present when commands are monitored: an operation's name and how long it took. */
  timed?: ((operation: string, ms: number) => void) | undefined;
}

/** A stale hit whose refresh has not been decided on after this long is not going to be refreshed by its caller's loader. */
const REFRESH_PATIENCE_MS = 30_000;
const MAX_U32 = 0xffff_ffff;

export class CacheDriver {
  private readonly state = new Float64Array(Slots.CacheState);
  private readonly encoder: CallEncoder;
  private readonly calls = new Map<number, Call>();
  /** Calls that were answered with a stale value, in the order of their answers: a refresh may need their loaders. */
  private readonly stale = new Map<number, { call: Call; at: number }>();
  private readonly loads = new Map<number, Load>();
  /** What the engine knows of repositories, for as long as somebody holds their registration. */
  private readonly repositories = new Map<string, WeakRef<Registration>>();
  private readonly prefixes = new Map<number, string>();
  private readonly dropped = new FinalizationRegistry<{ prefix: string; repo: number; ref: WeakRef<Registration> }>(({ prefix, repo, ref }) => {
    // It may have been registered again meanwhile.
    if (this.repositories.get(prefix) === ref) this.forget(prefix, repo);
  });
  private link: LinkPort | undefined;
  /** Whether there is a store. */
  private isAttached = false;
  /** Where the store is, or was last. */
  node = MEMORY;
  /** Calls whose loaders run: those are their callers', and hold the process if anything of theirs does. */
  private loading = 0;
  private lastCall = 0;
  private flushing = false;
  private draining = false;
  private readonly timer = new WakeTimer(() => {
    this.native.tick();
    this.after();
  });
  private idlers: (() => void)[] = [];
  private readonly onCrossing = (): void => this.after();
  /** What has been queued leaves also when the process exits in the same tick. */
  private readonly atExit = (): void => this.flush();

  constructor(
    private readonly native: NativeCache,
    private readonly events: DriverEvents,
  ) {
    this.state[CacheSlot.TickIn] = -1;
    this.encoder = new CallEncoder((out) => native.share(out, this.state, (...items) => items));
  }

  /** Puts the engine on a client's link; the former link is let go. */
  attach(link: LinkPort): void {
    if (this.link === link) return;
    this.release();
    this.link = link;
    this.isAttached = true;
    this.node = link.node;
    link.afterCrossing = this.onCrossing;
    onExit(this.atExit, true);
    this.native.attach(link.native);
    this.after();
  }

  /** Puts the engine on the store inside this process. */
  attachMemory(): void {
    this.release();
    this.isAttached = true;
    this.node = MEMORY;
    this.native.attachMemory();
    this.after();
  }

  /** Takes the engine off its store: calls under way are decided as if the server were down. */
  detach(): void {
    this.flush();
    this.release();
    this.native.detach();
    this.after();
  }

  /** Ends the driver's part in the process's life. */
  dispose(): void {
    this.detach();
    this.timer.stop();
  }

  private release(): void {
    if (this.link?.afterCrossing === this.onCrossing) this.link.afterCrossing = undefined;
    this.link = undefined;
    this.isAttached = false;
    offExit(this.atExit);
  }

  /** The number under which the engine knows a prefix. It knows it for as long as what is returned is held. */
  repository(prefix: string): Registration {
    const known = this.repositories.get(prefix)?.deref();
    if (known !== undefined) return known;
    const registration: Registration = { repo: fromCore(() => this.native.register(prefix)) };
    const { repo } = registration;
    const ref = new WeakRef(registration);
    this.repositories.set(prefix, ref);
    this.prefixes.set(repo, prefix);
    this.dropped.register(registration, { prefix, repo, ref });
    return registration;
  }

  private forget(prefix: string, repo: number): void {
    this.repositories.delete(prefix);
    this.prefixes.delete(repo);
    this.native.forget(repo);
  }

  /** How many prefixes the engine knows. For tests. */
  get repositoryCount(): number {
    return this.repositories.size;
  }

  prefixOf(repo: number): string | undefined {
    return this.prefixes.get(repo);
  }

  /** `replaces`: the caller has read what is stored and could not decode it. It counts as missing. */
  getOrSet(repo: number, key: string, o: CallOptions, replaces = false): Call {
    const call = this.open(replaces ? CallLetter.GetOrSetReplacing : CallLetter.GetOrSet);
    const args = [String(call.id), String(repo), key, o.ttl, o.keep, o.fresh, o.maxAge, o.lockTimeout];
    return this.send(call, args, o.tags);
  }

  get(repo: number, key: string): Call {
    const call = this.open(CallLetter.Get);
    return this.send(call, [String(call.id), String(repo), key, '', '']);
  }

  has(repo: number, key: string): Call {
    const call = this.open(CallLetter.Has);
    return this.send(call, [String(call.id), String(repo), key]);
  }

  set(repo: number, key: string, payload: string, o: CallOptions): Call {
    const call = this.open(CallLetter.Set);
    return this.send(call, [String(call.id), String(repo), key, o.ttl, o.keep, o.fresh, payload], o.tags);
  }

  delete(repo: number, keys: readonly string[]): Call {
    const call = this.open(CallLetter.Delete);
    return this.send(call, [String(call.id), String(repo)], keys);
  }

  deletePattern(repo: number, glob: string): Call {
    const call = this.open(CallLetter.DeletePattern);
    return this.send(call, [String(call.id), String(repo), glob]);
  }

  invalidateTags(repo: number, tags: readonly string[]): Call {
    const call = this.open(CallLetter.InvalidateTags);
    return this.send(call, [String(call.id), String(repo)], tags);
  }

  addTags(load: Load, tags: readonly string[]): Call {
    const call = this.open(CallLetter.AddTags);
    return this.send(call, [String(call.id), String(load.id)], tags);
  }

  /** A loader's value. */
  loaded(call: Call | undefined, load: Load, payload: string): void {
    this.tell(call, CallLetter.Loaded, [String(load.id), payload]);
  }

  /** A loader gave `undefined`. */
  loadedNothing(call: Call | undefined, load: Load): void {
    this.tell(call, CallLetter.LoadedNothing, [String(load.id)]);
  }

  /**
   * A loader failed; whoever joined it fails with the same error. Or its value must not be stored: who joined it has the payload. Or,
   * without an outcome, nobody ran it: who joined it loads for himself.
   */
  loadFailed(call: Call | undefined, load: Load, outcome?: LoadOutcome): void {
    if (outcome !== undefined) load.outcome = outcome;
    this.tell(call, CallLetter.LoadFailed, [String(load.id)]);
  }

  /** The caller has given the call up. Its loader, if it runs, goes on. */
  cancel(call: Call): void {
    if (!this.calls.delete(call.id)) return;
    this.enter(call, 'over');
    this.write(CallLetter.Cancel, [String(call.id)]);
  }

  /** Resolves when no call waits for the engine any more (loaders may still run), at the latest after `ms`. */
  idle(ms: number): Promise<void> {
    this.flush();
    if (!this.asking()) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      const idlers = this.idlers;
      function done(): void {
        clearTimeout(timer);
        const at = idlers.indexOf(done);
        if (at >= 0) idlers.splice(at, 1);
        resolve();
      }
      idlers.push(done);
    });
  }

  private asking(): boolean {
    for (const call of this.calls.values()) if (call.phase === 'asked' || call.phase === 'storing') return true;
    return false;
  }

  private open(operation: string): Call {
    let id = this.lastCall;
    do id = id === MAX_U32 ? 1 : id + 1;
    while (this.calls.has(id));
    this.lastCall = id;
    const call = new Call(id, operation);
    if (this.events.timed !== undefined) call.startedAt = now();
    this.calls.set(id, call);
    return call;
  }

  private enter(call: Call, phase: Phase): void {
    if (call.phase === 'loading') this.loading--;
    if (phase === 'loading') this.loading++;
    call.phase = phase;
  }

  private send(call: Call, args: string[], more?: readonly string[]): Call {
    if (more !== undefined) for (let i = 0; i < more.length; i++) args.push(more[i]);
    this.write(call.operation, args);
    return call;
  }

  private tell(call: Call | undefined, letter: string, args: readonly string[]): void {
    if (call?.phase === 'loading') this.enter(call, 'storing');
    this.write(letter, args);
  }

  private write(letter: string, args: readonly string[]): void {
    this.encoder.write(letter, args);
    if (this.encoder.at > FLUSH_BYTES) this.hand();
    if (!this.flushing) {
      this.flushing = true;
      soon(CacheDriver.flushLater, this);
    }
  }

  private static readonly flushLater = (driver: CacheDriver): void => driver.flush();

  /** Hands the waiting calls to the engine and takes what it has decided. */
  flush(): void {
    this.flushing = false;
    this.hand();
    this.after();
  }

  private hand(): void {
    const { encoder } = this;
    if (encoder.at === 0) return;
    try {
      this.native.calls(encoder.at);
    } catch (error) {
      this.lost(error);
    }
    encoder.taken();
  }

  /** The engine could not take a batch: a defect. Nobody must wait for ever because of it. */
  private lost(error: unknown): void {
    const { code, message } = thrownByCore(error);
    for (const [id, call] of this.calls) {
      if (call.phase === 'loading') continue;
      this.calls.delete(id);
      this.enter(call, 'over');
      call.decided(Decision.Error, [code, message, 1], 0);
    }
  }

  /** After every crossing: decisions, bytes to write, the timer. */
  private after(): void {
    if (this.draining) return; // Whoever is in the loop sees what is new.
    this.draining = true;
    const { state } = this;
    try {
      for (;;) {
        if (state[CacheSlot.Writable] === 1) {
          // Before the decisions are taken, which also takes this mark back.
          state[CacheSlot.Writable] = 0;
          this.link?.pump();
        } else if (state[CacheSlot.Decisions] > 0) {
          state[CacheSlot.Decisions] = 0;
          const decisions = this.native.decisions();
          for (let i = 0; i < decisions.length; i += Slots.Decision) {
            this.decide(decisions[i] as Decision, decisions[i + 1] as number, decisions[i + 2], decisions[i + 3]);
          }
        } else {
          break;
        }
      }
    } finally {
      this.draining = false;
    }
    if (this.idlers.length > 0 && !this.asking()) for (const done of [...this.idlers]) done();
    // The timer holds the process only while a caller waits for a store that is there; background work never does.
    this.timer.arm(state[CacheSlot.TickIn], this.isAttached && this.calls.size > this.loading);
  }

  private decide(kind: Decision, id: number, a: unknown, b: unknown): void {
    if (kind === Decision.Event) {
      // Of a failed refresh the facade knows more: the error and the key.
      if (a !== 'refreshError') aside(() => this.events.event(id, String(a), typeof b === 'string' ? b : ''));
      return;
    }
    if (kind === Decision.LoadOver) {
      // Of a load; or of a stale hit that nobody is going to refresh.
      this.loads.delete(a as number);
      this.stale.delete(id);
      return;
    }
    if (kind === Decision.Refresh) return this.refresh(id, this.begin(a as number));
    const call = this.calls.get(id);
    if (call === undefined) {
      if (kind === Decision.Load) this.loadFailed(undefined, this.begin(a as number)); // Given up meanwhile.
      return;
    }
    switch (kind) {
      case Decision.Waiting:
        this.enter(call, 'waiting');
        call.onWaiting?.();
        return;
      case Decision.Load:
        this.enter(call, 'loading');
        return call.decided(kind, this.begin(a as number), b as number);
      case Decision.FailedWith:
        a = this.loads.get(a as number)?.outcome; // Looked up now: the load may be over before its joiners wake.
        break;
      case Decision.Hit:
        if ((b as Hit) === Hit.Stale) this.keepStale(call);
        break;
    }
    this.calls.delete(id);
    this.enter(call, 'over');
    if (call.startedAt !== 0) aside(() => this.events.timed?.(call.operation, now() - call.startedAt));
    call.decided(kind, a, typeof b === 'number' ? b : 0);
  }

  private begin(id: number): Load {
    const load: Load = { id };
    this.loads.set(id, load);
    return load;
  }

  private refresh(id: number, load: Load): void {
    const call = this.stale.get(id)?.call ?? this.calls.get(id);
    this.stale.delete(id);
    if (call === undefined) this.loadFailed(undefined, load);
    else call.refresh(load);
  }

  private keepStale(call: Call): void {
    const at = now();
    for (const [id, kept] of this.stale) {
      if (at - kept.at < REFRESH_PATIENCE_MS) break;
      this.stale.delete(id);
    }
    this.stale.set(call.id, { call, at });
  }
}

/** Tells the application's logger: one that throws keeps no decision from who waits for it. */
function aside(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    surface(error);
  }
}
