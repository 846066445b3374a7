/** docs/behaviour.json, from which the comparison has its table: it is complete, about the versions that the bench installs, and hawser does what it guarantees. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { ROOT } from '../helpers/process';

interface Behaviour {
  loadsInOne: number;
  loadsInThree: number;
  afterLateLoad: unknown;
  commands: { few: number; many: number };
  trips: { none: number; three: number };
  silentMs?: number;
  stoppedMs?: number;
  keysForEver: number;
}
const read = <T>(file: string): T => JSON.parse(readFileSync(path.join(ROOT, file), 'utf8')) as T;
const { caches, versions } = read<{ caches: Record<string, Behaviour>; versions: Record<string, string> }>('docs/behaviour.json');
const { packages } = read<{ packages: Record<string, { version: string }> }>('__test__/bench/package-lock.json');

test('every cache has answered every question', () => {
  expect(Object.keys(caches)).toEqual(['hawser', 'BentoCache', 'cacheable', 'async-cache-dedupe']);
  const count = expect.any(Number) as number;
  for (const one of Object.values(caches)) {
    expect(one).toMatchObject({ loadsInOne: count, loadsInThree: count, commands: { few: count, many: count }, trips: { none: count, three: count }, keysForEver: count });
    expect(['old', 'new']).toContain(one.afterLateLoad);
  }
});

test('the peers are those that the bench installs', () => {
  const installed = (name: string): string => packages[`node_modules/${name}`].version;
  expect(versions).toEqual({
    hawser: read<{ version: string }>('package.json').version,
    BentoCache: installed('bentocache'),
    cacheable: installed('cacheable'),
    'async-cache-dedupe': installed('async-cache-dedupe'),
  });
});

test('hawser does what it guarantees', () => {
  const { hawser } = caches;
  expect(hawser).toMatchObject({ loadsInOne: 1, loadsInThree: 1, afterLateLoad: 'new', keysForEver: 0 });
  expect(hawser.commands.many).toBe(hawser.commands.few);
  expect(hawser.trips.three).toBe(hawser.trips.none);
  expect([typeof hawser.silentMs, typeof hawser.stoppedMs]).toEqual(['number', 'number']);
});
