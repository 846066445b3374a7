/** Services go to the new code and back while users go on; `npm run example:faults` does it with each of the eleven alone. */
import * as path from 'node:path';
import { QUICK } from '../../examples/shipcrowd/report/options';
import { switches } from '../../examples/shipcrowd/report/parts/switches';
import { Server } from '../../examples/shipcrowd/report/servers';
import { prepare } from '../../examples/shipcrowd/report/side';
import { Stack } from '../../examples/shipcrowd/report/stack';
import { SERVICES } from '../../examples/shipcrowd/server/flags';
import { installExample } from './stack';

const SIZE = { ...QUICK, sellers: 8 };
const STATE = ['SESSIONS', 'RATE_LIMITS', 'QUEUES'];

let server: Server;
let stack: Stack;

beforeAll(async () => {
  server = await Server.start();
  const root = await installExample();
  const { instances, companies, orders, pincodes } = SIZE;
  const env = { HAWSER_EXAMPLE_BUILD: 'no', DATA_FOLDER: path.join(root, '.data') };
  stack = await Stack.start({ root, redisUrl: server.url, instances, companies, orders, pincodes, seed: 1, after: false, env });
}, 400_000);

afterAll(async () => {
  await stack?.stop();
  await server?.stop();
}, 60_000);

test('sign-outs, limits and jobs survive a switch of their services in both directions, and of all the others', async () => {
  const { target } = await prepare(stack, [server.port], SIZE, 1);
  const groups = [STATE, SERVICES.filter((name) => !STATE.includes(name))];
  const result = await switches(target, groups, 1);
  expect(result.switches.map(({ to, wrong }) => ({ to, wrong }))).toEqual(groups.flatMap(() => [{ to: 'after', wrong: [] }, { to: 'before', wrong: [] }]));
  expect(result).toMatchObject({ failed: 0, lost: 0, jobsLost: 0, jobsTwice: 0 });
  expect(result.orders).toBeGreaterThan(groups.length);
  expect(result.reads).toBeGreaterThan(result.orders);
}, 600_000);
