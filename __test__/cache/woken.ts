/**
 * What wakes those who wait for a load of another process without looking for themselves: one specification for a server and for a cluster. The holder of the
 * lease hangs, and the lease lives for an hour, so without the push nobody would look in the time of a test.
 */
import { CacheRepository, RedisManager, type ManagerOptions } from '../../lib/facade';
import { pause } from '../helpers/clock';
import { NodeProcess } from '../helpers/process';
import type { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

/** Where the store is. */
export interface Ground {
  readonly place: ManagerOptions;
  /** The servers that answer reads. */
  readonly servers: readonly RedisServer[];
  serverOf(key: string): Promise<RedisServer>;
}

const HOUR = 3_600_000;
const CACHE = { leaseMs: HOUR, renewMs: HOUR / 2, lockTimeoutMs: HOUR };
/** Longer than any pause between two polls. */
const SPAN_MS = 250;
const LATE = { deadlineMs: 20_000 };

/** Another process: begins loads that never end, and writes. */
const SCRIPT = `
  const { CacheRepository, RedisManager } = require('hawser');
  RedisManager.configure(JSON.parse(process.env.OPTIONS));
  require('node:readline').createInterface({ input: process.stdin }).on('line', async (line) => {
    const { id, prefix, op, args } = JSON.parse(line);
    const cache = new CacheRepository(prefix);
    if (op !== 'hang') await cache[op](...args);
    else {
      const [key, options, added] = args;
      cache.getOrSet(key, async (context) => {
        if (added) await context.addTags(added);
        console.log('done', id);
        return new Promise(() => undefined);
      }, options);
      return;
    }
    console.log('done', id);
  });
  new CacheRepository('warm').get('up').then(() => console.log('ready'));
`;

class Other {
  private last = 0;
  readonly process: NodeProcess;

  constructor(place: ManagerOptions) {
    this.process = new NodeProcess(SCRIPT, { env: { OPTIONS: JSON.stringify({ ...place, cache: CACHE }) }, deadlineMs: 280_000 });
  }

  async run(prefix: string, op: string, ...args: unknown[]): Promise<void> {
    const id = ++this.last;
    this.process.send(JSON.stringify({ id, prefix, op, args }));
    await this.process.line(new RegExp(`^done ${id}$`), LATE);
  }
}

/** One wait: the keys that it concerns, and how to act on them. */
export interface Waiting {
  readonly prefix: string;
  readonly entry: string;
  readonly version: string;
  readonly other: Other;
  readonly ground: Ground;
}

type Act = (waiting: Waiting) => Promise<unknown>;
type Event = [name: string, act: Act, wanted?: string];

async function command({ ground }: Waiting, ...args: string[]): Promise<void> {
  await (await ground.serverOf(args[1])).command(...args);
}

/** This process's link for pushes on a server. */
async function laneOn(server: RedisServer): Promise<string> {
  const lanes = [...String(await server.command('CLIENT', 'LIST')).matchAll(/^id=(\d+) .* name=woken:cache /gm)];
  return lanes.map(([, id]) => id).join();
}

/** The server ends the link and deletes the key in one go, so that nobody is told. */
async function deleteUnseen({ ground }: Waiting, key: string): Promise<void> {
  const server = await ground.serverOf(key);
  const client = await server.connect();
  try {
    await client.command('MULTI');
    await client.command('CLIENT', 'KILL', 'ID', await laneOn(server));
    await client.command('DEL', key);
    await client.command('EXEC');
  } finally {
    client.close();
  }
}

const EVENTS: Event[] = [
  ['a tag of the load is invalidated', ({ other, prefix }) => other.run(prefix, 'invalidateTags', ['t'])],
  ['the repository is cleared', ({ other, prefix }) => other.run(prefix, 'clear')],
  ['the key is deleted', ({ other, prefix }) => other.run(prefix, 'delete', 'k')],
  ['a pattern is deleted', ({ other, prefix }) => other.run(prefix, 'deletePattern', '*')],
  ['the key is set without the tag', ({ other, prefix }) => other.run(prefix, 'set', 'k', 'set')],
  ['the key is set with tags', ({ other, prefix }) => other.run(prefix, 'setWithTags', 'k', 'set', { tags: ['t'] }), 'set'],
  ['the version of a tag is evicted', (waiting) => command(waiting, 'DEL', waiting.version)],
  ['the version of a tag expires', (waiting) => command(waiting, 'PEXPIRE', waiting.version, '1')],
  ['the lease is evicted', (waiting) => command(waiting, 'DEL', waiting.entry)],
  ['the lease runs out', (waiting) => command(waiting, 'PEXPIRE', waiting.entry, '1000')],
  ['the link of the pushes is lost with a tag', (waiting) => deleteUnseen(waiting, waiting.version)],
  ['the link of the pushes is lost with the lease', (waiting) => deleteUnseen(waiting, waiting.entry)],
];

/** Loads of which more is to be said than that they hang. */
const LOADS: Record<string, { begin: (other: Other, prefix: string) => Promise<unknown>; act: Act }> = {
  'a tag that the loader has added is invalidated': {
    begin: (other, prefix) => other.run(prefix, 'hang', 'k', { tags: ['t'] }, ['added']),
    act: ({ other, prefix }) => other.run(prefix, 'invalidateTags', ['added']),
  },
  'a tag is invalidated while an expired entry is loaded again': { begin: loadAgain, act: ({ other, prefix }) => other.run(prefix, 'invalidateTags', ['t']) },
  'the repository is cleared while an expired entry is loaded again': { begin: loadAgain, act: ({ other, prefix }) => other.run(prefix, 'clear') },
  'an expired entry that is loaded again is deleted': { begin: loadAgain, act: ({ other, prefix }) => other.run(prefix, 'delete', 'k') },
};

/** The lease is in the header of the entry then. */
async function loadAgain(other: Other, prefix: string): Promise<void> {
  const own = new CacheRepository(prefix);
  await own.setWithTags('k', 'old', { tags: ['t'], ttl: 0.01, staleIfError: 100_000 });
  await until(async () => (await own.get('k')) === null);
  await other.run(prefix, 'hang', 'k', { tags: ['t'] });
}

/** This one ends all waits. */
const FLUSH: Event = [
  'the servers forget everything',
  // Replicas refuse to.
  ({ ground }) => Promise.all(ground.servers.map((server) => server.command('FLUSHALL').catch(() => undefined))),
];

/** A load, how it begins, what happens to it, and what its waiting caller has got. */
interface Load {
  readonly name: string;
  readonly begin: (other: Other, prefix: string) => Promise<unknown>;
  readonly act: Act;
  readonly wanted: string;
  readonly prefix: string;
  value?: unknown;
}

/** `more` events may change where the keys are. */
export function specifyWaking(ground: () => Ground, more: Event[] = []): void {
  let other: Other;

  beforeAll(async () => {
    other = new Other(ground().place);
    await other.process.line(/^ready$/, LATE);
  }, 60_000);
  afterAll(() => other.process.kill());
  beforeEach(async () => {
    await RedisManager.closeAll();
    const logger = { debug() {}, info() {}, warn() {}, error() {} };
    RedisManager.configure({ ...ground().place, connectionName: 'woken', logger, retryDelayMs: 20, cache: CACHE });
  });

  const looks = async (): Promise<number> => {
    const calls = await Promise.all(ground().servers.map((server) => server.commandCalls()));
    return calls.reduce((sum, { mget = 0 }) => sum + mget, 0);
  };

  const hang = (by: Other, prefix: string): Promise<unknown> => by.run(prefix, 'hang', 'k', { tags: ['t'] });

  test('something has happened to what they wait for', async () => {
    const loads = Object.entries(LOADS).map(([name, { begin, act }]) => ({ name, begin, act, wanted: 'mine' }));
    const events = [...EVENTS, ...more, FLUSH].map(([name, act, wanted = 'mine']) => ({ name, begin: hang, act, wanted }));
    const all: Load[] = [...loads, ...events].map((one, n) => ({ ...one, prefix: `woken${n}` }));
    await Promise.all(all.map(({ begin, prefix }) => begin(other, prefix)));
    for (const one of all) {
      void new CacheRepository(one.prefix).getOrSet('k', () => 'mine', { tags: ['t'] }).then((value) => (one.value = value));
    }
    // Nobody looks any more.
    await until(async () => {
      const seen = await looks();
      await pause(SPAN_MS);
      return (await looks()) === seen;
    }, LATE);
    expect(all.filter(({ value }) => value !== undefined)).toEqual([]);
    const found: Record<string, unknown> = {};
    for (const one of all) {
      const { name, act, prefix } = one;
      await act({ prefix, entry: `${prefix}:k`, version: `${prefix}#v{:t}`, other, ground: ground() });
      await until(() => one.value !== undefined, LATE).catch(() => undefined);
      found[name] = one.value;
    }
    expect(found).toEqual(Object.fromEntries(all.map(({ name, wanted }) => [name, wanted])));
  }, 240_000);
}
