/**
 * What the commands on a cache share: the library itself on the server that the user names, and a look whether there is such a repository at all, so that
 * a prefix with a typing error is an error and not an empty answer.
 */
import { CacheRepository, RedisManager } from '../../facade';
import type { Call } from '../command';
import { CliError, messageOf } from '../exit_codes';
import { Asker } from '../server/asker';
import { CLI_NAME, type Node } from '../server/connect';
import { entryPrefix, internalKey, internalPrefix } from '../server/repository_names';
import { openServers, type Servers } from '../server/servers';
import { shown } from '../server/shown';
import { managerTls, serverTargetOf, type ServerTarget } from '../server/target';

const CONNECT_MS = 5_000;
/** How long a prefix is looked for. */
const LOOK_MS = 10_000;
const PER_SECOND = 1_000;
const STEP = 1_000;
/** Prefixes that an error names. */
const MOST_NAMES = 20;
const MOST_KNOWN = 1_000;

export interface Session {
  readonly prefix: string;
  readonly cache: CacheRepository;
  readonly servers: Servers;
  /** Within bounds, for what the library has no call for. */
  readonly asker: Asker;
}

/**
 * Runs `work` on the repository with this prefix. Errors: `CliError` for a server that cannot be used, for a prefix that no repository can have, and for one
 * that no key of the server has.
 */
export async function onRepository<T>(call: Call, prefix: string, work: (session: Session) => Promise<T>): Promise<T> {
  const target = serverTargetOf(call);
  const { signal } = call.context;
  const cache = repositoryOf(prefix);
  const servers = await openServers(target, { timeoutMs: CONNECT_MS, signal });
  const asker = new Asker({ perSecond: PER_SECOND, deadline: performance.now() + LOOK_MS, signal });
  try {
    await requirePrefix(servers, asker, prefix);
    configure(target, servers);
    return await work({ prefix, cache, servers, asker });
  } finally {
    servers.close();
    await RedisManager.closeAll({ timeoutMs: 1_000 });
  }
}

function repositoryOf(prefix: string): CacheRepository {
  try {
    return new CacheRepository(prefix);
  } catch (error) {
    throw new CliError(`the prefix ${JSON.stringify(shown(prefix))} cannot be one of a repository: ${messageOf(error)}`);
  }
}

/** The library on the same server. A cluster is one, whatever the environment says. */
function configure(target: ServerTarget, { topology }: Servers): void {
  const { urls, endpoint, source } = target;
  const isCluster = topology === 'cluster';
  if (isCluster && endpoint.sentinel !== undefined) throw new CliError(`${source} names a Sentinel group, whose master is a node of a cluster`);
  RedisManager.configure({
    ...(isCluster ? { cluster: { nodes: urls } } : { url: urls[0], cluster: false }),
    ...managerTls(target),
    connectionName: CLI_NAME,
    maxRetries: 2,
    logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  });
}

function ignore(): void {}

/** Passes if a key of the repository exists, or if the time is over before all keys were seen. */
async function requirePrefix(servers: Servers, asker: Asker, prefix: string): Promise<void> {
  // The version of a repository that is in use; on a cluster there are several.
  if (servers.topology !== 'cluster' && (await asker.ask<number>(servers.nodes[0], ['EXISTS', `${internalPrefix(prefix)}c{:}`])) === 1) return;
  const known = new Set<string>();
  const starts = [internalPrefix(prefix), entryPrefix(prefix)];
  const walks = await Promise.all(servers.nodes.map((node) => walk(asker, node, starts, known)));
  // A server that could not be asked may have it.
  if (walks.some((result) => result !== 'absent') || servers.missing.length > 0) return;
  const names = [...known].sort().slice(0, MOST_NAMES).map((name) => shown(name));
  throw new CliError(
    `there is no repository with the prefix ${JSON.stringify(shown(prefix))} on ${servers.place}, database ${servers.db}: ` +
      (names.length === 0 ? 'it has no keys of any repository' : `the repositories there are ${names.join(', ')}`),
  );
}

/** Walks through the keys until one begins with one of the starts. Notes the prefixes of other repositories. */
async function walk(asker: Asker, node: Node, starts: readonly string[], known: Set<string>): Promise<'found' | 'absent' | 'not known'> {
  for (let cursor = '0'; ; ) {
    const reply = await asker.ask<[cursor: string, keys: string[]]>(node, ['SCAN', cursor, 'COUNT', STEP]);
    if (reply === undefined) return 'not known';
    for (const key of reply[1]) {
      if (starts.some((start) => key.startsWith(start))) return 'found';
      const own = internalKey(key);
      if (own !== undefined && known.size < MOST_KNOWN) known.add(own.prefix);
    }
    cursor = reply[0];
    if (cursor === '0') return 'absent';
  }
}
