/** `hawser invalidate <prefix> <tag...>`: makes the entries with these tags unusable, by the library's own call. */
import { onRepository, type Session } from './cache/session';
import type { CliCommand } from './command';
import { CliError, EXIT, messageOf } from './exit_codes';
import { addOutputOptions } from './options';
import { emit } from './output/emit';
import type { Cell } from './output/report';
import { slotNode } from './server/slot_node';
import { tagKey } from './server/repository_names';
import { shown } from './server/shown';
import { addServerOptions } from './server/server_options';
import { count } from './server/units';

/** What `hawser invalidate --json` prints. */
export interface InvalidateJson {
  readonly schema: 'hawser.invalidate/1';
  readonly prefix: string;
  /** Nothing was invalidated. */
  readonly isDryRun: boolean;
  readonly tags: readonly InvalidatedTag[];
}

export interface InvalidatedTag {
  readonly tag: string;
  /** An estimate of the entries that carry it, as `invalidateTags` returns it; null: it failed, or the server did not tell. */
  readonly entries: number | null;
  /** Why it was not invalidated. */
  readonly error?: string;
}

export const command: CliCommand = {
  define(command) {
    command.argument('<prefix>', "the repository's prefix").argument('<tag...>', 'the tags');
    addServerOptions(command);
    command.option('--dry-run', 'only say how many entries carry the tags');
    addOutputOptions(command);
  },
  async run(call) {
    const [prefix, named] = call.args as [string, string[]];
    const tags = [...new Set(named)];
    if (tags.includes('')) throw new CliError('a tag must not be empty');
    const isDryRun = call.options.dryRun === true;
    const done = await onRepository(call, prefix, (session) => Promise.all(tags.map((tag) => (isDryRun ? counted(session, tag) : invalidated(session, tag)))));
    const data: InvalidateJson = { schema: 'hawser.invalidate/1', prefix: shown(prefix), isDryRun, tags: done };
    const failed = done.filter(({ error }) => error !== undefined);
    await emit(call, {
      data,
      report: () => ({
        title: isDryRun ? `Would invalidate in ${data.prefix} (dry run: nothing was changed)` : failed.length === done.length ? `Invalidated nothing in ${data.prefix}` : `Invalidated in ${data.prefix}`,
        sections: [{ kind: 'table', head: ['tag', 'entries (estimate)', 'result'], rows: done.map((one) => [one.tag, count(one.entries), resultOf(one, isDryRun)]) }],
      }),
    });
    return failed.length === 0 ? EXIT.fine : EXIT.failure;
  },
};

/** Calls of one tick leave together. */
async function invalidated({ cache }: Session, tag: string): Promise<InvalidatedTag> {
  try {
    return { tag: shown(tag), entries: await cache.invalidateTags([tag]) };
  } catch (error) {
    return { tag: shown(tag), entries: null, error: shown(messageOf(error), 300) };
  }
}

async function counted({ prefix, servers, asker }: Session, tag: string): Promise<InvalidatedTag> {
  const key = tagKey(prefix, 'h', tag);
  return { tag: shown(tag), entries: (await asker.ask<number>(await slotNode(servers, key), ['PFCOUNT', key])) ?? null };
}

function resultOf({ entries, error }: InvalidatedTag, isDryRun: boolean): Cell {
  if (error !== undefined) return { text: `not invalidated: ${error}`, tone: 'bad' };
  if (entries === 0) return { text: 'no entry carries it', tone: 'warn' };
  return isDryRun ? 'would be invalidated' : 'invalidated';
}
