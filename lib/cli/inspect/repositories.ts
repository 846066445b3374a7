/** hawser's own keys in the sample, by repository and tag. */
import type { Asker } from '../server/asker';
import type { Node } from '../server/connect';
import { entryPrefix, internalKey, tagKey } from '../server/repository_names';
import { shown } from '../server/shown';
import type { RepositoryJson } from './data';
import type { Look, Sample, SampledKey } from './sample';
import { lookAt } from './sample';

/** Repositories, and tags of each, that are shown. */
const MOST_REPOSITORIES = 50;
const MOST_TAGS = 50;
const TOP_TAGS = 10;
const LOOKS = 5;

interface Found {
  readonly prefix: string;
  readonly tags: Map<string, Node>;
  readonly entries: SampledKey[];
  /** Tags in all, extrapolated. */
  tagCount: number;
}

export async function repositoriesJson(asker: Asker, sample: Sample, weight: (key: SampledKey) => number): Promise<RepositoryJson[]> {
  const found = repositoriesIn(sample, weight);
  const largest = [...found.values()].sort((a, b) => b.entries.length - a.entries.length || b.tagCount - a.tagCount || (a.prefix < b.prefix ? -1 : 1));
  return Promise.all(largest.slice(0, MOST_REPOSITORIES).map((one) => repositoryJson(asker, one, weight)));
}

function repositoriesIn(sample: Sample, weight: (key: SampledKey) => number): Map<string, Found> {
  const found = new Map<string, Found>();
  const texts = sample.keys.map(({ key }) => key.toString());
  texts.forEach((text, i) => {
    const own = internalKey(text);
    if (own === undefined) return;
    const one = found.get(own.prefix) ?? { prefix: own.prefix, tags: new Map<string, Node>(), entries: [], tagCount: 0 };
    found.set(own.prefix, one);
    if (own.kind !== 'v') return;
    one.tagCount += weight(sample.keys[i]);
    if (one.tags.size < MOST_TAGS) one.tags.set(own.tag, sample.keys[i].node);
  });
  const prefixes = new Map([...found.values()].map((one) => [entryPrefix(one.prefix), one]));
  texts.forEach((text, i) => {
    // An entry's prefix ends with its first `:` that no `#` precedes.
    const [start = ''] = /^(?:[^#:]|#:)+:/.exec(text) ?? [];
    prefixes.get(start)?.entries.push(sample.keys[i]);
  });
  return found;
}

async function repositoryJson(asker: Asker, { prefix, tags, entries, tagCount }: Found, weight: (key: SampledKey) => number): Promise<RepositoryJson> {
  const counted = await Promise.all(
    [...tags].map(async ([tag, node]) => ({ tag: shown(tag), entries: (await asker.ask<number>(node, ['PFCOUNT', tagKey(prefix, 'h', tag)])) ?? null })),
  );
  const every = Math.max(1, Math.floor(entries.length / LOOKS));
  const looks = await Promise.all(entries.filter((_, i) => i % every === 0).slice(0, LOOKS).map((key) => lookAt(asker, key)));
  const sizes = looks.filter((look): look is Look => look !== undefined).flatMap(({ bytes }) => bytes ?? []);
  const count = Math.round(entries.reduce((sum, key) => sum + weight(key), 0));
  return {
    prefix: shown(prefix),
    entries: count,
    tags: Math.round(tagCount),
    memoryBytes: sizes.length === 0 ? null : Math.round((sizes.reduce((sum, bytes) => sum + bytes, 0) / sizes.length) * count),
    topTags: counted.sort((a, b) => (b.entries ?? -1) - (a.entries ?? -1) || (a.tag < b.tag ? -1 : 1)).slice(0, TOP_TAGS),
  };
}
