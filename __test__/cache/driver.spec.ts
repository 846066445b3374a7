/** How the facade carries out the engine's decisions, in orders that are rare on a real store. */
import { AsyncLocalStorage } from 'node:async_hooks';
import * as clock from '../../lib/clock';
import type { LoaderContext } from '../../lib/cache/load';
import { Group } from '../../lib/cache/many';
import { callOptions } from '../../lib/cache/options';
import { CacheSlot } from '../../lib/contract.generated';
import { read } from '../../lib/cache/read';
import { until } from '../helpers/until';
import { scripted, settle } from './scripted-engine';

const [HIT, , LOAD, REFRESH, STORED, FAILED, NOTHING, DONE, ERROR, WAITING, , OVER] = Array.from({ length: 12 }, (_, i) => i);
const STALE = 1;

describe('crossings', () => {
  test('the calls of a tick cross together, in order', async () => {
    const { engine, driver } = scripted();
    for (let i = 0; i < 100; i++) void driver.get(1, `k${i}`).next();
    expect(engine.batches).toEqual([]);
    await settle();
    expect(engine.batches).toEqual([100]);
    expect(engine.crossed.map(([, , , key]) => key)).toEqual(Array.from({ length: 100 }, (_, i) => `k${i}`));
  });

  test('a batch that grows past 256 kB leaves before the tick is over', () => {
    const { engine, driver, port } = scripted();
    for (let i = 0; i < 10; i++) driver.set(1, 'k', 'x'.repeat(50_000), port.base);
    expect(engine.batches).toEqual([6]);
  });

  test('text of every length and alphabet arrives unchanged', async () => {
    const { engine, driver, port } = scripted();
    const texts = ['a', 'é'.repeat(31), 'x'.repeat(32), '漢'.repeat(33), '😀'.repeat(1000), '\r\n\0{}*', 'ü'.repeat(3_000_000), 'z'];
    for (const text of texts) driver.set(1, text.slice(0, 50), text, port.base);
    await settle();
    expect(engine.crossed.map((parts) => parts[8])).toEqual(texts);
    const pins = engine.pins;
    driver.get(1, 'small');
    await settle();
    expect(engine.crossed.at(-1)?.[3]).toBe('small');
    expect(engine.pins).toBe(pins); // The large buffer was released right after its batch.
  });

  test('an engine that cannot accept a batch leaves no call waiting: reads load, writes reject', async () => {
    const { engine, driver, port } = scripted();
    engine.fail = new Error('defect');
    const value = read(port, 'k', () => 'loaded', port.base);
    const write = driver.set(1, 'k', '1', port.base).next();
    expect(await value).toBe('loaded');
    expect((await write).error('set', driver.node)).toMatchObject({ code: 'E_INTERNAL', node: 'scripted', maybeExecuted: true });
  });

  test('a logger that throws does not stop the decisions', async () => {
    const uncaught = jest.spyOn(clock, 'surface').mockImplementation(() => undefined);
    const log = (): never => {
      throw new Error('logger');
    };
    const { engine, driver } = scripted({ event: log, counted: log, timed: log });
    driver.calls.areTimed = true;
    const calls = ['a', 'b'].map((key) => driver.get(1, key));
    await settle();
    engine.decide([10, 1, 'warning', 'text'], [12, 1, 0, 1], [HIT, calls[0]?.id ?? 0, '1', 0], [HIT, calls[1]?.id ?? 0, '2', 0]);
    expect(await Promise.all(calls.map(async (call) => (await call.next()).stored))).toEqual(['1', '2']);
    expect(uncaught).toHaveBeenCalledTimes(4);
    uncaught.mockRestore();
  });

  test('the engine is woken at the time it asked for, after one more look at the socket', async () => {
    const { engine } = scripted();
    engine.wakeIn(1);
    await until(() => engine.ticks > 0);
  });
});

