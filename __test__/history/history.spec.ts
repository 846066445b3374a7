/** A short run of the history checker, and what the checker is made of. `npm run history` is the long one. */
import { runNode } from '../helpers/process';
import { RedisServer } from '../helpers/redis-server';
import { Dice } from './dice';
import { keysFor } from './keys';
import { Reader } from './reads';
import { Source } from './source';

test('no read gives what is older than an invalidation, whatever happens to servers and processes', async () => {
  const args = ['__test__/history/run.ts', '--operations', '24000', '--seconds', '60'];
  const { code, stdout, stderr } = await runNode('__test__/helpers/typescript.cjs', { args, deadlineMs: 280_000 });
  expect({ code, stderr, stdout: code === 0 ? '' : stdout }).toEqual({ code: 0, stderr: '', stdout: '' });
  for (const place of ['standalone', 'cluster']) expect(stdout).toMatch(new RegExp(`${place}, seed \\d+: [1-9]\\d* operations, [1-9]\\d* values, [1-9]\\d* writes`));
}, 300_000);

test('the wrong builds of the long run can be made of the files as they are', async () => {
  expect(await runNode('__test__/history/wrong-builds.mjs', { args: ['--check'] })).toMatchObject({ code: 0, stdout: '', stderr: '' });
});

describe('the checker', () => {
  let server: RedisServer;
  let source: Source;
  beforeAll(async () => {
    server = await RedisServer.start();
    source = new Source(server.port);
  });
  afterAll(async () => {
    source.close();
    await server.stop();
  });

  const key = keysFor(1)[0];

  /** What the checker says of a cache that always gives this value. */
  async function verdictOn(value: { key: string; count: number } | null): Promise<string[]> {
    const wrong: string[] = [];
    const give = (): Promise<unknown> => Promise.resolve(value);
    const many = (keys: string[]): Promise<unknown[]> => Promise.resolve(keys.map(() => value));
    const cache = { get: give, getOrSet: give, getMany: many } as never;
    await new Reader(cache, source, new Dice(1), (names) => source.floors(names), (text) => wrong.push(text)).read([key]);
    return wrong;
  }

  test('finds an old value, and one of another key', async () => {
    const counts = await source.change([key.name]);
    expect(await verdictOn({ key: key.name, count: 0 })).toEqual([]);
    await source.raise(counts);
    expect(await verdictOn({ key: key.name, count: 0 })).toEqual([expect.stringMatching(/gives 0 after an invalidation at 1 has resolved/)]);
    expect(await verdictOn({ key: key.name, count: 1 })).toEqual([]);
    expect(await verdictOn(null)).toEqual([]);
    expect(await verdictOn({ key: 'another', count: 1 })).toEqual([expect.stringMatching(/gives the value of another/)]);
  });

  test('allows a set that never resolved to run at any time', async () => {
    await source.open(key.name, 0);
    expect(await verdictOn({ key: key.name, count: 0 })).toEqual([]);
    await source.closed(key.name, 0);
    expect(await verdictOn({ key: key.name, count: 0 })).toHaveLength(1);
  });
});
