/**
 * The rights of the user against what each part of hawser needs. ACL DRYRUN answers for every command where the server has it and the user may ask;
 * otherwise harmless commands are tried, on a key that does not exist.
 */
import { internalPrefix, entryPrefix } from '../server/repository_names';
import { shown } from '../server/shown';
import type { Node } from '../server/connect';
import { within } from '../server/connect';
import { messageOf } from '../exit_codes';
import { check, type Check, type Level } from './checks';

type Words = readonly [string, ...string[]];

interface Need {
  readonly command: Words;
  /** The same without an effect; absent: it cannot be tried. */
  readonly trial?: Words;
}

interface Part {
  readonly name: string;
  /** What a missing right means. */
  readonly level: Level;
  readonly otherwise: string;
  readonly needs: readonly Need[];
}

/** The default channel of the bus. */
const CHANNEL = 'shipcrowd:cache:invalidation';
const PATIENCE_MS = 3_000;

const same = (...command: Words): Need => ({ command, trial: command });
const untried = (...command: Words): Need => ({ command });

/** What each part sends, for a repository with this prefix. */
function partsOf(prefix: string, isCluster: boolean): Part[] {
  const entry = `${entryPrefix(prefix)}hawser-doctor`;
  const version = `${internalPrefix(prefix)}v{:hawser-doctor}`;
  const counter = `${internalPrefix(prefix)}h{:hawser-doctor}`;
  return [
    {
      name: 'connection',
      level: 'problem',
      otherwise: 'the client does not become ready',
      needs: [same('PING'), same('INFO'), ...(isCluster ? [same('CLUSTER', 'SLOTS'), same('ASKING'), same('READONLY')] : [])],
    },
    {
      name: 'cache',
      level: 'problem',
      otherwise: 'the cache does not work',
      needs: [
        same('GET', entry),
        same('MGET', entry),
        same('GETRANGE', entry, '0', '1'),
        same('PTTL', entry),
        { command: ['SET', entry, 'x', 'PX', '1'], trial: ['SET', entry, 'x', 'PX', '1', 'XX'] },
        same('PEXPIRE', entry, '1'),
        same('DEL', version),
        same('UNLINK', entry),
        same('SCAN', '0', 'COUNT', '1'),
        { command: ['EVAL', 'return 1', '1', version], trial: ['EVAL', 'return 1', '1', version] },
        { command: ['EVALSHA', '0'.repeat(40), '1', version], trial: ['EVALSHA', '0'.repeat(40), '1', version] },
        same('TIME'),
        untried('PFADD', counter, 'x'),
        same('PFCOUNT', counter),
      ],
    },
    {
      name: 'near cache',
      level: 'warning',
      otherwise: 'repositories with nearCache read from the server, and waits for loads of others are polled',
      needs: [untried('CLIENT', 'TRACKING', 'ON'), untried('HELLO', '3')],
    },
    {
      name: 'bus',
      level: 'warning',
      otherwise: 'PubSubService does not work',
      needs: [untried('PUBLISH', CHANNEL, 'x'), untried('SUBSCRIBE', CHANNEL)],
    },
    { name: 'minReplicas', level: 'info', otherwise: 'calls with minReplicas reject', needs: [{ command: ['WAIT', '0', '1'], trial: ['WAIT', '0', '1'] }] },
    {
      name: 'command line',
      level: 'info',
      otherwise: '`hawser inspect` and `monitor` show less',
      needs: [same('CLIENT', 'LIST'), same('SLOWLOG', 'GET', '1'), same('CONFIG', 'GET', 'save'), same('MEMORY', 'USAGE', entry), same('DBSIZE')],
    },
  ];
}

/** One check for each part. */
export async function rightsOf(node: Node, prefix: string, isCluster: boolean): Promise<Check[]> {
  const user = await whoAmI(node);
  const canDry = user !== undefined && (await dryRun(node, user, ['PING'])) !== undefined;
  const checks: Check[] = [check('user', 'info', `${user === undefined ? 'the server does not tell the user' : `the user is ${shown(user)}`}; rights are ${canDry ? 'asked with ACL DRYRUN' : 'tried with harmless commands'}`, node.name)];
  for (const { name, level, otherwise, needs } of partsOf(prefix, isCluster)) {
    const refused: string[] = [];
    const unknown: string[] = [];
    for (const { command, trial } of needs) {
      const is = canDry ? await dryRun(node, user, command) : trial === undefined ? undefined : await tried(node, trial);
      if (is === false) refused.push(nameOf(command));
      else if (is === undefined) unknown.push(nameOf(command));
    }
    const doubt = unknown.length === 0 ? '' : `; not known of ${unknown.join(', ')}`;
    const found = refused.length === 0 ? 'every command that it needs is allowed' : `the user may not use ${refused.join(', ')} (keys ${shown(prefix)}:* and ${shown(prefix)}#*): ${otherwise}`;
    checks.push(check(`rights: ${name}`, refused.length === 0 ? 'ok' : level, found + doubt, node.name));
  }
  return checks;
}

const CONTAINERS = new Set(['CLIENT', 'CLUSTER', 'CONFIG', 'SLOWLOG', 'MEMORY']);
const nameOf = ([command, sub]: Words): string => (CONTAINERS.has(command) && sub !== undefined ? `${command} ${sub}` : command);

async function whoAmI({ redis }: Node): Promise<string | undefined> {
  try {
    return String(await within(redis.call('ACL', 'WHOAMI'), PATIENCE_MS));
  } catch {
    return undefined;
  }
}

/** Whether the user may; undefined if the server does not say. */
async function dryRun({ redis }: Node, user: string, command: Words): Promise<boolean | undefined> {
  try {
    return (await within(redis.call('ACL', 'DRYRUN', user, ...command), PATIENCE_MS)) === 'OK';
  } catch {
    return undefined;
  }
}

/** Whether the server ran it or refused it for another reason than the user's rights. */
async function tried({ redis }: Node, [name, ...args]: Words): Promise<boolean | undefined> {
  try {
    await within(redis.call(name, ...args), PATIENCE_MS);
    return true;
  } catch (error) {
    const said = messageOf(error);
    if (/^NOPERM/.test(said)) return false;
    return /^[A-Z]+ /.test(said) ? true : undefined;
  }
}
