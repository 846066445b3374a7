/** Patterns with their counts, memory, types and times to live, from the sample. */
import type { Asker } from '../server/asker';
import type { Node } from '../server/connect';
import type { KeysJson, PatternJson } from './data';
import { patternsOf, type Pattern } from './patterns';
import { lookAt, type Look, type Sample, type SampledKey } from './sample';

/** Patterns that are told apart. */
const MOST_PATTERNS = 100;
/** Keys of each pattern that are looked at. */
const LOOKS = 10;

/** How many keys each server has; absent: it did not tell. */
export type Totals = ReadonlyMap<Node, number>;

/** How many keys one key of the sample stands for, by its server. */
export function weightsOf({ of }: Sample, totals: Totals): (key: SampledKey) => number {
  return ({ node }) => {
    const { sampled = 0, isComplete = true } = of.get(node) ?? {};
    const total = totals.get(node);
    return isComplete || sampled === 0 || total === undefined ? 1 : Math.max(total / sampled, 1);
  };
}

export async function keysJson(asker: Asker, sample: Sample, totals: Totals, otherDatabases: KeysJson['otherDatabases']): Promise<KeysJson> {
  const patterns = patternsOf(sample.keys.map(({ text }) => text), MOST_PATTERNS);
  const weight = weightsOf(sample, totals);
  const looks = await lookRound(asker, sample, patterns);
  const isComplete = [...sample.of.values()].every((one) => one.isComplete);
  const told = [...sample.of.keys()].every((node) => totals.has(node));
  return {
    total: isComplete ? sample.keys.length : told ? [...totals.values()].reduce((sum, keys) => sum + keys, 0) : null,
    sampled: sample.keys.length,
    isComplete,
    otherDatabases,
    patterns: patterns
      .map((pattern, i) => patternJson(pattern, looks[i] ?? [], pattern.members.reduce((sum, at) => sum + weight(sample.keys[at]), 0)))
      .sort((a, b) => b.count - a.count || (a.pattern < b.pattern ? -1 : 1)),
  };
}

/** One key of every pattern, then another one of each, and so on: where the time ends early, all patterns have got about as much of it. */
async function lookRound(asker: Asker, sample: Sample, patterns: readonly Pattern[]): Promise<Look[][]> {
  const looks = patterns.map((): Look[] => []);
  for (let round = 0; round < LOOKS && !asker.isLate; round++) {
    await Promise.all(
      patterns.map(async ({ members }, i) => {
        const at = placeIn(members, round);
        if (at === undefined) return;
        const look = await lookAt(asker, sample.keys[at]);
        if (look !== undefined) looks[i]?.push(look);
      }),
    );
  }
  return looks;
}

/** Spread over the members, so that no server and no part of the walk is preferred. */
function placeIn(members: readonly number[], round: number): number | undefined {
  if (members.length <= LOOKS) return members[round];
  return members[Math.floor(((round + 0.5) * members.length) / LOOKS)];
}

function patternJson({ pattern, members }: Pattern, looks: readonly Look[], weight: number): PatternJson {
  const sizes = looks.flatMap(({ bytes }) => bytes ?? []);
  const ttls = looks.flatMap(({ ttlMs }) => ttlMs ?? []);
  const ends = ttls.filter((ttl) => ttl >= 0).sort((a, b) => a - b);
  const count = Math.round(weight);
  const average = sizes.length === 0 ? null : sizes.reduce((sum, bytes) => sum + bytes, 0) / sizes.length;
  const types: Record<string, number> = {};
  for (const { type } of looks) if (type !== null) types[type] = (types[type] ?? 0) + 1;
  return {
    pattern,
    sampled: members.length,
    count,
    memoryBytes: average === null ? null : Math.round(average * count),
    averageBytes: average === null ? null : Math.round(average),
    largestBytes: sizes.length === 0 ? null : Math.max(...sizes),
    looked: looks.length,
    types,
    ttl: {
      without: ttls.length - ends.length,
      with: ends.length,
      shortestSeconds: seconds(ends[0]),
      medianSeconds: seconds(ends[Math.floor(ends.length / 2)]),
      longestSeconds: seconds(ends[ends.length - 1]),
    },
  };
}

const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : ms / 1000);