describe('loads', () => {
  test('a load for a call that was given up is returned to the engine, not left open', async () => {
    const { engine, driver, port } = scripted();
    const abort = new AbortController();
    const loader = jest.fn();
    const value = read(port, 'k', loader, callOptions(port.base, { signal: abort.signal }));
    await settle();
    abort.abort(new Error('enough'));
    await expect(value).rejects.toThrow('enough');
    await settle();
    const [id] = engine.ids('G');
    expect(engine.crossed.at(-1)).toEqual(['X', String(id)]);
    engine.decide([LOAD, id, 7, 0]);
    await settle();
    expect(engine.crossed.at(-1)).toEqual(['F', '7']);
    expect(loader).not.toHaveBeenCalled();
    expect(driver).toBeDefined();
  });

  test('a signal that aborts while the loader runs rejects its caller; the value is still stored', async () => {
    const { engine, port, counters } = scripted();
    const abort = new AbortController();
    let finish = (_: number): void => undefined;
    const seen: LoaderContext[] = [];
    const value = read(
      port,
      'k',
      (context) => {
        seen.push(context);
        return new Promise<number>((resolve) => (finish = resolve));
      },
      callOptions(port.base, { signal: abort.signal }),
    );
    await settle();
    engine.decide([LOAD, engine.ids('G')[0], 7, 0]);
    await until(() => seen.length === 1);
    expect(seen[0]?.signal?.aborted).toBe(false);
    abort.abort();
    // Nobody else waits for it.
    expect(seen[0]?.signal).toMatchObject({ aborted: true, reason: abort.signal.reason as unknown });
    await expect(value).rejects.toMatchObject({ name: 'AbortError' });
    finish(5);
    await settle();
    expect(engine.crossed.at(-1)).toEqual(['V', '7', '', '5']);
    expect(counters.misses).toBe(1);
  });

  test("the engine learns the outcome of every load, and joined callers fail with the same error object", async () => {
    const { engine, port } = scripted();
    const error = new Error('no database');
    const owner = read(port, 'k', () => Promise.reject(error), port.base);
    const joiner = read(port, 'k', jest.fn(), port.base);
    await settle();
    const [first, second] = engine.ids('G');
    engine.decide([WAITING, second], [LOAD, first, 3, 0]);
    await settle();
    expect(engine.crossed.at(-1)).toEqual(['F', '3']);
    // The load ended in the same crossing: the joiner's error was looked up in time.
    engine.decide([FAILED, first, 3], [FAILED, second, 3], [OVER, 0, 3]);
    await expect(owner).rejects.toBe(error);
    await expect(joiner).rejects.toBe(error);
  });

  test('who joined a load that nobody ran begins anew, and loads for himself when that goes on', async () => {
    const { engine, port, counters } = scripted();
    const loader = jest.fn(() => 'own');
    const value = read(port, 'k', loader, port.base);
    for (let round = 0; round <= 5; round++) {
      await settle();
      expect([engine.ids('G').length, loader.mock.calls.length]).toEqual([round + 1, 0]);
      engine.decide([FAILED, engine.ids('G')[round], 99]);
    }
    expect(await value).toBe('own');
    expect(counters).toMatchObject({ misses: 1, loads: 1 });
  });

  test('tags that a loader did not await arrive before its value; later tags are refused', async () => {
    const { engine, port } = scripted();
    let context: LoaderContext | undefined;
    let added: Promise<void> | undefined;
    const value = read(
      port,
      'k',
      (given) => {
        context = given;
        added = given.addTags(['t', 't', 'u']);
        return 1;
      },
      callOptions(port.base, { tags: ['u'] }),
    );
    await settle();
    const [id] = engine.ids('G');
    engine.decide([LOAD, id, 3, 0]);
    await settle();
    expect(engine.crossed.at(-1)).toEqual(['A', expect.any(String), '3', 't']);
    engine.decide([DONE, engine.ids('A')[0], 1]);
    await added;
    await settle();
    expect(engine.crossed.at(-1)).toEqual(['V', '3', '', '1']);
    engine.decide([STORED, id, 3, 1]);
    expect(await value).toBe(1);
    await expect(context?.addTags(['late'])).rejects.toMatchObject({ code: 'E_LOAD_OVER' });
  });

  test('more than 64 tags, including those of the call, are a RangeError in the loader', async () => {
    const { engine, port } = scripted();
    const tags = Array.from({ length: 60 }, (_, i) => `t${i}`);
    const value = read(port, 'k', ({ addTags }) => addTags(['a', 'b', 'c', 'd', 'e']).then(() => 1), callOptions(port.base, { tags }));
    void value.catch(() => undefined);
    await settle();
    engine.decide([LOAD, engine.ids('G')[0], 3, 0]);
    await settle();
    engine.decide([FAILED, engine.ids('G')[0], 3]);
    await expect(value).rejects.toThrow(RangeError);
  });

  test('if a tag could not be delivered, the value is returned to all callers and not stored', async () => {
    const { engine, port } = scripted();
    const owner = read(port, 'k', async ({ addTags }) => (await addTags(['t']), { n: 1 }), port.base);
    const joiner = read(port, 'k', jest.fn(), port.base);
    await settle();
    const [first, second] = engine.ids('G');
    engine.decide([WAITING, second], [LOAD, first, 3, 0]);
    await settle();
    engine.decide([ERROR, engine.ids('A')[0], ['E_TIMEOUT', 'no answer', 1], 0]);
    expect(await owner).toEqual({ n: 1 });
    await settle();
    expect(engine.crossed.at(-1)).toEqual(['F', '3']);
    engine.decide([FAILED, first, 3], [FAILED, second, 3], [OVER, 0, 3]);
    expect(await joiner).toEqual({ n: 1 });
  });

  test('a read that the engine cannot serve loads, and this is reported once', async () => {
    const { engine, port, warnings } = scripted();
    const value = read(port, 'k', () => 'own', port.base);
    await settle();
    engine.decide([ERROR, engine.ids('G')[0], ['E_INTERNAL', 'odd', 0], 0]);
    expect(await value).toBe('own');
    expect(JSON.stringify(warnings)).toContain('odd');
  });
});

