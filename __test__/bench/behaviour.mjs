// `npm run bench:behaviour`: what the compared caches do, where the bench says how fast. Each cache answers the same questions, with its default
// settings, in processes of its own on a Redis of its own. Writes docs/behaviour.json, from which `npm run docs:tables` makes a table of
// docs/comparison.md.
//
//     npm run bench:behaviour                     all caches
//     npm run bench:behaviour -- --only hawser    one of them; prints and publishes nothing

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from '../../scripts/setup.mjs';
import { entry, root, SetupError } from '../../scripts/setup/run.mjs';
import { BENTO, HAWSER } from './caches.mjs';
import { folderUrl } from './options.mjs';
import { ensurePeers, ownVersion, peerVersions } from './peers.mjs';
import { commandCalls, Server } from './server.mjs';
import { TripProxy } from './trip_proxy.mjs';

export const BEHAVIOUR = 'docs/behaviour.json';
const MEMBER = fileURLToPath(new URL('behaviour_member.mjs', import.meta.url));
const CONTENDERS = [HAWSER, BENTO, 'cacheable', 'async-cache-dedupe'];
const CALLERS = 20;
const LOAD_MS = 1_000;
const FEW = 10;
const MANY = 10_000;
const TAGGED = 1_000;
/** A read that has no value by then counts as unanswered. */
const PATIENCE_MS = 10_000;

/** A process with one cache. */
class Member {
  static async start(name, port) {
    const member = new Member(fork(MEMBER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], serialization: 'advanced' }));
    await member.call('open', { contender: name, port, folder: folderUrl(root), withTags: true });
    return member;
  }

  constructor(child) {
    this.child = child;
    this.calls = new Map();
    child.on('message', ({ id, result, error }) => {
      const { resolve, reject } = this.calls.get(id);
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    });
  }

  call(name, ...args) {
    const id = this.calls.size;
    this.child.send({ id, name, args });
    return new Promise((resolve, reject) => this.calls.set(id, { resolve, reject }));
  }

  async stop() {
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }
}

/** Calls `use` with so many members on an empty server. */
async function fleet(name, size, use) {
  const server = await Server.start();
  const members = await Promise.all(Array.from({ length: size }, () => Member.start(name, server.port)));
  try {
    return await use(members, server);
  } finally {
    await Promise.all(members.map((member) => member.stop()));
    await server.stop();
  }
}

const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);
const loads = (name, processes) => fleet(name, processes, async (members) => sum(await Promise.all(members.map((member) => member.call('burst', 'key', CALLERS, LOAD_MS)))));

/** A load begins, another process invalidates its tag, and the load ends with the value from before. What does the next read return? */
const lateLoad = (name) =>
  fleet(name, 2, async ([loading, other]) => {
    await other.call('load', 'first', 0, ['tag']);
    const late = loading.call('loadHeld', 'key', 'old', ['tag']);
    await loading.call('isLoading');
    await other.call('invalidate', 'tag');
    await loading.call('release');
    await late;
    return other.call('load', 'key', 'new', ['tag']);
  });

/** The commands that an invalidation costs the server. */
const invalidation = (name, entries) =>
  fleet(name, 1, async ([member], server) => {
    await member.call('fill', entries, 'tag');
    await server.ask('CONFIG RESETSTAT');
    await member.call('invalidate', 'tag');
    return sum(Object.values(await commandCalls(server.port)));
  });

/** How often a hit waits for the server: the fewest of some, because caches also talk to the server for themselves. */
async function tripsOfHit(name, tags) {
  const server = await Server.start();
  const proxy = await TripProxy.start(server.port);
  const member = await Member.start(name, proxy.port);
  try {
    const names = Array.from({ length: tags }, (_, n) => `tag-${n}`);
    await member.call('set', 'key', 'value', names);
    const seen = [];
    for (let n = 0; n < 10; n++) {
      proxy.trips = 0;
      await member.call('hit', 'key', names);
      seen.push(proxy.trips);
    }
    return Math.min(...seen);
  } finally {
    await member.stop();
    proxy.stop();
    await server.stop();
  }
}

/** How long a read of a missing key takes when the server has become silent, or is gone; undefined: longer than a caller waits. */
const readWithout = (name, harm) =>
  fleet(name, 1, async ([member], server) => {
    await member.call('load', 'first', 'value', []);
    await harm(server);
    const { value, ms } = await member.call('readWithin', 'key', 'loaded', PATIENCE_MS);
    return value === 'loaded' ? Math.round(ms) : undefined;
  });

/** Keys that stay for ever after entries have been stored and invalidated. */
const keysForEver = (name) =>
  fleet(name, 1, async ([member], server) => {
    await member.call('fillEach', TAGGED);
    const script = "local n = 0 for _, key in ipairs(redis.call('KEYS', '*')) do if redis.call('PTTL', key) == -1 then n = n + 1 end end return n";
    return Number(await server.ask(`EVAL "${script}" 0`));
  });

async function behaviourOf(name) {
  return {
    loadsInOne: await loads(name, 1),
    loadsInThree: await loads(name, 3),
    afterLateLoad: await lateLoad(name),
    commands: { few: await invalidation(name, FEW), many: await invalidation(name, MANY) },
    trips: { none: await tripsOfHit(name, 0), three: await tripsOfHit(name, 3) },
    silentMs: await readWithout(name, (server) => process.kill(server.child.pid, 'SIGSTOP')),
    stoppedMs: await readWithout(name, (server) => server.stop()),
    keysForEver: await keysForEver(name),
  };
}

const PACKAGES = { [BENTO]: 'bentocache' };

async function main() {
  const only = process.argv.indexOf('--only');
  const names = only < 0 ? CONTENDERS : [process.argv[only + 1]];
  if (!names.every((name) => CONTENDERS.includes(name))) throw new SetupError(`--only needs one of: ${CONTENDERS.join(', ')}`);
  await setup({ server: true });
  await ensurePeers();
  const server = await Server.start();
  const redis = await server.version().finally(() => server.stop());
  const caches = {};
  for (const name of names) {
    caches[name] = await behaviourOf(name);
    console.log(`${name}: ${JSON.stringify(caches[name])}`);
  }
  if (only >= 0) return;
  const peers = peerVersions();
  const versions = Object.fromEntries(names.map((name) => [name, name === HAWSER ? ownVersion() : peers[PACKAGES[name] ?? name]]));
  const asked = { callers: CALLERS, few: FEW, many: MANY, tagged: TAGGED, patienceMs: PATIENCE_MS };
  writeFileSync(path.join(root, BEHAVIOUR), `${JSON.stringify({ when: new Date().toISOString(), node: process.versions.node, server: redis, versions, asked, caches }, undefined, 1)}\n`);
  console.log(`${BEHAVIOUR} is written; npm run docs:tables updates the table`);
}

await entry(main);
