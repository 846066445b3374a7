/** `hawser explain <prefix> <key>`: what is at a key of a repository, and why a read would or would not get it. */
import type { Explanation, TagExplanation } from '../cache/explanation';
import { onRepository } from './cache/session';
import type { CliCommand } from './command';
import { CliError, EXIT, messageOf } from './exit_codes';
import { addOutputOptions } from './options';
import { emit } from './output/emit';
import type { Cell, Report } from './output/report';
import { shown } from './server/shown';
import { addServerOptions } from './server/server_options';
import { size, time } from './server/units';

/** What `hawser explain --json` prints. Times are in seconds. */
export type ExplainJson = { readonly schema: 'hawser.explain/1'; readonly prefix: string } & Explanation;

const MEANING: Readonly<Record<Explanation['state'], string>> = {
  missing: 'nothing is there: getOrSet loads',
  loading: 'a load is under way',
  fresh: 'getOrSet returns it',
  stale: 'getOrSet returns it, and one caller refreshes it',
  expired: 'getOrSet loads, and returns it if the loader fails',
  invalidated: 'getOrSet loads: a tag was invalidated, or the repository was cleared',
  otherOrigin: 'getOrSet loads: it was written before the server was restarted, restored or promoted',
  undecodable: 'getOrSet loads: it is no JSON (a repository with a serializer of its own may be able to read it)',
  foreign: 'getOrSet loads and replaces it: hawser did not write it',
};

export const command: CliCommand = {
  define(command) {
    command.argument('<prefix>', "the repository's prefix").argument('<key>', 'the key, as the application names it');
    addServerOptions(command);
    addOutputOptions(command);
  },
  async run(call) {
    const [prefix, key] = call.args as [string, string];
    if (key === '') throw new CliError('the key must not be empty');
    const found = await onRepository(call, prefix, ({ cache }) => cache.explain(key)).catch((error: unknown) => {
      throw error instanceof CliError ? error : new CliError(`cannot explain the key: ${messageOf(error)}`);
    });
    const data: ExplainJson = { schema: 'hawser.explain/1', prefix: shown(prefix), ...safe(found) };
    await emit(call, { data, report: () => explainReport(data) });
    return EXIT.fine;
  },
};

/** Its names shortened and escaped. */
function safe(found: Explanation): Explanation {
  const key = shown(found.key);
  if (!('tags' in found)) return { ...found, key };
  return { ...found, key, tags: found.tags.map((tag) => ({ ...tag, tag: shown(tag.tag) })) };
}

function explainReport(data: ExplainJson): Report {
  const lines: Cell[] = [[data.state, MEANING[data.state]].join(': ')];
  if (data.state === 'foreign') lines.push(`holds: ${data.holds}, ${size(data.size)}, ends ${data.endsIn === null ? 'never' : `in ${time(data.endsIn)}`}`);
  if ('age' in data) {
    lines.push(
      `age ${time(data.age)} of ${time(data.ttl)}; stale after ${time(data.staleAfter)}; kept ${time(data.staleIfError)} longer for loaders that fail`,
      `ends ${data.endsIn === null ? 'never' : `in ${time(data.endsIn)}`}; ${size(data.size)} in the store`,
    );
  }
  if ('repository' in data) lines.push(`version of the repository: ${data.repository}`, `origin: ${data.origin.differs ? 'another one than the server has now' : "the server's present one"}`);
  if (data.state === 'loading' && !data.isCurrent) lines.push({ text: 'nobody is served what this load brings: a tag of it was invalidated, or its origin differs', tone: 'warn' });
  if ('lease' in data && data.lease !== null) lines.push(`lease: ${data.lease.holder}, for ${time(data.lease.remaining)} more; ${data.lease.failures} refreshes failed before it`);
  const rows = 'tags' in data ? data.tags.map(rowOf) : [];
  return {
    title: `${data.prefix} ${data.key}`,
    sections: [{ kind: 'text', lines }, ...(rows.length === 0 ? [] : [{ kind: 'table' as const, title: 'Tags', head: ['tag', 'version', 'named by'], rows }])],
  };
}

function rowOf({ tag, state, namedBy }: TagExplanation): Cell[] {
  return [tag, state === 'current' ? state : { text: state, tone: 'warn' }, namedBy];
}
