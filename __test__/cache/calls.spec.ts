/** The table of calls under way, calls with plain options, and hits that cross as numbers. */
import { Call } from '../../lib/cache/call';
import { CallTable } from '../../lib/cache/call_table';
import { baseOptions, callOptions } from '../../lib/cache/options';
import { read } from '../../lib/cache/read';
import { CacheSlot, CallLetter, Decision, Hit } from '../../lib/contract.generated';
import { scripted, settle } from './scripted-engine';

const open = (table: CallTable): Call => {
  const call = new Call(table.next(), CallLetter.Get);
  table.add(call);
  return call;
};

describe('the table of calls', () => {
  test('a call that waits for long keeps its place, and no other call gets its number', () => {
    const table = new CallTable();
    const waiting = [open(table), open(table), open(table)];
    const seen = new Set(waiting.map(({ id }) => id));
    for (let i = 0; i < 10_000; i++) {
      const call = open(table);
      expect(seen.has(call.id)).toBe(false);
      seen.add(call.id);
      expect(table.get(call.id)).toBe(call);
      expect(table.delete(call.id)).toBe(true);
      expect(table.delete(call.id)).toBe(false);
      expect(table.get(call.id)).toBeUndefined();
    }
    expect(waiting.map(({ id }) => table.get(id))).toEqual(waiting);
    expect([...table.values()]).toEqual(waiting);
    expect(table.size).toBe(3);
    expect(table.has(0)).toBe(false);
    // Nothing is left of them.
    for (const { id } of waiting) expect(table.delete(id)).toBe(true);
    expect([table.size, [...table.values()].length]).toEqual([0, 0]);
  });

  test('a hundred thousand at once are found by their numbers, and leave in any order', () => {
    const table = new CallTable();
    const calls = Array.from({ length: 100_000 }, () => open(table));
    expect(table.size).toBe(calls.length);
    expect(calls.every((call) => table.get(call.id) === call)).toBe(true);
    for (let i = 0; i < calls.length; i++) expect(table.delete(calls[(i * 7919) % calls.length].id)).toBe(true);
    expect(table.size).toBe(0);
    expect([...table.values()]).toEqual([]);
    const next = open(table);
    expect(table.get(next.id)).toBe(next);
  });

  test('numbers begin again with 1 and skip those that are taken', () => {
    const table = new CallTable();
    const first = open(table);
    (table as unknown as { last: number }).last = 0xffff_fffe;
    expect(open(table).id).toBe(0xffff_ffff);
    expect(open(table).id).toBe(first.id + 1);
  });
});

describe('plain options', () => {
  test('of the first call in a process are checked as all others', () => {
    jest.isolateModules(() => {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- a module that no call has used
      const fresh = require('../../lib/cache/options') as { baseOptions: typeof baseOptions; callOptions: typeof callOptions };
      expect(() => fresh.callOptions(fresh.baseOptions({}, 60), { ttl: 0 })).toThrow('cache.ttl');
      expect(fresh.callOptions(fresh.baseOptions({}, 60), { ttl: 2 }).ttl).toBe('2000');
    });
  });

  const repositories = [{}, { staleIfError: 5, lockTimeoutMs: 7, earlyRefresh: 0.5 }, { staleAfter: 10 }];

  test('mean the same as all options', () => {
    for (const repository of repositories) {
      const base = baseOptions(repository, 60);
      for (const options of [{ ttl: 5 }, { ttl: 0.0015, tags: [] }, { ttl: 60, tags: ['a', 'b', 'a'] }, { tags: ['c'] }, {}]) {
        // An option without a value takes the whole way.
        expect(callOptions(base, options)).toEqual(callOptions(base, { ...options, maxAge: undefined }));
      }
    }
  });

  test('are checked', () => {
    const base = baseOptions({}, 60);
    for (const options of [{ ttl: 0 }, { ttl: NaN }, { ttl: '5' }, { ttl: 5, tags: 'a' }, { ttl: 5, tags: ['a', ''] }, { ttl: 5, tags: ['\ud800'] }, { ttl: 5, tagz: [] }]) {
      const message = (): string => {
        try {
          return String(callOptions(base, options));
        } catch (error) {
          return `${(error as Error).name}: ${(error as Error).message}`;
        }
      };
      expect(message()).toMatch(/^(TypeError|RangeError): cache\.(ttl|tags|tagz)/);
    }
  });

  test('tags that the caller changes later are not changed', () => {
    const tags = ['a', 'b'];
    const { tags: own } = callOptions(baseOptions({}, 60), { ttl: 5, tags });
    tags[0] = 'c';
    expect(own).toEqual(['a', 'b']);
  });
});

test('hits that cross as numbers end their calls in order, after the values that come with them; others are left alone', async () => {
  const { engine, driver, port, counters } = scripted();
  const hits: number[] = [];
  const reads = ['a', 'b', 'c', 'd'].map((key) => read({ ...port, codec: 1 }, key, () => 'loaded', port.base).then((value) => hits.push(Number(value))));
  await settle();
  const [a, b, c, d] = engine.ids(CallLetter.GetOrSet);
  engine.prepare([Decision.Keep, 7, '1'], [Decision.Keep, 8, '2']);
  // The third one is the hit of a call that was given up.
  engine.hit([a, 7, Hit.Fresh], [b, 8, Hit.Joined], [4_000_000, 7, Hit.Fresh], [c, 7, Hit.Fresh], [d, 8, Hit.Joined]);
  expect(engine.slot(CacheSlot.Hits)).toBe(0);
  await Promise.all(reads);
  expect(hits).toEqual([1, 2, 1, 2]);
  expect(counters).toMatchObject({ hits: 2, misses: 2, stale: 0 });
  expect(await driver.idle(0)).toBeUndefined();
});
