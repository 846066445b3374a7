/**
 * The facade's side of the cache engine. It batches the calls of a tick into one crossing, delivers decisions to the waiting calls, and
 * keeps the engine's timer. It makes no caching decision and runs no application code: loaders run in their callers' async functions,
 * with their async context and stack.
 */
import { soon } from '../turns';
import type { Call, Load } from './call';
import { CallEncoder, FLUSH_BYTES, GET_OR_SET, GET_OR_SET_REPLACING, reader } from './encoder';
import { offExit, onExit, type ExitHook } from '../exit';
import { WakeTimer } from '../link/wake';
import type { Redis } from '../client/redis';
import type { NativeCache } from '../native';
import { CacheSlot, CallLetter, Slots, type Decision } from '../contract.generated';
import { thrownByCore } from '../core_error';
import { decide } from './decisions';
import type { DriverEvents } from './driver_events';
import type { DriverOptions } from './driver_options';
import { forgetBreakers } from './breakers';
import { Hits } from './hits';
import { Idlers } from './idlers';
import { micros } from './micros';
import { NearCaches } from './near';
import { OpenCalls } from './open_calls';
import { OpenLoads } from './open_loads';
import type { CallOptions } from './options';
import { NO_CODEC, ParsedValues, type ParsedValue } from './parsed';
import { formOf, type Payload } from './bytes';
import { Registrations, type Registration } from './registrations';
import { StaleCalls } from './stale_calls';
import { StoreLinks, type ClusterPort, type LinkPort } from './store_links';
import { workedFor, working } from './working';

const now = performance.now.bind(performance);

/** The in-process store. */
const MEMORY = 'memory';

export class CacheDriver {
  private readonly state = new Float64Array(Slots.CacheState);
  private readonly hits = new Hits(this.state);
  private readonly encoder: CallEncoder;
  /** @internal */ readonly calls: OpenCalls;
  /** @internal */ readonly staleCalls = new StaleCalls();
  /** @internal */ readonly loads = new OpenLoads();
  private readonly repositories: Registrations;
  private readonly clock: (() => number) | undefined;
  /** Values that hits copy instead of decoding their text. */
  readonly parsed: ParsedValues;
  /** @internal */ readonly links: StoreLinks;
  /** Values in this process's memory. */
  readonly near: NearCaches;
  /** Whether there is a store. */
  private isAttached = false;
  /** The address of the store, or its last address. */
  node = MEMORY;
  private flushing = false;
  /** When the batch was begun that the next call belongs to. */
  private askedAt = 0;
  /** When the latest decisions came. */
  decidedAt = 0;
  private draining = false;
  private readonly timer = new WakeTimer(() => {
    this.links.look();
    this.tellTime();
    this.native.tick();
    // The engine may want to know what the socket does with a large request.
    this.links.pump();
    this.after();
  });
  private readonly idlers = new Idlers();
  private readonly onCrossing = (): void => this.after();
  /** Queued calls go out even if the process exits in the same tick. */
  private readonly atExit: ExitHook = { flush: () => this.finish() };

  constructor(
    private readonly native: NativeCache,
    /** @internal */ readonly events: DriverEvents,
    { clock, parsedBytes = 0 }: DriverOptions = {},
  ) {
    this.clock = clock;
    this.calls = new OpenCalls(events);
    this.parsed = new ParsedValues(parsedBytes, (id) => this.write(CallLetter.Dropped, [String(id)]));
    this.repositories = new Registrations(native);
    this.links = new StoreLinks(native, this.onCrossing, events.openLane);
    this.near = new NearCaches((letter, args) => this.write(letter, args), () => this.time(), () => this.requestLanes(), () => this.clock !== undefined);
    this.state[CacheSlot.TickIn] = -1;
    this.state[CacheSlot.NearProvenIn] = NaN;
    const worked = workedFor(new WeakRef(this));
    this.encoder = new CallEncoder((out) => native.share(out, this.state, (...items) => items, worked));
    native.shareHits?.(this.hits.array);
  }

  /** Attaches the engine to a client's link and releases the former link. */
  attach(link: LinkPort, client?: Redis): void {
    if (this.links.isOn(link)) return;
    this.move(link.node, () => this.links.useLink(link, client));
  }

  /** Attaches the engine to the masters of a cluster and releases the former store. */
  attachCluster(cluster: ClusterPort, name: string): void {
    if (this.links.isOn(cluster)) return;
    this.move(name, () => this.links.useCluster(cluster));
  }

  private move(name: string, attach: () => void): void {
    this.release();
    this.isAttached = true;
    this.node = name;
    if (name !== MEMORY) onExit(this.atExit, true);
    attach();
    this.after();
  }

  /** Attaches the engine to the in-process store. */
  attachMemory(): void {
    this.move(MEMORY, () => {
      this.tellTime();
      this.native.attachMemory();
    });
  }

  /** @internal Opens the links that the near cache reads on. Returns whether copies are to be had. */
  requestLanes(): boolean {
    return this.isAttached && (!this.links.isRemote || this.links.lanes.request());
  }

