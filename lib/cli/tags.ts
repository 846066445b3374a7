/** `hawser tags <prefix>`: the tags of a repository that are in use, with an estimate of the entries of each. */
import { onRepository, type Session } from './cache/session';
import type { CliCommand } from './command';
import { EXIT } from './exit_codes';
import { addOutputOptions, wholeNumber } from './options';
import { emit } from './output/emit';
import type { Node } from './server/connect';
import { globOf, internalKey, internalPrefix, tagKey } from './server/repository_names';
import { shown } from './server/shown';
import { addServerOptions } from './server/server_options';
import { count, time } from './server/units';

/** What `hawser tags --json` prints. */
export interface TagsJson {
  readonly schema: 'hawser.tags/1';
  readonly prefix: string;
  /** Whether the walk through the keys came to its end. */
  readonly isComplete: boolean;
  readonly tags: readonly TagJson[];
  readonly refused: readonly { node: string; command: string; reason: string; times: number }[];
}

export interface TagJson {
  readonly tag: string;
  /** An estimate, as `invalidateTags` returns it; null: the server did not tell. */
  readonly entries: number | null;
  /** When its version goes unless entries are stored under it. */
  readonly endsInSeconds: number | null;
}

const STEP = 1_000;

export const command: CliCommand = {
  define(command) {
    command.argument('<prefix>', "the repository's prefix");
    addServerOptions(command);
    command.option('--limit <tags>', 'list at most so many tags', wholeNumber(1, 1_000_000), 1_000);
    addOutputOptions(command);
  },
  async run(call) {
    const [prefix] = call.args as [string];
    const data = await onRepository(call, prefix, (session) => tagsOf(session, Number(call.options.limit)));
    await emit(call, {
      data,
      report: () => ({
        title: `Tags of ${data.prefix}`,
        sections: [
          {
            kind: 'table',
            head: ['tag', 'entries (estimate)', 'version ends in'],
            rows: data.tags.map(({ tag, entries, endsInSeconds }) => [tag, count(entries), time(endsInSeconds)]),
            empty: 'none is in use',
          },
          ...(data.isComplete ? [] : [{ kind: 'text' as const, lines: ['There may be more: the limit or the time was over before all keys were seen.'] }]),
          ...(data.refused.length === 0 ? [] : [{ kind: 'table' as const, title: 'Refused', head: ['server', 'command', 'reason'], rows: data.refused.map((one) => [one.node, one.command, one.reason]) }]),
        ],
      }),
    });
    return EXIT.fine;
  },
};

async function tagsOf({ prefix, servers, asker }: Session, limit: number): Promise<TagsJson> {
  const found = new Map<string, Node>();
  const ends = await Promise.all(servers.nodes.map((node) => walk(asker, node, prefix, found, limit)));
  const tags = await Promise.all(
    [...found].map(async ([tag, node]): Promise<TagJson> => {
      const [entries, ttl] = await Promise.all([asker.ask<number>(node, ['PFCOUNT', tagKey(prefix, 'h', tag)]), asker.ask<number>(node, ['PTTL', tagKey(prefix, 'v', tag)])]);
      return { tag: shown(tag), entries: entries ?? null, endsInSeconds: ttl === undefined || ttl < 0 ? null : ttl / 1_000 };
    }),
  );
  return {
    schema: 'hawser.tags/1',
    prefix: shown(prefix),
    isComplete: ends.every((isEnd) => isEnd) && servers.missing.length === 0,
    tags: tags.sort((a, b) => (b.entries ?? -1) - (a.entries ?? -1) || (a.tag < b.tag ? -1 : 1)),
    refused: [...asker.refused.values(), ...servers.missing.map(({ node, reason }) => ({ node, command: 'connect', reason, times: 1 }))],
  };
}

/** Whether all keys of the server were seen. */
async function walk(asker: Session['asker'], node: Node, prefix: string, found: Map<string, Node>, limit: number): Promise<boolean> {
  const pattern = `${globOf(internalPrefix(prefix))}v{:*`;
  for (let cursor = '0'; ; ) {
    const reply = await asker.ask<[cursor: string, keys: string[]]>(node, ['SCAN', cursor, 'MATCH', pattern, 'COUNT', STEP]);
    if (reply === undefined) return false;
    for (const key of reply[1]) {
      const own = internalKey(key);
      if (own?.prefix !== prefix || found.has(own.tag)) continue;
      if (found.size >= limit) return false;
      found.set(own.tag, node);
    }
    cursor = reply[0];
    if (cursor === '0') return true;
  }
}
