/** The rights that docs/security.md names are those that cache and bus need: with them nothing is refused, and without one of them something is. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { CacheRepository, PubSubService, RedisManager } from '../../lib/facade';
import { ROOT } from '../helpers/process';
import { serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';

/** `ACL SETUSER orders ...` as the page has it. */
function documented(): string[] {
  const page = readFileSync(path.join(ROOT, 'docs', 'security.md'), 'utf8');
  const block = /```text\nACL SETUSER orders ([\s\S]*?)```/.exec(page)?.[1];
  if (block === undefined) throw new Error('docs/security.md has no ACL SETUSER orders');
  return block.trim().split(/\s+/);
}

const server = serverForAll();
const warnings: string[] = [];
const logger = { debug() {}, info() {}, warn: (line: string) => void warnings.push(line), error: (line: string) => void warnings.push(line) };

beforeEach(async () => {
  warnings.length = 0;
  await server.command('ACL', 'SETUSER', 'orders', 'reset', ...documented());
  await server.command('ACL', 'LOG', 'RESET');
  RedisManager.configure({ url: `redis://orders:password@${server.host}:${server.port}`, logger, retryDelayMs: 10 });
});
afterEach(() => RedisManager.closeAll());

/** Everything that a cache and the bus can do. */
async function everything(prefix: string): Promise<void> {
  const cache = new CacheRepository(prefix);
  await cache.getOrSet('k', async ({ addTags }) => (await addTags(['late']), 1), { tags: ['t'], staleIfError: 60 });
  await cache.getOrSet('k', () => 2, { tags: ['t'], staleAfter: 0 });
  await cache.set('short', 'kept', 0.001);
  await cache.setWithTags('short', 'kept', { ttl: 0.02, staleIfError: 60, tags: ['t'] });
  await until(async () => (await cache.get('short')) === null);
  await cache.getOrSet('short', () => Promise.reject(new Error('source')), { staleIfError: 60, tags: ['t'] }).catch(() => undefined);
  await cache.getOrSet('failing', () => Promise.reject(new Error('source'))).catch(() => undefined);
  await cache.setMany([{ key: 'a', value: 1, tags: ['t'] }, { key: 'b', value: 2 }]);
  await cache.getOrSetMany(['a', 'c'], (keys) => new Map(keys.map((key) => [key, key])), { tags: ['t'] });
  await cache.getMany(['a', 'b']);
  await cache.has('a');
  await cache.invalidateTags(['t']);
  await cache.delete('a');
  await cache.deletePattern('*');
}

test.each(['orders', 'orders:eu'])('with them the repository %p and the bus are refused nothing', async (prefix) => {
  if (prefix.includes(':')) await server.command('ACL', 'SETUSER', 'orders', 'resetkeys', '~orders#:eu:*', '~orders#:eu#*', '~#hawser:*');
  await everything(prefix);
  const heard: unknown[] = [];
  PubSubService.onInvalidation('acl', (message) => heard.push(message));
  await PubSubService.initialize();
  await PubSubService.publish({ type: 'key', target: 'k' });
  await until(() => heard.length > 0);
  PubSubService.offInvalidation('acl');
  await PubSubService.close();
  expect(await RedisManager.healthCheck()).toBe(true);
  expect(await server.command('ACL', 'LOG')).toEqual([]);
  expect(warnings.filter((line) => /refused|NOPERM/.test(line))).toEqual([]);
});

test.each(['~orders:*', '~orders#*', '+mget', '+set', '+evalsha', '+pfcount', '+scan', '+unlink', '+del'])('without %s something is refused', async (right) => {
  await server.command('ACL', 'SETUSER', 'orders', 'reset', ...documented().filter((each) => each !== right));
  await everything('orders').catch(() => undefined);
  expect(((await server.command('ACL', 'LOG')) as unknown[]).length).toBeGreaterThan(0);
});
