/** `hawser clear <prefix>`: makes every entry of a repository unusable, by the library's own call. */
import { onRepository, type Session } from './cache/session';
import type { CliCommand } from './command';
import { CliError, EXIT, messageOf } from './exit_codes';
import { addOutputOptions } from './options';
import { emit } from './output/emit';
import { entryPrefix, globOf } from './server/repository_names';
import { shown } from './server/shown';
import { addServerOptions } from './server/server_options';
import { count } from './server/units';

/** What `hawser clear --json` prints. */
export interface ClearJson {
  readonly schema: 'hawser.clear/1';
  readonly prefix: string;
  /** Nothing was cleared. */
  readonly isDryRun: boolean;
  /** Entries that were deleted with `--delete`, or that there are with `--dry-run`; null: they were not counted. */
  readonly entries: number | null;
  /** Whether all keys were seen while they were counted. */
  readonly isComplete: boolean;
}

const STEP = 1_000;

export const command: CliCommand = {
  define(command) {
    command.argument('<prefix>', "the repository's prefix");
    addServerOptions(command);
    command
      .option('--delete', 'also delete the entries, which frees their memory now and walks through all keys of the server')
      .option('--dry-run', 'only count the entries');
    addOutputOptions(command);
  },
  async run(call) {
    const [prefix] = call.args as [string];
    const { dryRun, delete: deletes } = call.options;
    const done = await onRepository(call, prefix, (session) => (dryRun === true ? counted(session) : cleared(session, deletes === true)));
    const data: ClearJson = { schema: 'hawser.clear/1', prefix: shown(prefix), isDryRun: dryRun === true, ...done };
    await emit(call, { data, report: () => ({ title: `${data.isDryRun ? 'Would clear' : 'Cleared'} ${data.prefix}`, sections: [{ kind: 'text', lines: linesOf(data) }] }) });
    return EXIT.fine;
  },
};

async function cleared({ cache }: Session, deletes: boolean): Promise<{ entries: number | null; isComplete: boolean }> {
  try {
    await cache.clear();
    return { entries: deletes ? await cache.deletePattern('*') : null, isComplete: true };
  } catch (error) {
    throw new CliError(`the repository was not cleared: ${messageOf(error)}`);
  }
}

async function counted({ prefix, servers, asker }: Session): Promise<{ entries: number; isComplete: boolean }> {
  const pattern = `${globOf(entryPrefix(prefix))}*`;
  let entries = 0;
  let isComplete = servers.missing.length === 0;
  await Promise.all(
    servers.nodes.map(async (node) => {
      for (let cursor = ''; cursor !== '0'; ) {
        const reply = await asker.ask<[cursor: string, keys: string[]]>(node, ['SCAN', cursor || '0', 'MATCH', pattern, 'COUNT', STEP]);
        if (reply === undefined) return void (isComplete = false);
        cursor = reply[0];
        entries += reply[1].length;
      }
    }),
  );
  return { entries, isComplete };
}

function linesOf({ isDryRun, entries, isComplete }: ClearJson): string[] {
  const counted = isComplete ? count(entries) : `at least ${count(entries)}`;
  if (isDryRun) return [`Dry run: nothing was changed. The repository has ${counted} entries.`];
  const lines = ['Every entry of the repository is unusable now, in all processes, and so is what loads under way bring.'];
  return [...lines, entries === null ? 'The entries go when they are loaded again or their time is over; --delete frees their memory at once.' : `Deleted ${counted} entries.`];
}