describe('refreshes', () => {
  const context = new AsyncLocalStorage<string>();

  test.each(['in the same crossing', 'later'])('decided on %s as the stale hit: the loader runs once, in its caller’s async context', async (when) => {
    const { engine, port, counters } = scripted();
    const seen: (string | undefined)[] = [];
    const value = context.run('request 1', () => read(port, 'k', () => (seen.push(context.getStore()), 2), port.base));
    await settle();
    const [id] = engine.ids('G');
    if (when === 'later') engine.decide([HIT, id, '1', STALE]);
    else engine.decide([HIT, id, '1', STALE], [REFRESH, id, 8]);
    expect(await value).toBe(1);
    await settle();
    if (when === 'later') engine.decide([REFRESH, id, 8]);
    await until(() => engine.crossed.at(-1)?.[0] === 'V');
    expect(engine.crossed.at(-1)).toEqual(['V', '8', '', '2']);
    expect(seen).toEqual(['request 1']);
    expect(counters).toMatchObject({ stale: 1, hits: 0, misses: 0, refreshes: 1 });
  });

  test('not decided on: the loader never runs', async () => {
    const { engine, port } = scripted();
    const loader = jest.fn();
    const value = read(port, 'k', loader, port.base);
    await settle();
    const [id] = engine.ids('G');
    engine.decide([HIT, id, '1', STALE], [OVER, id, 0]);
    expect(await value).toBe(1);
    // A refresh for a forgotten call is returned to the engine.
    engine.decide([REFRESH, id, 9]);
    await settle();
    expect(engine.crossed.at(-1)).toEqual(['F', '9']);
    expect(loader).not.toHaveBeenCalled();
  });

  test('that fail emit an event with the error and the key, and cause no unhandled rejection', async () => {
    const { engine, port, counters } = scripted();
    const failed = jest.fn();
    port.emitter.on('refreshError', failed);
    const error = new Error('source is down');
    const value = read(port, 'the key', () => Promise.reject(error), port.base);
    await settle();
    const [id] = engine.ids('G');
    engine.decide([HIT, id, '1', STALE], [REFRESH, id, 8]);
    expect(await value).toBe(1);
    await until(() => failed.mock.calls.length === 1);
    expect(failed).toHaveBeenCalledWith(error, { key: 'the key' });
    // After ticks that took long, the report crosses a turn of the event loop later.
    await until(() => engine.crossed.at(-1)?.[0] === 'F');
    expect(engine.crossed.at(-1)).toEqual(['F', '8']);
    expect(counters).toMatchObject({ refreshes: 1, refreshErrors: 1 });
  });
});

