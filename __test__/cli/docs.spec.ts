/** The console blocks of docs/command-line.md: each command prints what the page says. */
import * as path from 'node:path';
import { CacheRepository, RedisManager } from 'hawser';
import { serverForAll } from '../helpers/lifetimes';
import { ROOT } from '../helpers/process';
import { readPage } from '../docs/pages';
import { hawser } from './hawser';

/** The folder in which the page's commands run. */
const FOLDER = path.join(ROOT, '__test__', 'cli');

const blocks = [...readPage('docs/command-line.md').matchAll(/^```console\n\$ npx hawser (.*)\n([^]*?)^```$/gm)].map(([, command = '', output = '']) => ({ command, output }));

const server = serverForAll();

// What the page's commands on a server find.
beforeAll(async () => {
  RedisManager.configure({ url: server.url });
  await new CacheRepository('orders').setWithTags('one', 1, { tags: ['company:7'] });
  await RedisManager.closeAll();
});

test('the page has examples', () => {
  expect(blocks.length).toBeGreaterThan(0);
});

test.each(blocks)('$command', async ({ command, output }) => {
  const { stdout, stderr } = await hawser(command.split(' '), { cwd: FOLDER, env: { REDIS_URL: server.url } });
  expect(stderr).toBe('');
  expect(stdout).toBe(output);
});
