/** One process of the application: reads and writes at random until it is told to stop. */
import { CacheRepository, HawserError, RedisManager, type ManagerOptions } from 'hawser';
import { pause } from '../helpers/clock';
import { Dice } from './dice';
import { keysFor } from './keys';
import { Reader } from './reads';
import { Source } from './source';
import { Writer } from './writes';

export interface WorkerPlan {
  readonly number: number;
  readonly workers: number;
  readonly seed: number;
  readonly sourcePort: number;
  readonly manager: ManagerOptions;
  /** Keeps entries in the process as well. */
  readonly near: boolean;
}

export interface Progress {
  readonly operations: number;
  readonly values: number;
  readonly writes: number;
  /** Calls that rejected, by code. */
  readonly errors: Record<string, number>;
  readonly wrong: readonly string[];
}

const plan = JSON.parse(process.argv[2]) as WorkerPlan;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const dice = new Dice(plan.seed);
const keys = keysFor(plan.workers);
const source = new Source(plan.sourcePort);

let progress = { operations: 0, values: 0, writes: 0, errors: {} as Record<string, number>, wrong: [] as string[] };
let isOver = false;

/** What this process itself has invalidated holds for it at once. */
const own = new Map<string, number>();
/** How long a near copy of another process may outlive an invalidation. Its bound is a few ms; this process may wait for a processor. */
const NEAR_BOUND_MS = 250;

async function floorsOf(names: readonly string[]): Promise<number[]> {
  const floors = await source.floors(names);
  if (!plan.near) return floors;
  await pause(NEAR_BOUND_MS);
  return names.map((name, at) => Math.max(floors[at], own.get(name) ?? 0));
}

/** As many loops as keep a process busy. */
const READERS = plan.near ? 20 : 3;

function failed(error: unknown): void {
  if (!(error instanceof HawserError)) progress.wrong.push(`an error without a code: ${String(error)}`);
  const code = error instanceof HawserError ? error.code : 'none';
  progress.errors[code] = (progress.errors[code] ?? 0) + 1;
}

async function reads(reader: Reader): Promise<void> {
  while (!isOver) {
    const some = Array.from({ length: 1 + dice.below(24) }, () => dice.pick(keys));
    await reader.read(some).then((found) => (progress.values += found), failed);
    progress.operations += some.length;
  }
}

async function writes(writer: Writer): Promise<void> {
  while (!isOver) {
    await writer.write().then((counts) => {
      progress.writes++;
      for (const [name, count] of counts) own.set(name, count);
    }, failed);
    progress.operations++;
  }
}

function tell(): void {
  process.send?.(progress, undefined, undefined, () => undefined);
  progress = { operations: 0, values: 0, writes: 0, errors: {}, wrong: [] };
}

async function main(): Promise<void> {
  RedisManager.configure({ ...plan.manager, logger: silent, cache: { leaseMs: 1000, renewMs: 300 } });
  const cache = new CacheRepository('history', plan.near ? { nearCache: { maxBytes: 20_000, share: dice.chance(0.5) ? 'copy' : 'frozen' } } : {});
  const wrong = (text: string): number => progress.wrong.push(text);
  const reader = new Reader(cache, source, dice, floorsOf, wrong);
  const timer = setInterval(tell, 100);
  await Promise.all([...Array.from({ length: READERS }, () => reads(reader)), writes(new Writer(cache, source, dice, keys, plan.number, wrong))]);
  clearInterval(timer);
  tell();
  await RedisManager.closeAll();
  process.exit();
}

process.on('message', () => (isOver = true));
process.on('disconnect', () => process.exit(1));
void main();
