/** `explain` and `entriesByPattern`: asks the engine what is at keys, and says it in words. Nothing is counted and nothing is kept. */
import { Decision, EntryState, TagState } from '../contract.generated';
import type { Payload } from './bytes';
import type { Call } from './call';
import type { EntryExplanation, EntrySummary, Explanation, LeaseExplanation, OriginExplanation, TagExplanation, VersionState } from './explanation';
import { readBytes } from './parsed';
import type { CachePort } from './port';

/** How many keys are looked at together. */
const BATCH = 100;

/** What crosses about one key (`src/cache/wire/slots.rs`). Times in milliseconds. */
type Report = [
  key: string,
  state: EntryState,
  size: number | undefined,
  left: number | undefined,
  entry: [age: number | undefined, ttl: number, fresh: number, keep: number] | undefined,
  origin: [own: string, server: string, differs: number] | undefined,
  lease: [isHeld: number, isOwn: number, left: number | undefined, failures: number] | undefined,
  /** Name, state, and 1 if the loader has added it, of each. */
  tags: (string | number)[],
  repository: TagState | undefined,
];

const STATES = {
  [EntryState.Missing]: 'missing',
  [EntryState.Loading]: 'loading',
  [EntryState.LoadingInVain]: 'loading',
  [EntryState.Fresh]: 'fresh',
  [EntryState.Stale]: 'stale',
  [EntryState.Expired]: 'expired',
  [EntryState.Invalidated]: 'invalidated',
  [EntryState.OtherOrigin]: 'otherOrigin',
  [EntryState.Foreign]: 'foreign',
  [EntryState.Damaged]: 'foreign',
} as const;

const TAG_STATES = {
  [TagState.Current]: 'current',
  [TagState.Changed]: 'changed',
  [TagState.Missing]: 'missing',
  [TagState.OtherOrigin]: 'otherOrigin',
} as const;

/** What a call without options would find at a key. Rejects with a HawserError if the server cannot be asked. */
export async function explain(port: CachePort, key: string): Promise<Explanation> {
  const [payload, [report]] = await inspected(port, 'explain', [key], true);
  return explanation(report, () => isReadable(port, payload));
}

/** The entries whose keys match, a few at a time. */
export async function* entriesByPattern(port: CachePort, glob: string): AsyncGenerator<EntrySummary, void, undefined> {
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const call: Call = await answered(port, 'entriesByPattern', port.driver.scan(port.repo, cursor, glob));
    const [next, ...keys] = call.list as [string | undefined, ...string[]];
    cursor = next;
    for (let at = 0; at < keys.length; at += BATCH) {
      const [, reports] = await inspected(port, 'entriesByPattern', keys.slice(at, at + BATCH), false);
      for (const report of reports) if (report[1] !== EntryState.Missing) yield summary(report);
    }
  }
}

async function inspected(port: CachePort, operation: string, keys: readonly string[], inFull: boolean): Promise<[payload: Payload | null, reports: Report[]]> {
  const call = await answered(port, operation, port.driver.inspect(port.repo, keys, inFull, port.base));
  return call.list as [Payload | null, Report[]];
}

async function answered(port: CachePort, operation: string, call: Call): Promise<Call> {
  await call.next();
  if (call.kind === Decision.Error) throw call.error(operation, port.driver.node);
  return call;
}

/** Whether the repository's readers get the value. */
function isReadable(port: CachePort, payload: Payload | null): boolean {
  try {
    if (typeof payload === 'string') port.serializer.deserialize(payload);
    else readBytes(port.codec, payload);
    return true;
  } catch {
    return false;
  }
}

function explanation(report: Report, canBeRead: () => boolean): Explanation {
  const [key, number, size, left, , origin, lease] = report;
  const state = STATES[number];
  switch (state) {
    case 'missing':
      return { key, state };
    case 'foreign': {
      const holds = number === EntryState.Damaged ? 'damaged entry' : size === undefined ? 'another type' : 'string';
      return { key, state, holds, endsIn: seconds(left), size: size ?? null };
    }
    case 'loading': {
      const isCurrent = number === EntryState.Loading;
      return { key, state, isCurrent, repository: repositoryOf(report), tags: tagsOf(report), origin: originOf(origin), lease: leaseOf(lease) as LeaseExplanation };
    }
    default: {
      const isUsable = state === 'fresh' || state === 'stale' || state === 'expired';
      return { ...entryOf(report), state: isUsable && !canBeRead() ? 'undecodable' : state };
    }
  }
}

function entryOf(report: Report): EntryExplanation {
  const [key, , size, left, entry, origin, lease] = report;
  const [age, ttl, fresh, keep] = entry ?? [undefined, 0, 0, 0];
  return {
    key,
    age: seconds(age),
    ttl: ttl / 1000,
    staleAfter: fresh / 1000,
    staleIfError: keep / 1000,
    endsIn: seconds(left),
    size: size ?? 0,
    repository: repositoryOf(report),
    tags: tagsOf(report),
    origin: originOf(origin),
    lease: leaseOf(lease),
  };
}

function summary(report: Report): EntrySummary {
  const [key, state, size, , entry] = report;
  const tags = tagsOf(report).map(({ tag }) => tag);
  return { key, state: STATES[state] as EntrySummary['state'], age: seconds(entry?.[0]), ttl: seconds(entry?.[1]), tags, size: size ?? null };
}

function tagsOf([, , , , , , , list]: Report): TagExplanation[] {
  const tags: TagExplanation[] = [];
  for (let i = 0; i + 2 < list.length; i += 3) {
    tags.push({ tag: list[i] as string, state: TAG_STATES[list[i + 1] as TagState], namedBy: list[i + 2] === 1 ? 'loader' : 'caller' });
  }
  return tags;
}

function repositoryOf(report: Report): VersionState {
  return TAG_STATES[report[8] ?? TagState.Missing];
}

function originOf(origin: Report[5]): OriginExplanation {
  const [entry, server, differs] = origin ?? ['', '', 0];
  return { entry, server, differs: differs === 1 };
}

function leaseOf(lease: Report[6]): LeaseExplanation | null {
  if (lease === undefined) return null;
  const [isHeld, isOwn, left, failures] = lease;
  return { holder: isHeld === 0 ? 'nobody' : isOwn === 1 ? 'this process' : 'another process', remaining: seconds(left), failures };
}

function seconds(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1000;
}
