/** The documentation: its code runs and prints what it says, its tables match the code, and its links have targets. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { spawnSync } from 'node:child_process';
import { ROOT, runNode } from '../helpers/process';
import { serverForAll } from '../helpers/lifetimes';
import { ALL, anchorsOf, design, guide, integrations, programsOf, readPage, translated, typeErrors, type PageProgram } from './pages';

// __test__/packages/integration-pages.spec.ts runs those that need other packages.
const programs = guide.flatMap(programsOf).filter(({ where }) => where !== 'beside');
const running = programs.filter(({ where }) => where !== 'compiled');

const server = serverForAll();

async function run(program: PageProgram, url: string | undefined): Promise<void> {
  const { code, stdout, stderr, timedOut } = await runNode(translated(program), { esm: true, env: { REDIS_URL: url }, deadlineMs: 30_000 });
  expect({ code, stderr, timedOut }).toEqual({ code: 0, stderr: '', timedOut: false });
  expect(stdout.split('\n').filter(Boolean)).toEqual(program.prints);
}

test('there is code to run', () => {
  expect(running.filter(({ where }) => where === 'anywhere').length).toBeGreaterThan(10);
  expect(running.flatMap(({ prints }) => prints).length).toBeGreaterThan(50);
});

test('the code compiles', () => {
  // The page about browsers has some of their globals.
  expect(typeErrors(programs, ROOT, { lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'] })).toEqual([]);
});

test.each(running.filter(({ where }) => where === 'anywhere').map((program) => [program.name, program] as const))('%s: runs on memory://', async (_, program) => {
  await run(program, undefined);
});

test.each(running.map((program) => [program.name, program] as const))('%s: runs on a server', async (_, program) => {
  await server.command('FLUSHALL');
  await run(program, server.url);
});

describe('the tour of README.md', () => {
  let project: string;
  beforeAll(() => {
    project = mkdtempSync(path.join(tmpdir(), 'hawser-tour-'));
    const made = spawnSync('npm', ['init', '-y'], { cwd: project, encoding: 'utf8', shell: process.platform === 'win32' });
    expect(made.status).toBe(0);
    mkdirSync(path.join(project, 'node_modules'));
    symlinkSync(ROOT, path.join(project, 'node_modules', 'hawser'), 'junction');
  });
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  test.each([['memory://', (): string | undefined => undefined], ['a server', (): string | undefined => server.url]] as const)('runs as pasted into a new project, on %s', async (_, url) => {
    const blocks = [...readPage('README.md').matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code]) => code);
    const code = blocks.join('\n');
    expect(code).toContain("from 'hawser'");
    const file = path.join(project, 'tour.mjs');
    writeFileSync(file, code);
    const prints = [...code.matchAll(/console\.log\(.*\);? \/\/ (.+)$/gm)].map(([, text]) => text);
    expect(prints.length).toBeGreaterThan(4);
    const { code: exit, stdout, stderr, timedOut } = await runNode(file, { cwd: project, env: { REDIS_URL: url() }, deadlineMs: 30_000 });
    expect({ exit, stderr, timedOut }).toEqual({ exit: 0, stderr: '', timedOut: false });
    expect(stdout.split('\n').filter(Boolean)).toEqual(prints);
  });
});

test('the tables match the code and the published figures, and so does the chart', async () => {
  const { code, stderr } = await runNode('scripts/docs-tables.mjs', { args: ['--check'], deadlineMs: 60_000 });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}, 90_000);

describe('README.md', () => {
  const readme = readPage('README.md');

  test('has the two commands on its first screen', () => {
    const first = readme.split('\n').slice(0, 20).join('\n');
    expect(first).toContain('npm run demo');
    expect(first).toContain('npm test');
  });

  test('is short: the rest is in docs/', () => {
    expect(readme.split(/\s+/).length).toBeLessThan(1500);
  });

  test('names every page', () => {
    expect([...guide, ...integrations].filter((page) => page !== 'docs/index.md' && !readme.includes(`](${page}`))).toEqual([]);
  });
});

test('docs/design/README.md names every page', () => {
  const index = readPage('docs/design/README.md');
  expect(design.map((page) => path.basename(page)).filter((name) => name !== 'README.md' && !index.includes(`](${name})`))).toEqual([]);
});

test.each(ALL)('the links of %s have targets, anchors included', (page) => {
  const dead = [...readPage(page).replace(/^```[\s\S]*?^```$/gm, '').matchAll(/\]\((?![a-z]+:|\/)([^)#\s]*)(?:#([^)\s]+))?\)/g)]
    .filter(([, target, anchor]) => {
      const file = target === '' ? page : path.posix.join(path.posix.dirname(page), target);
      if (!existsSync(path.join(ROOT, file))) return true;
      return anchor !== undefined && file.endsWith('.md') && !anchorsOf(file).has(anchor);
    })
    .map(([link]) => link);
  expect(dead).toEqual([]);
});
