/** When a link polls, by the test's own clock, and what polling must not change on a real server. */
import { createHook } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { Redis } from '../../lib';
import { Polling, type Spent } from '../../lib/link/polling';
import { runNode } from '../helpers/process';
import { serverForAll } from '../helpers/lifetimes';

/** Round trips in which the thread uses `cost(isOn)`. No reply is due between them. */
function serve(polling: Polling, clock: Spent, reads: number, cost: (isOn: boolean) => [cpu: number, time: number]): void {
  for (let i = 0; i < reads; i++) {
    const [cpu, time] = cost(polling.isOn);
    clock.cpu += cpu;
    clock.time += time;
    polling.onRead(100);
  }
}

function make(isAllowed = true, isWaiting = false): { polling: Polling; clock: Spent } {
  const clock = { cpu: 0, time: 0 };
  const polling = new Polling(
    isAllowed,
    () => isWaiting,
    () => ({ ...clock }),
  );
  return { polling, clock };
}

const PERIOD = 40_000;

describe('the choice', () => {
  test.each([
    ['cheaper', [6, 10], [10, 10]],
    ['not dearer and twice as fast', [20, 10], [20, 20]],
  ])('polling continues if it is %s', (_, polled, slept) => {
    const { polling, clock } = make();
    serve(polling, clock, PERIOD, (isOn) => (isOn ? polled : slept) as [number, number]);
    expect(polling.isOn).toBe(true);
  });

  test('polling stops when sleeping is better, and starts again when that changes', () => {
    const { polling, clock } = make();
    serve(polling, clock, PERIOD, (isOn) => (isOn ? [30, 20] : [10, 30]));
    expect(polling.isOn).toBe(false);
    serve(polling, clock, PERIOD * 4, (isOn) => (isOn ? [6, 10] : [10, 10]));
    expect(polling.isOn).toBe(true);
  });

  test('polling stops if it takes more CPU time, however fast it is', () => {
    const { polling, clock } = make();
    serve(polling, clock, PERIOD, (isOn) => (isOn ? [21, 10] : [20, 100]));
    expect(polling.isOn).toBe(false);
  });

  test('no trial happens before compilation has settled, and the first one soon after', () => {
    const { polling, clock } = make();
    const switches: number[] = [];
    for (let was = polling.isOn; clock.time < 1000; was = polling.isOn) {
      serve(polling, clock, 1, () => [0.2, 0.2]);
      if (polling.isOn !== was) switches.push(clock.time);
    }
    expect(switches[0]).toBeGreaterThanOrEqual(300);
    expect(switches[0]).toBeLessThan(450);
  });

  test('polling needs a clear and measurable advantage', () => {
    for (const cost of [5, 0, NaN]) {
      const { polling, clock } = make();
      serve(polling, clock, PERIOD, () => [cost, 1]);
      expect(polling.isOn).toBe(false);
    }
  });

  test('other work of the application in some windows does not change the choice', () => {
    const { polling, clock } = make();
    let reads = 0;
    serve(polling, clock, PERIOD, (isOn) => [(isOn ? 6 : 10) + (reads++ % 70 === 0 ? 500 : 0), 10]);
    expect(polling.isOn).toBe(true);
  });

  test('a connection never polls if the option forbids it', () => {
    const { polling, clock } = make(false);
    serve(polling, clock, PERIOD, (isOn) => [isOn ? 1 : 10, 10]);
    expect(polling.isOn).toBe(false);
    polling.reset();
    expect(polling.isOn).toBe(false);
  });
});

describe('a slow server', () => {
  test('stops polling after a few waits, and a new connection tries again', async () => {
    const { polling } = make(true, true);
    let waits = 0;
    while (polling.isOn) {
      waits++;
      polling.onWrite();
      // Longer than the longest poll.
      for (let i = 0; i < 200; i++) await turn();
      expect(waits).toBeLessThan(100);
    }
    polling.reset();
    expect(polling.isOn).toBe(true);
  });
});

describe('on a real server', () => {
  const server = serverForAll();

  test.each([true, false])('the commands of a tick keep their order, and a transaction is not split (noDelay %s)', async (noDelay) => {
    const redis = new Redis(server.port, { noDelay });
    await redis.ping();
    for (let i = 0; i < 50; i++) {
      const first = redis.set('polled', String(i));
      const rest = redis.multi().incr('polled').incr('polled').exec();
      const last = redis.get('polled');
      expect([await first, await rest, await last]).toEqual(['OK', [[null, i + 1], [null, i + 2]], String(i + 2)]);
    }
    redis.disconnect();
  });

  test('a command that a callback issues is answered after the callback returned', async () => {
    const redis = new Redis(server.port);
    await redis.ping();
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      void redis.get('one', () => {
        void redis.get('two', () => {
          seen.push('two');
          resolve();
        });
        seen.push('one');
      });
    });
    expect(seen).toEqual(['one', 'two']);
    redis.disconnect();
  });

  test.each([
    ['by default', '', true],
    ["with poll: 'auto'", "?poll=auto", true],
    ['with poll: false', '?poll=false', false],
  ])('%s, the event loop keeps turning while a reply is due: %s', async (_name, query, polls) => {
    const { code, stdout } = await runNode(`
      const { Redis } = require('hawser');
      const turns = { count: 0 };
      require('node:async_hooks').createHook({ init(_id, type) { if (type === 'Immediate') turns.count++; } }).enable();
      const redis = new Redis('redis://127.0.0.1:${server.port}/${query}');
      redis.once('ready', async () => {
        turns.count = 0;
        for (let i = 0; i < 100; i++) await redis.get('a');
        console.log(turns.count > 0);
        redis.disconnect();
      });
    `);
    expect({ code, stdout: stdout.trim() }).toEqual({ code: 0, stdout: String(polls) });
  });

  test('a changed option applies to the next connection', async () => {
    const redis = new Redis(server.port, { retryStrategy: () => 1 });
    await redis.ping();
    redis.options.poll = false;
    const ready = new Promise((resolve) => redis.once('ready', () => resolve(undefined)));
    redis.disconnect(true);
    await ready;
    let turns = 0;
    const hook = createHook({ init: (_id, type) => void (turns += type === 'Immediate' ? 1 : 0) }).enable();
    for (let i = 0; i < 50; i++) await redis.get('a');
    hook.disable();
    redis.disconnect();
    // A link that polls looks at least once for each reply. A timer of the process may end meanwhile, too.
    expect(turns).toBeLessThan(10);
  });

  test('polling does not keep the process of an unreferenced client alive', async () => {
    const { code } = await runNode(`
      const { Redis } = require('hawser');
      const redis = new Redis(${server.port});
      redis.ping().then(() => {
        redis.unref();
        const again = () => redis.get('a').then(again);
        again();
      });
    `);
    expect(code).toBe(0);
  });
});
