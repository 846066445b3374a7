/** The tables of docs/support.md: the runs write them, and this checks that what they say is complete. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { ROOT, runNode } from '../helpers/process';
import { readPage } from './pages';

/** The rows of a table by column, and the line below it. */
function table(name: string): { rows: Record<string, string>[]; about: string } {
  const block = new RegExp(`<!-- tested: ${name} -->\n([^]*?)<!-- end -->`).exec(readPage('docs/support.md'))?.[1] ?? '';
  const lines = block.split('\n');
  const cells = (line: string): string[] => line.split('|').slice(1, -1).map((cell) => cell.trim());
  const [head, , ...body] = lines.filter((line) => line.startsWith('|')).map(cells);
  const rows = body.map((row) => Object.fromEntries(head.map((column, i) => [column, row[i]])));
  return { rows, about: lines.filter((line) => line !== '' && !line.startsWith('|')).join('\n') };
}

test('every runtime passes every check', () => {
  const { rows, about } = table('runtimes');
  expect(rows.map(({ runtime }) => runtime)).toEqual(['Node 20', 'Node 22', 'Node 24', 'Node 26', 'Bun', 'Deno']);
  for (const { runtime, version, ...checks } of rows) {
    expect(version).toMatch(new RegExp(`^${/Node (\d+)/.exec(runtime)?.[1] ?? '\\d+'}\\.\\d+\\.\\d+$`));
    expect(Object.keys(checks)).toEqual(['client', 'pipeline', 'pub/sub', 'cache on Redis', 'cache on memory://', 'bus', 'workers', 'exit']);
    expect(Object.values(checks).filter((result) => result !== 'yes')).toEqual([]);
  }
  expect(about).toMatch(/^Written by `npm run runtimes` on \d{4}-\d{2}-\d{2}, on Linux x64 with Redis \d[\d.]*\.$/);
});

test('every platform has its package in the table, and says who built and tested it', async () => {
  const { stdout } = await runNode("import('./scripts/release/platforms.mjs').then(({ PLATFORMS }) => console.log(Object.keys(PLATFORMS).join()))");
  const { rows, about } = table('binaries');
  expect(rows.map(({ platform }) => platform)).toEqual(stdout.trim().split(','));
  for (const { platform, package: name, needs, 'built and tested by': by } of rows) {
    expect(name).toBe(`\`hawser-${platform}\``);
    expect(by).toMatch(/^(this run, on Node \d+\.\d+\.\d+.*|the release workflow alone(; this run could not)?)$/);
    if (by.startsWith('this run') && platform.endsWith('-gnu')) expect(needs).toMatch(/^glibc 2\.(\d|1[0-7])(\.|$)/);
  }
  expect(about).toMatch(/^Written by `npm run binaries` on \d{4}-\d{2}-\d{2}\.$/);
});

/** The platforms that a workflow or a configuration names. */
const namedIn = (file: string, pattern: RegExp): string[] => [...new Set([...readFileSync(path.join(ROOT, file), 'utf8').matchAll(pattern)].map(([, name]) => name))].sort();

test('the release builds and tries every platform, and cargo-deny looks at every target', async () => {
  const { stdout } = await runNode("import('./scripts/release/platforms.mjs').then(({ PLATFORMS }) => console.log(JSON.stringify(PLATFORMS)))");
  const PLATFORMS = JSON.parse(stdout) as Record<string, { target: string }>;
  const jobs = readFileSync(path.join(ROOT, '.github', 'workflows', 'release.yml'), 'utf8').split(/^ {2}(?=[\w-]+:$)/m);
  for (const name of ['build', 'try']) {
    const job = jobs.find((text) => text.startsWith(`${name}:`)) ?? '';
    expect([...new Set([...job.matchAll(/platform: ([\w-]+),/g)].map(([, platform]) => platform))].sort()).toEqual(Object.keys(PLATFORMS).sort());
  }
  expect(namedIn('deny.toml', /^ {2}"([\w-]+)",$/gm)).toEqual(Object.values(PLATFORMS).map(({ target }) => target).sort());
});

test('THIRD-PARTY.md names what package.json and Cargo.lock have', () => {
  const text = readPage('THIRD-PARTY.md');
  const { dependencies } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  for (const name of [...Object.keys(dependencies), 'tokio', 'rustls', 'ring', 'zstd-sys', 'napi']) expect(text).toMatch(new RegExp(`^\\| ${name} \\| [\\d.]+.* \\| .+ \\|$`, 'm'));
  const lock = new Map([...readFileSync(path.join(ROOT, 'Cargo.lock'), 'utf8').matchAll(/^name = "(.+)"\nversion = "(.+)"$/gm)].map(([, name, version]) => [`${name} ${version}`, true]));
  const crates = /## In the native binary([^]*?)\n## /.exec(text)?.[1] ?? '';
  const named = [...crates.matchAll(/^\| ([\w-]+) \| ([\d.]\S*) \|/gm)].map(([, name, version]) => `${name} ${version}`);
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((one) => !lock.has(one))).toEqual([]);
});