  /** The clock of the store, in milliseconds. */
  private time(): number {
    return this.clock === undefined || this.links.isRemote ? now() : this.clock();
  }

  /** With a clock of the application, the engine's time is what that clock says. */
  private tellTime(): void {
    if (this.clock !== undefined && !this.links.isRemote) this.native.setTime(this.clock());
  }

  /** Detaches the engine from its store. Calls under way are decided as if the server were down. */
  detach(): void {
    this.flush();
    this.release();
    this.native.detach();
    this.after();
  }

  /** Releases the driver's hold on the process. */
  dispose(): void {
    this.detach();
    this.timer.stop();
  }

  private release(): void {
    forgetBreakers();
    this.links.release();
    this.near.restart();
    this.isAttached = false;
    offExit(this.atExit);
  }

  /** Registers a prefix with the engine. The registration lasts while the returned object is held. */
  repository(prefix: string): Registration {
    return this.repositories.register(prefix);
  }

  /** The number of registered prefixes, for tests. */
  get repositoryCount(): number {
    return this.repositories.size;
  }

  /** The servers of the store: what to call them, and the address by which the engine knows them, if there are several. */
  nodes(): { name: string; address: string }[] {
    const addresses = this.links.addresses();
    return addresses === undefined ? [{ name: this.node, address: '' }] : addresses.map((address) => ({ name: address, address }));
  }

  prefixOf(repo: number): string | undefined {
    return this.repositories.prefixOf(repo);
  }

  /** `codec`: see `codecOf`. `replaces`: the caller could not decode the stored value, which therefore counts as missing. */
  getOrSet(repo: number, key: string, o: CallOptions, codec = NO_CODEC, replaces = false): Call {
    const call = this.calls.open(replaces ? CallLetter.GetOrSetReplacing : CallLetter.GetOrSet);
    call.repo = repo;
    call.key = key;
    this.encoder.read(replaces ? GET_OR_SET_REPLACING : GET_OR_SET, call.id, key, reader(repo, codec), o.words, o.tags);
    this.written();
    call.askedAt = this.askedAt;
    return call;
  }

  get(repo: number, key: string, codec = NO_CODEC): Call {
    const call = this.calls.open(CallLetter.Get);
    return this.send(call, [String(call.id), reader(repo, codec), key, '', '']);
  }

  has(repo: number, key: string): Call {
    const call = this.calls.open(CallLetter.Has);
    return this.send(call, [String(call.id), String(repo), key]);
  }

  /** `handling`: see `formOf`. If it ends in `?`, a `word` must follow. */
  set(repo: number, key: string, payload: Payload, o: CallOptions, handling = ''): Call {
    const call = this.calls.open(CallLetter.Set);
    return this.send(call, [String(call.id), String(repo), key, o.ttl, o.keep, o.fresh, formOf(payload, handling), payload], o.tags);
  }

  /** A `set` that waits for a word may go on, or counts as never called. Until then, later calls that concern its key wait behind it. */
  word(call: Call, mayGo: boolean): void {
    if (!mayGo) {
      this.calls.byId.delete(call.id);
      this.calls.enter(call, 'over');
    }
    this.write(CallLetter.Word, [String(call.id), mayGo ? '1' : '0']);
  }

  delete(repo: number, keys: readonly string[]): Call {
    const call = this.calls.open(CallLetter.Delete);
    return this.send(call, [String(call.id), String(repo)], keys);
  }

  deletePattern(repo: number, glob: string): Call {
    const call = this.calls.open(CallLetter.DeletePattern);
    return this.send(call, [String(call.id), String(repo), glob]);
  }

  invalidateTags(repo: number, tags: readonly string[]): Call {
    const call = this.calls.open(CallLetter.InvalidateTags);
    return this.send(call, [String(call.id), String(repo)], tags);
  }

  /** What is at these keys, from the point of view of a call with these options. `inFull`: with the payload of the first one. */
  inspect(repo: number, keys: readonly string[], inFull: boolean, o: CallOptions): Call {
    const call = this.calls.open(CallLetter.Inspect);
    return this.send(call, [String(call.id), String(repo), inFull ? '1' : '0', o.fresh, o.maxAge, o.keep], keys);
  }

  /** One step through the keys that match. An empty cursor begins. */
  scan(repo: number, cursor: string, glob: string): Call {
    const call = this.calls.open(CallLetter.Scan);
    return this.send(call, [String(call.id), String(repo), cursor, glob]);
  }

  clear(repo: number): Call {
    const call = this.calls.open(CallLetter.Clear);
    return this.send(call, [String(call.id), String(repo)]);
  }

  addTags(load: Load, tags: readonly string[]): Call {
    const call = this.calls.open(CallLetter.AddTags);
    return this.send(call, [String(call.id), String(load.id)], tags);
  }

  /** The value that a load replaces, as a text, as bytes or parsed, if it was usable when the load began. */
  stale(load: Load): Payload | ParsedValue | undefined {
    const stale = this.native.stale(load.id);
    return typeof stale === 'number' ? this.parsed.get(stale) : stale;
  }

  /** The caller would rather have the value that is being replaced than wait any longer. Without one nothing happens. */
  soften(call: Call): void {
    if (this.calls.byId.has(call.id)) this.write(CallLetter.Soften, [String(call.id)]);
  }

