/** Commands that harm a shared server, and why. Pure. */

const ALL_KEYS = 'walks through the whole database and blocks everybody meanwhile: use SCAN';
const WHOLE = 'returns the whole collection at once, and blocks while it does';
const FLUSH = 'deletes everything, of every application';
const SETS = 'compares whole sets, and blocks while it does';

const DANGERS: Readonly<Record<string, string>> = {
  keys: ALL_KEYS,
  flushall: FLUSH,
  flushdb: FLUSH,
  swapdb: 'exchanges two databases under everybody',
  monitor: 'sends every command of every client: it may halve the throughput',
  debug: 'can block or end the server',
  shutdown: 'ends the server',
  save: 'blocks the server until the whole data set is on disk: use BGSAVE',
  'config|set': 'changes the server for everybody',
  'script|flush': 'every client loses its scripts',
  'function|flush': 'every client loses its functions',
  'client|pause': 'stops everybody',
  'client|kill': 'ends connections of others',
  migrate: 'blocks both servers while a key is copied',
  smembers: `${WHOLE}: use SSCAN; as a tag index it races with writers`,
  hgetall: `${WHOLE} if the hash is large: HMGET or HSCAN`,
  hkeys: `${WHOLE}: use HSCAN`,
  hvals: `${WHOLE}: use HSCAN`,
  sort: 'sorts on the server, and blocks while it does',
  sinter: SETS,
  sunion: SETS,
  sdiff: SETS,
  sinterstore: SETS,
  sunionstore: SETS,
  sdiffstore: SETS,
  zunionstore: SETS,
  zinterstore: SETS,
  'acl|setuser': 'changes users',
  replicaof: 'makes the server a replica, which deletes its data',
  slaveof: 'makes the server a replica, which deletes its data',
};

/** Those that are ordinary unless they are slow. */
const ONLY_IF_SLOW = new Set(['hgetall', 'smembers', 'hkeys', 'hvals', 'sort', 'sinter', 'sunion', 'sdiff', 'sinterstore', 'sunionstore', 'sdiffstore', 'zunionstore', 'zinterstore']);

/** Why a command is dangerous, by its name in commandstats (`config|set`); null if it is not. */
export function dangerOf(command: string): string | null {
  const name = command.toLowerCase();
  return Object.hasOwn(DANGERS, name) ? (DANGERS[name]) : null;
}

/** Whether it matters how often and how slowly it runs. */
export const isOrdinary = (command: string): boolean => ONLY_IF_SLOW.has(command.toLowerCase());
