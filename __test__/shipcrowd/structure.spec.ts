import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import * as path from 'node:path';
import { ROOT } from '../helpers/process';
import { installExample } from './stack';

const EXAMPLE = path.join(ROOT, 'examples', 'shipcrowd');
const files = (folder: string): string[] =>
  readdirSync(path.join(EXAMPLE, folder), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts')).sort();

test('old and new code have the same files, but for what the review deletes and adds', () => {
  const [before, after] = [files('server/before'), files('server/after')];
  const only = (one: string[], other: string[]) => one.filter((name) => !other.includes(name));
  expect(only(before, after)).toEqual([
    'infrastructure/utilities/cache.service.ts',
    'infrastructure/utilities/ioredis.ts',
    'infrastructure/utilities/observe.ts',
    'infrastructure/utilities/redis.connection.ts',
    'measure.ts',
    'shared/events/announce.ts',
  ]);
  expect(only(after, before)).toEqual([
    'core/application/base/cached.service.ts',
    'infrastructure/redis/cache.repository.ts',
    'infrastructure/redis/observe.ts',
    'infrastructure/redis/pubsub.service.ts',
    'infrastructure/redis/raw-commands.ts',
    'infrastructure/redis/redis.manager.ts',
    'infrastructure/redis/stale-while-revalidate.ts',
  ]);
});

test('the files that the migration leaves alone are the same', () => {
  for (const name of ['core/application/services/auth/session.service.ts', 'shared/events/eventBus.ts']) {
    const [before, after] = ['before', 'after'].map((side) => readFileSync(path.join(EXAMPLE, 'server', side, name), 'utf8'));
    expect(after).toBe(before);
  }
});

test('new code opens no connection by itself, and no file of it names another client', () => {
  const opening = files('server/after').filter((name) => /new Redis\(|createClient|from 'ioredis'|from 'redis'/.test(readFileSync(path.join(EXAMPLE, 'server/after', name), 'utf8')));
  // BullMQ's shared connection, with the manager's options.
  expect(opening).toEqual(['infrastructure/utilities/queue-manager.ts']);
});

test('it is built with the packed file, and with nothing of the repository', async () => {
  const installed = await installExample();
  expect(path.relative(ROOT, installed).startsWith('..')).toBe(true);
  expect(lstatSync(path.join(installed, 'node_modules', 'hawser')).isSymbolicLink()).toBe(false);
  const { dependencies } = JSON.parse(readFileSync(path.join(EXAMPLE, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  const known = new Set([...Object.keys(dependencies), ...builtinModules]);
  for (const folder of ['server', 'balancer']) {
    for (const name of files(folder)) {
      const text = readFileSync(path.join(EXAMPLE, folder, name), 'utf8');
      for (const [, from] of text.matchAll(/from '([^']+)'/g)) {
        if (from.startsWith('.')) expect(path.relative(EXAMPLE, path.resolve(EXAMPLE, folder, path.dirname(name), from)).startsWith('..')).toBe(false);
        // The types of Express's requests belong to a package that only types come from.
        else expect(known).toContain(from.replace(/^node:/, '').split('/').slice(0, from.startsWith('@') ? 2 : 1).join('/'));
      }
    }
  }
}, 400_000);
