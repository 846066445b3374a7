/**
 * Drives the core's search for a server: opens connections to Sentinels, asks and listens, asks the application's functions. Every
 * decision is the core's.
 */
import { clearTimeout, MAX_TIMER_MS, setTimeout, surface } from '../clock';
import type { SentinelInput, SentinelSettings, SentinelStep, SentinelSteps, ServerAddress } from '../contract.generated';
import { fromCore } from '../core_error';
import type { LinkConfig } from '../link/link_client';
import { native, type NativeSentinel } from '../native';
import { logSentinel } from '../observe/debug';
import { CONNECTION_CLOSED_ERROR_MSG } from '../observe/errors';
import { SentinelPeer } from './peer';

type Address = { host: string; port: number };
type Replica = Record<string, string>;
type Strategy = ((times: number) => unknown) | null | undefined;

/** What the finder asks and tells its owner. */
export interface FinderOwner {
  /** The configuration of a connection to a Sentinel. */
  configOf(sentinel: { host: string; port: number; family?: number | null | undefined }): LinkConfig;
  /** Whether connections to Sentinels keep the process alive while a server is needed. */
  isReferenced(): boolean;
  /** The address at which an announced one is reached. */
  reach(address: Address): Address;
  /** The application's choice. */
  choose(replicas: Replica[]): unknown;
  /** `sentinelRetryStrategy` and `sentinelReconnectStrategy`. */
  retryStrategy(): Strategy;
  reconnectStrategy(): Strategy;
  /** A Sentinel was of no use. */
  onBad(error: Error): void;
  /** All of them were, and are asked again. */
  onFailing(error: Error): void;
  onLearned(sentinel: Address): void;
  /** The connection to the server must be closed, or need not be waited for any longer. */
  onSwitch(): void;
  /** A connection that listens was lost and is made again. */
  onReconnecting(): void;
  /** All Sentinels that are to be listened to have confirmed or failed. */
  onListening(): void;
}

type Waiter = { resolve: (address: Address) => void; reject: (error: Error) => void };
/** `outcome` resolves when the Sentinel has confirmed, or the first attempt has failed. */
type Listener = { peer: SentinelPeer; outcome: Promise<void> };

export class Finder {
  private readonly core: NativeSentinel;
  private readonly asked = new Map<number, SentinelPeer>();
  private readonly listeners = new Map<number, Listener>();
  private readonly steps: SentinelStep[] = [];
  private isRunning = false;
  private timer: NodeJS.Timeout | undefined = undefined;
  private waiter: Waiter | undefined = undefined;
  private verdict = true;
  /** Why the last Sentinel failed. */
  private cause: unknown = undefined;

  constructor(
    private readonly settings: SentinelSettings,
    private readonly owner: FinderOwner,
  ) {
    this.core = fromCore(() => new native.NativeSentinel(JSON.stringify(settings)));
  }

  /** Finds a server. Rejects when the application's strategy ends the search, or after `cancel`. */
  find(): Promise<Address> {
    this.cancel();
    return new Promise((resolve, reject) => {
      this.waiter = { resolve, reject };
      this.input({ type: 'find' });
    });
  }

  /** Ends the search. */
  cancel(): void {
    this.input({ type: 'cancel' });
    this.settle(({ reject }) => reject(new Error(CONNECTION_CLOSED_ERROR_MSG)));
  }

  /** The connection to the server is open. */
  connected(): void {
    this.input({ type: 'connected' });
    if (!this.settings.watches) return;
    const outcomes = [...this.listeners.values()].map(({ outcome }) => outcome);
    void Promise.all(outcomes).then(() => {
      if (this.listeners.size > 0) this.owner.onListening();
    });
  }

  /** Whether to use a server that says this of itself. */
  accepts(role: string | undefined): boolean {
    this.verdict = true;
    this.input({ type: 'role', role: role ?? null });
    return this.verdict;
  }

  ready(): void {
    this.input({ type: 'ready' });
  }

  /** The connection to the server is lost; the next search begins in `waitsMs`, or never. */
  lost(waitsMs: number | null): void {
    this.input({ type: 'lost', waitsMs });
  }

  /** Closes everything. `find` may be called again. */
  close(): void {
    this.cancel();
    this.input({ type: 'close' });
  }

  /** Whether the search keeps the process alive. */
  hold(isHeld: boolean): void {
    for (const peer of this.asked.values()) peer.hold(isHeld);
    if (isHeld) this.timer?.ref();
    else this.timer?.unref();
  }

  // ---- the core

  /** Gives the core an input and does what it says, in order. Inputs that come meanwhile append their steps. */
  private input(input: SentinelInput): void {
    const { steps, wakeInMs } = JSON.parse(fromCore(() => this.core.input(JSON.stringify(input)))) as SentinelSteps;
    this.steps.push(...steps);
    this.wakeIn(wakeInMs ?? null);
    if (this.isRunning) return;
    this.isRunning = true;
    try {
      for (let step = this.steps.shift(); step !== undefined; step = this.steps.shift()) this.carryOut(step);
    } finally {
      this.isRunning = false;
    }
  }

  private wakeIn(ms: number | null): void {
    clearTimeout(this.timer);
    this.timer = ms === null ? undefined : setTimeout(() => this.input({ type: 'timer' }), Math.min(Math.ceil(ms), MAX_TIMER_MS));
    if (!this.owner.isReferenced()) this.timer?.unref();
  }

