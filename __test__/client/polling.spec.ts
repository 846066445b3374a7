/** When a link polls: judged with a clock of the test's own, and what polling must not change with a real server. */
import { createHook } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { Redis } from '../../lib';
import { Polling, type Spent } from '../../lib/link/polling';
import { runNode } from '../helpers/process';
import { serverForAll } from '../helpers/lifetimes';

/** Round trips in which the thread uses `cost(isOn)`; the server owes nothing in between. */
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
    ['twice as dear and four times as fast', [20, 10], [10, 40]],
  ])('polling goes on where it is %s', (_, polled, slept) => {
    const { polling, clock } = make();
    serve(polling, clock, PERIOD, (isOn) => (isOn ? polled : slept) as [number, number]);
    expect(polling.isOn).toBe(true);
  });

  test('it ends where sleeping is better, and comes back when that has changed', () => {
    const { polling, clock } = make();
    serve(polling, clock, PERIOD, (isOn) => (isOn ? [30, 20] : [10, 30]));
    expect(polling.isOn).toBe(false);
    serve(polling, clock, PERIOD * 4, (isOn) => (isOn ? [6, 10] : [10, 10]));
    expect(polling.isOn).toBe(true);
  });

  test('what is not clearly better is not done, nor what cannot be measured', () => {
    for (const cost of [5, 0, NaN]) {
      const { polling, clock } = make();
      serve(polling, clock, PERIOD, () => [cost, 1]);
      expect(polling.isOn).toBe(false);
    }
  });

  test('work of the application in some windows does not decide', () => {
    const { polling, clock } = make();
    let reads = 0;
    serve(polling, clock, PERIOD, (isOn) => [(isOn ? 6 : 10) + (reads++ % 70 === 0 ? 500 : 0), 10]);
    expect(polling.isOn).toBe(true);
  });

  test('a connection that must not never does', () => {
    const { polling, clock } = make(false);
    serve(polling, clock, PERIOD, (isOn) => [isOn ? 1 : 10, 10]);
    expect(polling.isOn).toBe(false);
    polling.reset();
    expect(polling.isOn).toBe(false);
  });
});

describe('a server that takes its time', () => {
  test('ends it after a few waits, and a new connection tries again', async () => {
    const { polling } = make(true, true);
    let waits = 0;
    while (polling.isOn) {
      waits++;
      polling.onWrite();
      // Longer than anything is polled for.
      for (let i = 0; i < 200; i++) await turn();
      expect(waits).toBeLessThan(100);
    }
    polling.reset();
    expect(polling.isOn).toBe(true);
  });
});

describe('on a real server', () => {
  const server = serverForAll();

  test.each([true, false])('commands of a tick keep their order, and a transaction stays whole (noDelay %s)', async (noDelay) => {
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

  test('a callback that issues the next command is not answered before it returns', async () => {
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
  ])('%s the event loop is kept turning while a reply is due: %s', async (_name, query, polls) => {
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

  test('a change of the option counts from the next connection on', async () => {
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
    expect(turns).toBe(0);
    redis.disconnect();
  });

  test('it does not hold a process whose client is unreferenced', async () => {
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
