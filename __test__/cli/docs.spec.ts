/** docs/command-line.md: each command prints what the page says, and the module for `warm` is one. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
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

test('the module for `warm` is loaded, and its tasks run', async () => {
  const [, name = '', code = ''] = /^```js\n\/\/ (\S+)\n([^]*?)^```$/m.exec(readPage('docs/command-line.md')) ?? [];
  const [, command = ''] = /npx hawser (warm .*)/.exec(readPage('docs/command-line.md')) ?? [];
  const folder = mkdtempSync(path.join(tmpdir(), 'hawser-warm-'));
  try {
    mkdirSync(path.join(folder, 'dist'));
    writeFileSync(path.join(folder, name), code);
    writeFileSync(path.join(folder, 'dist', 'orders.js'), "exports.topCompanies = async () => [{ id: 'c1' }, { id: 'c2' }];\nexports.orders = { list: async (id) => [id] };\n");
    const { code: exit, stdout, stderr } = await hawser([...command.split(' '), '--json'], { cwd: folder, env: { REDIS_URL: server.url } });
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ total: 2, succeeded: 2, failed: 0 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