  private carryOut(step: SentinelStep): void {
    logSentinel('%s %o', step.type, step);
    switch (step.type) {
      case 'ask':
        return this.ask(step);
      case 'dismiss':
        return this.dismiss(step.sentinel);
      case 'choose':
        return this.input({ type: 'chosen', sentinel: step.sentinel, address: addressOf(attempt(() => this.owner.choose(step.replicas))) ?? null });
      case 'announced':
        return this.input({ type: 'announced', addresses: step.addresses.map((address) => this.reached(address)).filter((address) => address !== undefined) });
      case 'learned':
        return this.owner.onLearned(step.address);
      case 'bad':
        return attempt(() => this.owner.onBad(new Error(step.message, { cause: this.cause })));
      case 'exhausted':
        return this.input({ type: 'retryAfter', ms: delayOf(this.owner.retryStrategy(), step.attempts) });
      case 'failing':
        return attempt(() => this.owner.onFailing(new Error(step.message, { cause: this.cause })));
      case 'giveUp':
        return this.settle(({ reject }) => reject(new Error(step.message, { cause: this.cause })));
      case 'found':
        return this.settle(({ resolve }) => resolve(this.reached(step.address) ?? step.address));
      case 'verdict':
        this.verdict = step.accepted;
        return;
      case 'watch':
        return this.listen(step);
      case 'unwatch':
        return this.stopListening(step.sentinel);
      case 'switch':
        return this.owner.onSwitch();
    }
  }

  private settle(act: (waiter: Waiter) => void): void {
    const { waiter } = this;
    this.waiter = undefined;
    if (waiter !== undefined) act(waiter);
  }

  private reached(address: ServerAddress): ServerAddress | undefined {
    return addressOf(attempt(() => this.owner.reach(address)) ?? address);
  }

  // ---- connections to Sentinels

  private ask(step: SentinelStep & { type: 'ask' }): void {
    const { sentinel } = step;
    const { name, role, learns } = this.settings;
    const peer = new SentinelPeer({ config: this.owner.configOf(step), isReferenced: this.owner.isReferenced() });
    this.asked.set(sentinel, peer);
    const server = peer.ask(role === 'slave' ? 'slaves' : 'get-master-addr-by-name', name);
    // A Sentinel that does not tell the others is good enough.
    const sentinels = role === 'master' && learns ? peer.ask('sentinels', name).catch(() => null) : null;
    Promise.all([server, sentinels]).then(
      ([answer, others]) => this.end(sentinel, peer, { type: 'answer', sentinel, server: answer ?? null, sentinels: others }),
      (error: Error) => {
        this.cause = peer.cause ?? error;
        this.end(sentinel, peer, { type: 'failed', sentinel, reason: error.message });
      },
    );
  }

  private end(sentinel: number, peer: SentinelPeer, input: SentinelInput): void {
    if (this.asked.get(sentinel) !== peer) return;
    this.dismiss(sentinel);
    this.input(input);
  }

  private dismiss(sentinel: number): void {
    const peer = this.asked.get(sentinel);
    this.asked.delete(sentinel);
    peer?.close();
  }

  private listen(step: SentinelStep & { type: 'watch' }): void {
    const { sentinel, host, port } = step;
    let settle = (): void => undefined;
    const outcome = new Promise<void>((resolve) => (settle = resolve));
    const peer: SentinelPeer = new SentinelPeer({
      config: this.owner.configOf(step),
      isReferenced: false,
      retry: (times) => {
        settle();
        return this.reconnectDelay(sentinel, peer, times);
      },
      onSwitched: (text) => {
        if (this.listeners.get(sentinel)?.peer === peer) this.input({ type: 'switched', sentinel, text });
      },
    });
    const refused = (error: Error): void => logSentinel('cannot listen to %s:%s: %s', host, port, error.message);
    void peer.listen().catch(refused).finally(settle);
    this.listeners.set(sentinel, { peer, outcome });
  }

  private reconnectDelay(sentinel: number, peer: SentinelPeer, times: number): number | null {
    if (this.listeners.get(sentinel)?.peer !== peer) return null;
    const delay = delayOf(this.owner.reconnectStrategy(), times);
    if (delay !== null) this.owner.onReconnecting();
    return delay;
  }

  private stopListening(sentinel: number): void {
    const listener = this.listeners.get(sentinel);
    this.listeners.delete(sentinel);
    listener?.peer.close();
  }
}

/** The delay that a user's strategy gives; null if it gives none. */
function delayOf(strategy: Strategy, times: number): number | null {
  const delay = typeof strategy === 'function' ? attempt(() => strategy(times)) : null;
  if (typeof delay !== 'number') return null;
  return Number.isFinite(delay) && delay > 0 ? delay : 0;
}

/** The address in the result of a user's function, or in Sentinel's fields of a replica. */
function addressOf(given: unknown): ServerAddress | undefined {
  const { ip, host = ip, port } = (given ?? {}) as { ip?: unknown; host?: unknown; port?: unknown };
  const number = Number(port);
  if (host === undefined || host === null || host === '' || !Number.isInteger(number) || number < 1 || number > 65535) return undefined;
  // The core takes well-formed text.
  return { host: Buffer.from(String(host)).toString(), port: number };
}

/** The result of a user's function; undefined if it throws. */
function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (thrown) {
    surface(thrown);
    return undefined;
  }
}
