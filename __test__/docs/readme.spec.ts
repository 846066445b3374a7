/** The documentation: its code runs and prints what it says, its tables match the code, and its links have targets. */
import { existsSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { ROOT, runNode } from '../helpers/process';
import { serverForAll } from '../helpers/lifetimes';
import { programsOf, readPage, translated, typeErrors, type PageProgram } from './pages';

const PAGES = ['README.md', 'docs/migration.md'];
const programs = PAGES.flatMap(programsOf);

const server = serverForAll();

async function run(program: PageProgram, url: string | undefined): Promise<void> {
  const { code, stdout, stderr, timedOut } = await runNode(translated(program), { esm: true, env: { REDIS_URL: url }, deadlineMs: 30_000 });
  expect({ code, stderr, timedOut }).toEqual({ code: 0, stderr: '', timedOut: false });
  expect(stdout.split('\n').filter(Boolean)).toEqual(program.prints);
}

test('there is code to run', () => {
  expect(programs.filter(({ memory }) => memory).length).toBeGreaterThanOrEqual(2);
  expect(programs.flatMap(({ prints }) => prints).length).toBeGreaterThan(10);
});

test('the code compiles', () => {
  expect(typeErrors(programs)).toEqual([]);
});

test.each(programs.filter(({ memory }) => memory).map((program) => [program.name, program] as const))('%s: runs on memory://', async (_, program) => {
  await run(program, undefined);
});

test.each(programs.map((program) => [program.name, program] as const))('%s: runs on a server', async (_, program) => {
  await server.command('FLUSHALL');
  await run(program, server.url);
});

test('the tables of README.md match the code', async () => {
  const { code, stderr } = await runNode('scripts/docs-tables.mjs', { args: ['--check'] });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('the first screen of README.md has the two commands', () => {
  const first = readPage('README.md').split('\n').slice(0, 20).join('\n');
  expect(first).toContain('npm run demo');
  expect(first).toContain('npm test');
});

const integrations = readdirSync(path.join(ROOT, 'docs', 'integrations')).map((name) => `docs/integrations/${name}`);
const design = readdirSync(path.join(ROOT, 'docs', 'design')).filter((name) => name.endsWith('.md') && name !== 'README.md');

test.each([...PAGES, ...integrations, 'docs/design/README.md', ...design.map((name) => `docs/design/${name}`)])('the links of %s have targets', (page) => {
  const dead = [...readPage(page).matchAll(/\]\((?!https?:)([^)#\s]+)(#[^)]*)?\)/g)]
    .map(([, target]) => target)
    .filter((target) => !existsSync(path.join(ROOT, path.dirname(page), target)));
  expect(dead).toEqual([]);
});

test('README.md names every page of an integration', () => {
  const readme = readPage('README.md');
  expect(integrations.filter((page) => !readme.includes(`](${page})`))).toEqual([]);
});

test('docs/design/README.md names every page', () => {
  const index = readPage('docs/design/README.md');
  expect(design.filter((name) => !index.includes(`](${name})`))).toEqual([]);
});
