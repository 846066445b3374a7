/**
 * The history checker: processes read and write one cache at random, while processes are killed and stopped, servers restart and change
 * roles, keys vanish, connections are cut and clocks are ten minutes apart. Whoever starts to read after an invalidation has resolved
 * must not get what is older. Ends with code 1 if something was wrong.
 *
 *     npm run history                                  a million operations, standalone and on a cluster
 *     npm run history -- --operations 50000 --only cluster --seed 7
 */
import { parseArgs } from 'node:util';
import { nowMs, pause } from '../helpers/clock';
import { RedisServer } from '../helpers/redis-server';
import { Dice } from './dice';
import { Fleet, fakeTimeLibrary } from './fleet';
import { places, type Place } from './places';
import { Source } from './source';

const { values: options } = parseArgs({
  options: {
    operations: { type: 'string', default: '1000000' },
    only: { type: 'string', default: 'standalone,cluster' },
    /** `off`: no process has a near cache. Otherwise every second one has. */
    near: { type: 'string', default: 'on' },
    workers: { type: 'string', default: '4' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Mean time between two faults, in ms. */
    every: { type: 'string', default: '1000' },
    /** The longest time for one place, in seconds. */
    seconds: { type: 'string', default: '1800' },
  },
});

const list = (counts: Record<string, number>): string => Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(', ') || 'none';

/** Lets faults happen until the fleet has done its operations, or until something is wrong. */
async function disturb(place: Place, fleet: Fleet, source: Source, dice: Dice, operations: number): Promise<Record<string, number>> {
  const faults = { ...place.faults, 'process killed': () => fleet.kill(), 'process stopped': () => fleet.stopForAWhile() };
  const done: Record<string, number> = {};
  const end = nowMs() + Number(options.seconds) * 1000;
  let told = nowMs();
  while (fleet.operations < operations && fleet.wrong.length === 0 && nowMs() < end) {
    await pause(dice.below(2 * Number(options.every)));
    const [name, run] = dice.pick(Object.entries(faults));
    await source.fault();
    await run();
    await source.fault();
    done[name] = (done[name] ?? 0) + 1;
    fleet.check();
    if (nowMs() - told > 60_000) {
      told = nowMs();
      console.log(`  ${fleet.operations} operations`);
    }
  }
  return done;
}

async function check(kind: string, operations: number, seed: number): Promise<boolean> {
  const dice = new Dice(seed);
  const server = await RedisServer.start();
  const source = new Source(server.port);
  const place = await places[kind](dice);
  try {
    const fleet = new Fleet({ workers: Number(options.workers), sourcePort: server.port, manager: place.manager, clocks: true, near: options.near !== 'off' }, dice);
    const faults = await disturb(place, fleet, source, dice, operations);
    await fleet.end();
    console.log(`${kind}, seed ${seed}: ${fleet.operations} operations, ${fleet.values} values, ${fleet.writes} writes
  faults        ${list(faults)}
  rejected      ${list(fleet.errors)}
  clocks        ${fakeTimeLibrary() === undefined ? 'all right: there is no libfaketime here' : 'right, ten minutes fast, ten minutes slow'}
  wrong         ${fleet.wrong.length}`);
    for (const line of fleet.wrong.slice(0, 10)) console.log(`    ${line}`);
    return fleet.wrong.length === 0 && fleet.values > 0;
  } finally {
    await place.stop();
    source.close();
    await server.stop();
  }
}

async function main(): Promise<void> {
  const kinds = options.only.split(',');
  let isRight = true;
  for (const kind of kinds) isRight = (await check(kind, Number(options.operations) / kinds.length, Number(options.seed))) && isRight;
  console.log(isRight ? '\nhistory: right' : '\nhistory: wrong');
  process.exit(isRight ? 0 : 1);
}

void main();
