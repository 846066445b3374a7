/**
 * A scripted native side for a CacheDriver: a test sees what crossed and makes the decisions, in orders of events that a real engine
 * seldom produces.
 */
import { CacheDriver } from '../../lib/cache/driver';
import type { DriverEvents } from '../../lib/cache/driver_events';
import { CacheEmitter } from '../../lib/cache/events';
import { countersOf, type CacheCounters } from '../../lib/cache/metrics';
import { baseOptions } from '../../lib/cache/options';
import { NO_CODEC } from '../../lib/cache/parsed';
import type { CachePort } from '../../lib/cache/port';
import type { LinkPort } from '../../lib/cache/store_links';
import { JSON_SERIALIZER } from '../../lib/cache/serializer';
import { CacheSlot, type Hit } from '../../lib/contract.generated';
import type { NativeCache, NativeLink } from '../../lib/native';

export class ScriptedEngine implements NativeCache {
  /** Everything that crossed: one array of strings per call. */
  readonly crossed: string[][] = [];
  /** The number of calls in each crossing. */
  readonly batches: number[] = [];
  pins = 0;
  ticks = 0;
  fail: Error | undefined;
  readonly link: LinkPort = { native: {} as NativeLink, node: 'scripted', pump: () => false, look: () => undefined, afterCrossing: undefined };
  private buffer: Buffer = Buffer.alloc(0);
  private state: Float64Array = new Float64Array(0);
  private hits: Uint32Array = new Uint32Array(0);
  private waiting: unknown[] = [];

  share(calls: Buffer, state: Float64Array): void {
    this.buffer = calls;
    this.state = state;
    this.pins++;
  }

  shareHits(hits: Uint32Array): void {
    this.hits = hits;
  }

  calls(bytes: number): void {
    if (this.fail) throw this.fail;
    const parsed = parse(this.buffer.subarray(0, bytes));
    this.batches.push(parsed.length);
    this.crossed.push(...parsed);
  }

  decisions(): unknown[] {
    return this.waiting.splice(0);
  }

  register(): number {
    return 1;
  }
  forget(): void {}
  stale(): string | undefined {
    return undefined;
  }
  setTime(): void {}
  attach(): void {}
  attachMemory(): void {}
  attachCluster(): void {}
  addNode(): void {}
  setAliases(): void {}
  removeNode(): void {}
  addLane(): void {}
  removeLane(): void {}
  slotsChanged(): void {}
  detach(): void {}
  work(): number {
    return 0;
  }
  worked(): number {
    return 0;
  }
  tick(): void {
    this.ticks++;
  }

  /** These decisions come with the next crossing of the link. */
  prepare(...decisions: [kind: number, id: number, a?: unknown, b?: unknown][]): void {
    for (const [kind, id, a, b] of decisions) this.waiting.push(kind, id, a, b);
  }

  /** Delivers these decisions in one crossing of the link. */
  decide(...decisions: [kind: number, id: number, a?: unknown, b?: unknown][]): void {
    this.prepare(...decisions);
    this.state[0] = decisions.length;
    this.link.afterCrossing?.();
  }

  /** Delivers hits on parsed values in one crossing of the link, with the decisions that wait. */
  hit(...hits: [call: number, parsed: number, hit: Hit][]): void {
    this.hits.set(hits.flat());
    this.state[CacheSlot.Hits] = hits.length;
    this.state[CacheSlot.Decisions] = this.waiting.length;
    this.link.afterCrossing?.();
  }

  /** Sets a number that the core shares. */
  mark(slot: CacheSlot, value: number): void {
    this.state[slot] = value;
  }

  slot(slot: CacheSlot): number {
    return this.state[slot];
  }

  /** Asks to be woken. */
  wakeIn(ms: number): void {
    this.state[2] = ms;
    this.link.afterCrossing?.();
  }

  /** The ids of the calls of one operation, in order. */
  ids(operation: string): number[] {
    return this.crossed.filter(([letter]) => letter === operation).map(([, id]) => Number(id));
  }
}

/** A port on a scripted engine, like that of a repository. */
export function scripted(events: DriverEvents = { event: () => undefined, counted: () => undefined }): { engine: ScriptedEngine; driver: CacheDriver; port: CachePort; counters: CacheCounters; warnings: unknown[] } {
  const engine = new ScriptedEngine();
  const driver = new CacheDriver(engine, events);
  driver.attach(engine.link);
  const warnings: unknown[] = [];
  const warn = (...line: unknown[]): void => void warnings.push(line);
  const counters = { ...countersOf('scripted') };
  const registration = driver.repository('scripted');
  const port: CachePort = {
    driver,
    prefix: 'scripted',
    registration,
    repo: registration.repo,
    base: baseOptions({}, 60),
    serializer: JSON_SERIALIZER,
    codec: NO_CODEC,
    packing: '',
    near: undefined,
    counters,
    tags: true,
    isDirect: false,
    minReplicas: 0,
    logger: { debug: warn, info: warn, warn, error: warn },
    emitter: new CacheEmitter('scripted'),
    limit: { bytes: 64 << 20, ask: undefined },
  };
  return { engine, driver, port, counters, warnings };
}

/** Runs everything that waits for no more than a turn of the event loop. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

function parse(bytes: Buffer): string[][] {
  const calls: string[][] = [];
  let at = 0;
  const number = (mark: string): number => {
    if (String.fromCharCode(bytes[at]) !== mark) throw new Error(`expected ${mark} at ${at}`);
    const end = bytes.indexOf('\r\n', at);
    const value = Number(bytes.toString('latin1', at + 1, end));
    at = end + 2;
    return value;
  };
  const length = (size: 2 | 4): number => bytes.readUIntLE((at += size) - size, size);
  const text = (size: number): string => bytes.toString('utf8', at, (at += size));
  while (at < bytes.length) {
    // `getOrSet` has a form of its own.
    if (bytes[at] !== 42) {
      const [letter, id, keyLength, readingLength] = [text(1), length(4), length(4), length(4)];
      const key = text(keyLength);
      const end = at + readingLength;
      const [reader, ...words] = text(length(2)).split(',');
      calls.push([letter, String(id), reader, key, ...words]);
      while (at < end) calls[calls.length - 1].push(text(length(2)));
      continue;
    }
    calls.push(
      Array.from({ length: number('*') }, () => {
        const length = number('$');
        const part = bytes.toString('utf8', at, at + length);
        if (bytes.toString('latin1', at + length, at + length + 2) !== '\r\n') throw new Error(`a part of ${length} bytes does not end where it says`);
        at += length + 2;
        return part;
      }),
    );
  }
  return calls;
}
