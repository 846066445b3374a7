/** `hawser compare`: what the other commands and the library write, side by side. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { ROOT, runNode } from '../helpers/process';
import { hawser, hawserJson } from './hawser';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'hawser-compare-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, value: unknown): void => writeFileSync(path.join(folder, name), typeof value === 'string' ? value : JSON.stringify(value));

test('audits before and after a migration', async () => {
  for (const name of ['backend', 'clean']) await hawser(['audit', path.join(ROOT, '__test__', 'cli', name), '--json', '--output', path.join(folder, `${name}.json`)]);
  const { rows } = await hawserJson(['compare', 'backend.json', 'clean.json'], { cwd: folder });
  expect(rows).toContainEqual({ group: 'connections', name: 'opened in the code', unit: '', before: 10, after: 0, change: -10, changePercent: -100, verdict: 'better' });
  const worse = await hawser(['compare', 'clean.json', 'backend.json', '--fail-on-worse', '10'], { cwd: folder });
  expect(worse.code).toBe(1);
  expect(worse.stdout).toContain('Worse than allowed');
});

test('what the library itself writes', async () => {
  const script = `
    const { CacheRepository, CacheMetrics, RedisManager } = require('hawser');
    RedisManager.configure({ url: 'memory://' });
    (async () => {
      const cache = new CacheRepository('orders');
      for (let i = 0; i < 4; i++) await cache.getOrSet('a', () => 1);
      console.log(JSON.stringify({ stats: await RedisManager.stats(), metrics: CacheMetrics.snapshot() }));
      await RedisManager.closeAll();
    })();
  `;
  const { stdout } = await runNode(script);
  write('now.json', stdout);
  const { after, rows } = await hawserJson(['compare', 'now.json', 'now.json'], { cwd: folder });
  expect(after.kinds).toEqual(['stats', 'metrics']);
  expect(rows).toContainEqual(expect.objectContaining({ group: 'hit rate', name: 'repository orders', before: 75, after: 75, verdict: 'same' }));
});

test.each([
  [['gone.json', 'gone.json'], {}, 'cannot read gone.json'],
  [['half.json', 'half.json'], { 'half.json': '{ "a": ' }, 'half.json is not valid JSON'],
  [['list.json', 'list.json'], { 'list.json': [1, 2] }, 'list.json is nothing that can be compared'],
  [['later.json', 'later.json'], { 'later.json': { schema: 'hawser.audit/99', summary: { connections: 1 } } }, 'later.json is nothing that can be compared'],
  [['a.json', 'm.json'], { 'a.json': { schema: 'hawser.audit/1', summary: { connections: 1 } }, 'm.json': { hits: 1, hitRate: 50, reads: 2, repositories: {} } }, 'a.json (audit) and m.json (metrics) have nothing in common'],
  [['a.json', 'a.json', '--fail-on-worse', 'much'], {}, "option '--fail-on-worse <percent>' argument 'much' is invalid"],
])('%j: the error names the file', async (args, files, says) => {
  for (const [name, value] of Object.entries(files)) write(name, value);
  const { code, stdout, stderr } = await hawser(['compare', ...args], { cwd: folder });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(says);
});