  /** The caller has given up the call. A running loader continues, and its signal aborts if nobody waits for it any more. */
  abandon(call: Call, reason: unknown): void {
    if (call.phase === 'loading' || call.phase === 'storing') {
      call.isAbandoned = true;
      this.calls.enter(call, call.phase);
    } else {
      if (!this.calls.byId.delete(call.id)) return;
      this.calls.enter(call, 'over');
      this.write(CallLetter.Cancel, [String(call.id)]);
    }
    this.calls.waiters.gaveUp(call.repo, call.key, reason);
  }

  /** Calls `abort` when nobody in this process waits for any of these keys any more. Returns a function that stops watching. */
  watch(repo: number, keys: readonly string[], abort: (reason: unknown) => void): () => void {
    return this.calls.waiters.watch(repo, keys, abort);
  }

  /** Resolves when no call waits for the engine any more (loaders may still run), at the latest after `ms`. */
  idle(ms: number): Promise<void> {
    this.flush();
    return this.calls.asking() ? this.idlers.wait(ms) : Promise.resolve();
  }

  private send(call: Call, args: readonly Payload[], more?: readonly string[]): Call {
    this.write(call.operation, args, more);
    call.askedAt = this.askedAt;
    return call;
  }

  /** Reports how a loader ended (`outcomes.ts`). */
  report(call: Call | undefined, letter: string, args: readonly Payload[]): void {
    if (call?.phase === 'loading') this.calls.enter(call, 'storing');
    this.write(letter, args);
  }

  private write(letter: string, args: readonly Payload[], more?: readonly string[]): void {
    this.encoder.write(letter, args, more);
    this.written();
  }

  private written(): void {
    if (this.encoder.at > FLUSH_BYTES) this.hand();
    if (!this.flushing) {
      this.flushing = true;
      this.askedAt = micros();
      soon(CacheDriver.flushLater, this);
    }
  }

  private static readonly flushLater = (driver: CacheDriver): void => driver.flush();

  /** @internal Payloads have been packed or unpacked. `all`: waits for those that are not yet. */
  worked(all: boolean): void {
    if (this.native.worked(all) === 0) working.delete(this);
    this.after();
  }

  /** The process ends: what was called goes out, even if it is still being packed. */
  private finish(): void {
    this.flush();
    while (working.has(this)) this.worked(true);
  }

  /** Passes the waiting calls to the engine and takes its decisions. */
  flush(): void {
    this.flushing = false;
    this.hand();
    this.after();
  }

  private hand(): void {
    const { encoder } = this;
    if (encoder.at === 0) return;
    try {
      this.tellTime();
      this.native.calls(encoder.at);
    } catch (error) {
      this.lost(error);
    }
    encoder.taken();
  }

  /** The engine could not accept a batch, which is a defect. No call may wait forever because of it. */
  private lost(error: unknown): void {
    this.calls.lose(thrownByCore(error));
  }

  /** After every crossing: decisions, bytes to write, the timer. */
  private after(): void {
    if (this.draining) return; // The running loop sees new decisions.
    this.draining = true;
    const { state } = this;
    try {
      for (;;) {
        if (state[CacheSlot.Writable] === 1) {
          // Before taking the decisions, which also clears this mark.
          state[CacheSlot.Writable] = 0;
          // The mark may be of a link of another owner, or of one that is in the middle of its own turn: these write for themselves.
          if (!this.links.pump()) state[CacheSlot.Writable] = 0;
        } else if (state[CacheSlot.Decisions] > 0) {
          state[CacheSlot.Decisions] = 0;
          const decisions = this.native.decisions();
          this.decidedAt = micros();
          for (let i = 0; i < decisions.length; i += Slots.Decision) {
            decide(this, decisions[i] as Decision, decisions[i + 1] as number, decisions[i + 2], decisions[i + 3]);
          }
        } else if (state[CacheSlot.Hits] > 0) {
          this.decidedAt = micros();
          this.hits.take(this.calls, this.parsed);
        } else if (state[CacheSlot.Jobs] > 0) {
          state[CacheSlot.Jobs] = 0;
          working.add(this);
          if (this.native.work() === 0) working.delete(this);
        } else {
          break;
        }
      }
      if (this.encoder.at === 0) this.parsed.release();
    } finally {
      this.draining = false;
    }
    // Relative to now, so it is read once.
    if (!Number.isNaN(state[CacheSlot.NearProvenIn])) {
      this.near.gate.proven(state[CacheSlot.NearProvenIn]);
      state[CacheSlot.NearProvenIn] = NaN;
    }
    if (state[CacheSlot.MapOutdated] === 1) {
      state[CacheSlot.MapOutdated] = 0;
      this.links.refreshMap();
    }
    if (!this.idlers.isEmpty && !this.calls.asking()) this.idlers.wake();
    // The timer keeps the process alive only while a caller waits for an attached store; background work never does.
    this.timer.arm(state[CacheSlot.TickIn], this.isAttached && this.calls.byId.size > this.calls.loading);
  }
}