describe('getOrSetMany', () => {
  test('loads its keys in one call as soon as every key is a hit, its own or waiting, and before it waits', async () => {
    const { engine, port, counters } = scripted();
    const missing = jest.fn((keys: string[]) => new Map(keys.map((key) => [key, `${key}!`])));
    const values = new Group(port, missing, port.base).read(['a', 'b', 'c', 'd', 'b']);
    await settle();
    const [a, b, c, d] = engine.ids('G');
    expect(engine.ids('G')).toHaveLength(4);
    engine.decide([HIT, a, '"hit"', 0], [LOAD, b, 1, 0], [WAITING, c]);
    await settle();
    expect(missing).not.toHaveBeenCalled(); // `d` is not decided yet.
    engine.decide([LOAD, d, 2, 0]);
    await settle();
    expect(missing.mock.calls).toEqual([[['b', 'd']]]);
    expect(engine.crossed.slice(-2)).toEqual([['V', '1', '', '"b!"'], ['V', '2', '', '"d!"']]);
    engine.decide([STORED, b, 1, 1], [STORED, d, 2, 1]);
    await settle();
    // The holder of `c` failed, so this call loads `c` in a separate call.
    engine.decide([LOAD, c, 3, 0]);
    await settle();
    expect(missing.mock.calls).toEqual([[['b', 'd']], [['c']]]);
    engine.decide([STORED, c, 3, 1]);
    expect(await values).toEqual(['hit', 'b!', 'c!', 'd!', 'b!']);
    expect(counters).toMatchObject({ hits: 1, misses: 3, stale: 0, loads: 2 });
  });

  test('a key that `missing` does not return is undefined and not stored; a Record works like a Map', async () => {
    const { engine, port } = scripted();
    const values = new Group<number>(port, () => ({ constructor: 1 }), port.base).read(['toString', 'constructor']);
    await settle();
    const [a, b] = engine.ids('G');
    engine.decide([LOAD, a, 1, 0], [LOAD, b, 2, 0]);
    await settle();
    expect(engine.crossed.slice(-2)).toEqual([['U', '1'], ['V', '2', '', '1']]);
    engine.decide([NOTHING, a, 1], [STORED, b, 2, 1]);
    expect(await values).toEqual([undefined, 1]);
  });

  test('when `missing` fails, every load is reported, all waits end, and the caller gets the same error object', async () => {
    const { engine, port, counters } = scripted();
    const error = new Error('no database');
    const values = new Group(port, () => Promise.reject(error), port.base).read(['a', 'b', 'c']);
    await settle();
    const [a, b, c] = engine.ids('G');
    engine.decide([LOAD, a, 1, 0], [LOAD, b, 2, 0], [WAITING, c]);
    await settle();
    expect(engine.crossed.slice(-2)).toEqual([['F', '1'], ['F', '2']]);
    engine.decide([FAILED, a, 1], [FAILED, b, 2]);
    await expect(values).rejects.toBe(error);
    await settle();
    expect(engine.crossed.at(-1)).toEqual(['X', String(c)]);
    expect(counters).toMatchObject({ misses: 3, loads: 1, loadErrors: 1 });
  });

  test('a value that cannot be serialized rejects, and its load is reported', async () => {
    const { engine, port } = scripted();
    const values = new Group<unknown>(port, () => new Map<string, unknown>([['a', 1n], ['b', 2]]), port.base).read(['a', 'b']);
    void values.catch(() => undefined);
    await settle();
    const [a, b] = engine.ids('G');
    engine.decide([LOAD, a, 1, 0], [LOAD, b, 2, 0]);
    await settle();
    expect(engine.crossed.slice(-2)).toEqual([['F', '1'], ['V', '2', '', '2']]);
    engine.decide([FAILED, a, 1], [STORED, b, 2, 1]);
    await expect(values).rejects.toThrow(TypeError);
  });

  test.each([[[1, 2]], [null], ['text'], [undefined]])('a result like %p is a TypeError', async (result) => {
    const { engine, port } = scripted();
    const values = new Group(port, () => result as never, port.base).read(['a']);
    void values.catch(() => undefined);
    await settle();
    engine.decide([LOAD, engine.ids('G')[0], 1, 0]);
    await settle();
    engine.decide([FAILED, engine.ids('G')[0], 1]);
    await expect(values).rejects.toThrow('the result of missing must be a Map or an object by key');
  });

  test('refreshes that are decided on together run in one call', async () => {
    const { engine, port } = scripted();
    const missing = jest.fn((keys: string[]) => new Map(keys.map((key) => [key, 2])));
    const values = new Group(port, missing, port.base).read(['a', 'b']);
    await settle();
    const [a, b] = engine.ids('G');
    engine.decide([HIT, a, '1', STALE], [HIT, b, '1', STALE], [REFRESH, a, 5], [REFRESH, b, 6]);
    expect(await values).toEqual([1, 1]);
    await settle();
    expect(missing.mock.calls).toEqual([[['a', 'b']]]);
    expect(engine.crossed.slice(-2)).toEqual([['V', '5', '', '2'], ['V', '6', '', '2']]);
  });
});

test('output of a link that is not the store\'s holds nothing up', () => {
  const { engine } = scripted();
  let pumps = 0;
  Object.assign(engine.link, {
    pump: () => {
      engine.mark(CacheSlot.Writable, 1);
      // As a guard: a driver that waits for it would never return.
      return pumps++ === 0 || pumps > 100;
    },
  });
  engine.mark(CacheSlot.Writable, 1);
  engine.link.afterCrossing?.();
  expect(pumps).toBe(2);
});
