/** Waits for loads of other processes: woken by the server's pushes where there is RESP3, polled elsewhere. */
import { CacheRepository, RedisManager } from '../../lib/facade';
import { pause } from '../helpers/clock';
import { serverForAll } from '../helpers/lifetimes';
import { NodeProcess } from '../helpers/process';
import { until } from '../helpers/until';
import { heldLoader } from './backends';
import { specifyWaking } from './woken';

const FLEET = 4;
const CALLERS = 50;
const server = serverForAll();
const children: NodeProcess[] = [];
const logger = { debug() {}, info() {}, warn() {}, error() {} };
let keys = 0;

beforeEach(() => RedisManager.configure({ url: server.url, logger, cache: { leaseMs: 1_000, renewMs: 300 } }));
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.kill()));
  await RedisManager.closeAll();
  RedisManager.configure({});
  await server.command('FLUSHALL');
});

/** Processes that ask for a key when they are told so, with many calls, half of them in later turns of the event loop. */
async function fleet(protocol: 2 | 3, watchLoads = true): Promise<NodeProcess[]> {
  const script = `
    const { CacheRepository, RedisManager } = require('hawser');
    RedisManager.configure({ url: ${JSON.stringify(server.url)}, redis: { protocol: ${protocol} }, cache: { leaseMs: 1000, renewMs: 300, watchLoads: ${watchLoads} } });
    const cache = new CacheRepository('waits');
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    require('node:readline').createInterface({ input: process.stdin }).on('line', async (key) => {
      const load = () => 'loaded by ' + process.pid;
      const reads = Array.from({ length: ${CALLERS / 2} }, () => cache.getOrSet(key, load, { tags: ['t'] }));
      for (let i = 0; i < ${CALLERS / 2}; i++) {
        await turn();
        reads.push(cache.getOrSet(key, load, { tags: ['t'] }));
      }
      console.log('asked', key);
      const values = await Promise.all(reads);
      console.log('got', key, [...new Set(values)].join());
    });
    cache.get('warm').then(() => console.log('ready'));
  `;
  for (let i = 0; i < FLEET; i++) children.push(new NodeProcess(script, { deadlineMs: 60_000 }));
  await Promise.all(children.map((child) => child.line(/^ready$/)));
  return children;
}

/** Every process waits for this process's load of the key, with all of its calls. */
async function everybodyWaits(waiting: NodeProcess[], key: string): Promise<void> {
  for (const child of waiting) child.send(key);
  await Promise.all(waiting.map((child) => child.line(new RegExp(`^asked ${key}$`))));
}

/** Longer than any pause between two polls: what is counted are the looks in a span of time. */
const SPAN_MS = 250;

async function looksInASpan(): Promise<number> {
  return (await server.countCommands(() => pause(SPAN_MS))).mget ?? 0;
}

/** A load of this process, and a fleet that waits for it. */
async function waitedFor(protocol: 2 | 3, watchLoads = true) {
  const waiting = await fleet(protocol, watchLoads);
  const key = `k${++keys}`;
  const held = heldLoader<string>();
  const own = new CacheRepository('waits').getOrSet(key, held.loader, { tags: ['t'] });
  await held.started;
  await everybodyWaits(waiting, key);
  return { waiting, key, own, finish: () => held.finish.open('value') };
}

async function everybodyGets(waiting: NodeProcess[], key: string): Promise<void> {
  for (const child of waiting) expect(await child.line(new RegExp(`^got ${key} `))).toBe(`got ${key} value`);
}

test('with RESP3, those who wait send nothing until the value is there, and then one read for each process', async () => {
  const waiting = await fleet(3);
  const cache = new CacheRepository('waits');
  // The first wait opens the link on which the pushes come.
  for (let round = 0; round < 3; round++) {
    const key = `k${++keys}`;
    const held = heldLoader<string>();
    const own = cache.getOrSet(key, held.loader, { tags: ['t'] });
    await held.started;
    await everybodyWaits(waiting, key);
    // A renewal of the lease wakes them for one look.
    await until(async () => (await looksInASpan()) <= 2 * FLEET, { deadlineMs: 20_000 });
    const sent = await server.countCommands(async () => {
      held.finish.open('value');
      expect(await own).toBe('value');
      await everybodyGets(waiting, key);
    });
    expect(sent.mget).toBeLessThanOrEqual(3 * FLEET);
    expect(sent.evalsha).toBeLessThanOrEqual(20);
  }
});

test('with RESP2, they look again and again, ten times a second at least', async () => {
  const { waiting, key, own, finish } = await waitedFor(2);
  await until(async () => (await looksInASpan()) >= FLEET);
  finish();
  expect(await own).toBe('value');
  await everybodyGets(waiting, key);
  expect(waiting.map((child) => child.stderr).join('')).not.toContain('near cache');
});

test('with watchLoads: false, they look again as well, and open no connection for it', async () => {
  const { waiting, key, own, finish } = await waitedFor(3, false);
  await until(async () => (await looksInASpan()) >= FLEET);
  expect(String(await server.command('CLIENT', 'LIST'))).not.toContain('name=hawser:cache');
  finish();
  expect(await own).toBe('value');
  await everybodyGets(waiting, key);
});

test('without the link of the pushes, those who wait look for themselves', async () => {
  const { waiting, key, own, finish } = await waitedFor(3);
  await until(async () => (await looksInASpan()) <= 2 * FLEET, { deadlineMs: 20_000 });
  const lanes = (): Promise<string[]> => server.command('CLIENT', 'LIST').then((list) => [...String(list).matchAll(/^id=(\d+) .* name=hawser:cache /gm)].map((match) => match[1]));
  expect((await lanes()).length).toBeGreaterThanOrEqual(FLEET);
  for (const id of await lanes()) await server.command('CLIENT', 'KILL', 'ID', id);
  finish();
  expect(await own).toBe('value');
  await everybodyGets(waiting, key);
});

test('a holder that dies is replaced when its lease runs out, although nobody polls', async () => {
  const [first, ...others] = await fleet(3);
  const cache = new CacheRepository('waits');
  const key = `k${++keys}`;
  const holder = new NodeProcess(
    `
    const { CacheRepository, RedisManager } = require('hawser');
    RedisManager.configure({ url: ${JSON.stringify(server.url)}, cache: { leaseMs: 1000, renewMs: 300 } });
    new CacheRepository('waits').getOrSet(${JSON.stringify(key)}, () => { console.log('loading'); return new Promise(() => setInterval(() => 0, 1000)); }, { tags: ['t'] });
  `,
    { deadlineMs: 60_000 },
  );
  children.push(holder);
  await holder.line(/^loading$/);
  await everybodyWaits([first, ...others], key);
  await holder.kill();
  const values = new Set<string>();
  for (const child of [first, ...others]) values.add((await child.line(new RegExp(`^got ${key} `), { deadlineMs: 20_000 })).slice(`got ${key} `.length));
  expect(values.size).toBe(1);
  expect(await cache.get(key)).toBe([...values][0]);
});

describe('those who wait without looking are woken when', () => {
  specifyWaking(() => ({ place: { url: server.url }, servers: [server], serverOf: async () => server }));
});
