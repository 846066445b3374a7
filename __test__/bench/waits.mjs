// Waits for a load of another process: eight processes with a hundred callers each ask for a cold key.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { median } from './stats.mjs';

const WAITER = fileURLToPath(new URL('./waiter.mjs', import.meta.url));
const PROCESSES = 8;
/** The first ones open the links that bring the pushes, and compile. */
const WARM = 10;
const KEYS = 31;

/**
 * The median of the time from the commit, which resolves the callers of the process whose loader ran, to the last caller's value, in
 * milliseconds, and how many loaders ran per key.
 */
export async function waits({ port, folder }) {
  const fleet = Array.from({ length: PROCESSES }, () => fork(WAITER));
  try {
    const answers = () => Promise.all(fleet.map(async (child) => (await once(child, 'message'))[0]));
    const ready = answers();
    for (const child of fleet) child.send({ port, folder });
    await ready;
    const times = [];
    let loads = 0;
    for (let n = 0; n < WARM + KEYS; n++) {
      const all = answers();
      for (const child of fleet) child.send(`key:${n}`);
      const found = await all;
      const committed = Math.min(...found.filter(({ loads }) => loads > 0).map(({ first }) => first));
      loads += found.reduce((sum, one) => sum + one.loads, 0);
      if (n >= WARM) times.push((Math.max(...found.map(({ last }) => last)) - committed) / 1e3);
    }
    return { last: median(times), loads: loads / (WARM + KEYS) };
  } finally {
    for (const child of fleet) child.kill();
  }
}
