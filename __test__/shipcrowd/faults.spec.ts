/**
 * The example while things break, in a reduced size; `npm run example:report` has the whole one. Users read and write through two instances on a server that
 * keeps its data on the disk.
 */
import * as path from 'node:path';
import { instanceKilled, redisFrozen, redisFull, redisKilled, under, type FaultResult } from '../../examples/shipcrowd/report/faults';
import { jobsThrough } from '../../examples/shipcrowd/report/parts/jobs';
import type { Target } from '../../examples/shipcrowd/report/parts/loads';
import { throughRestart } from '../../examples/shipcrowd/report/parts/restart';
import { revocations } from '../../examples/shipcrowd/report/parts/roles';
import { readBack } from '../../examples/shipcrowd/report/readback';
import { Server } from '../../examples/shipcrowd/report/servers';
import { prepare, type Prepared } from '../../examples/shipcrowd/report/side';
import { Stack } from '../../examples/shipcrowd/report/stack';
import { QUICK } from '../../examples/shipcrowd/report/options';
import { installExample } from './stack';

const SIZE = { ...QUICK, sellers: 8 };
const SHORT = { seconds: 0, answers: 40 };
/** Each read takes a while then: blacklist and limits wait for Redis before they go on without it. */
const AWAY = { seconds: 0, answers: 8 };

let server: Server;
let stack: Stack;
let prepared: Prepared;
let target: Target;

beforeAll(async () => {
  server = await Server.start(Server.DURABLE);
  const { instances, companies, orders, pincodes } = SIZE;
  const root = await installExample();
  const env = { HAWSER_EXAMPLE_BUILD: 'no', DATA_FOLDER: path.join(root, '.data') };
  stack = await Stack.start({ root, redisUrl: server.url, instances, companies, orders, pincodes, seed: 1, after: true, env });
  prepared = await prepare(stack, [server.port], SIZE, 1);
  target = prepared.target;
}, 400_000);

afterAll(async () => {
  await stack?.stop();
  await server?.stop();
}, 60_000);

test('an order is in the list of another instance as soon as it is answered with 201', async () => {
  const result = await readBack(stack.site, target.people, { instances: SIZE.instances, seed: 1, clients: 8, count: 80 });
  expect(result).toMatchObject({ stale: 0, lost: 0, refused: 0, failedLists: 0 });
  expect(result.written).toBeGreaterThanOrEqual(80);
});

test('a revoked permission is refused by every instance once the administrator has the answer', async () => {
  const result = await revocations(stack.site, target.people.admin, prepared.viewer, SIZE.instances, 2);
  expect(result).toMatchObject({ rounds: 2, permittedLate: 0 });
}, 60_000);

test('the cache through a restart of Redis: every answer is right, and readers do not notice', async () => {
  const result = await throughRestart(target, server, 1);
  expect(result).toMatchObject({ wrong: 0, failedWhileDown: 0 });
}, 60_000);

test('queues through a restart of Redis: every job runs, and none has an effect twice', async () => {
  const result = await jobsThrough(target, 12, 1, async () => {
    await server.kill('SIGTERM');
    await server.launch();
  });
  expect(result.expected).toBeGreaterThan(12);
  expect(result).toMatchObject({ lost: 0, twice: 0, undone: 0, doneTwice: 0 });
}, 120_000);

describe('users notice nothing that they must not', () => {
  const isWhole = ({ failed, writes }: FaultResult): void => {
    expect({ failed, stale: writes.stale, lost: writes.lost, examples: writes.examples }).toEqual({ failed: 0, stale: 0, lost: 0, examples: [] });
  };

  test('Redis killed and back', async () => isWhole(await under(redisKilled(server), stack, target, AWAY, 11)), 120_000);
  test('Redis frozen', async () => isWhole(await under(redisFrozen(server), stack, target, AWAY, 12)), 120_000);
  test('Redis full', async () => isWhole(await under(redisFull(server), stack, target, SHORT, 13)), 120_000);
  test('one instance killed', async () => isWhole(await under(instanceKilled(stack, 2), stack, target, SHORT, 14)), 120_000);
});
