/** Every block of code in the documentation is run by a spec, checked here, or listed below with the reason why it cannot be run. */
import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { runInNewContext } from 'node:vm';
import { LEAVE_OUT } from '../../lib/native_error';
import { hawser } from '../cli/hawser';
import { ROOT, runNode } from '../helpers/process';
import { ALL, fencesOf, guide, integrations, isProgram, readPage, type Fence } from './pages';

const fences = ALL.flatMap(fencesOf);
const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string; scripts: Record<string, string> };

const NEXT = 'docs/integrations/next.md';
const isBeside = ({ mark }: Fence): boolean => mark === 'run beside other packages';
/** `next.config.js` for a block that begins with `// next.config.js`. */
const fileOf = ({ code }: Fence): string | undefined => /^\/\/ (\S+\.\w+)\n/.exec(code)?.[1];

/** Which spec runs which blocks. */
const RUN_BY: Record<string, (fence: Fence) => boolean> = {
  'docs/pages.spec.ts': (fence) => guide.includes(fence.page) && isProgram(fence) && !isBeside(fence),
  'packages/integration-pages.spec.ts': (fence) => (integrations.includes(fence.page) && fence.page !== NEXT && isProgram(fence)) || (guide.includes(fence.page) && isProgram(fence) && isBeside(fence)),
  'docs/pages.spec.ts, the tour': ({ page, language }) => page === 'README.md' && language === 'js',
  'frameworks/next_cache.spec.ts': (fence) => fence.page === NEXT && fence.language === 'js' && fileOf(fence) !== undefined,
  'cli/docs.spec.ts': (fence) => fence.page === 'docs/command-line.md' && ((fence.language === 'console' && fence.code.startsWith('$ npx hawser ')) || fileOf(fence) === 'dist/warm.js'),
  'cache/acl.spec.ts': ({ page, code }) => page === 'docs/security.md' && code.startsWith('ACL SETUSER orders '),
  'here, as a configuration': (fence) => fileOf(fence) === 'next.config.js' && fence.page === 'docs/deployment.md',
  'here, as JSON': ({ language }) => language === 'json',
  'here, as commands': ({ language, code }) => language === 'indented' && !code.startsWith('    curl '),
};

/** What cannot be run, by its page and its first line. */
const NOT_RUN: { page: string; begins: string; because: string }[] = [
  { page: 'docs/deployment.md', begins: 'FROM node:', because: 'a Dockerfile needs Docker; the release workflow installs the package in the same images' },
  { page: 'examples/shipcrowd/README.md', begins: '    curl -X PUT', because: 'it needs the token of a session; the tests of the rollout send the same request' },
  { page: 'docs/design/store.md', begins: 'entry    hw2e', because: 'the form of what is stored, which is no code; the tests of src/store read and write it' },
];

const nameOf = ({ page, heading, language, code }: Fence): string => `${page}, ${heading}: \`${language}\` ${code.split('\n')[0]}`;

test('there are blocks of each kind', () => {
  expect(fences.length).toBeGreaterThan(90);
  for (const [spec, runs] of Object.entries(RUN_BY)) expect([spec, fences.some(runs)]).toEqual([spec, true]);
});

test('no page has the marks of an unfinished merge', () => {
  expect(ALL.filter((page) => /^(<{7}|={7}|>{7})( |$)/m.test(readPage(page)))).toEqual([]);
});

test('every fence that a page opens is one of them', () => {
  const opened = ALL.flatMap((page) => [...readPage(page).matchAll(/^\s*(```|~~~)/gm)]).length / 2;
  expect(fences.filter(({ language }) => language !== 'indented').length).toBe(opened);
});

test('every block is run by one spec, or cannot be run', () => {
  const isListed = (fence: Fence): boolean => NOT_RUN.some(({ page, begins }) => fence.page === page && fence.code.startsWith(begins));
  const specsOf = (fence: Fence): string[] => Object.entries(RUN_BY).flatMap(([spec, runs]) => (runs(fence) ? [spec] : []));
  expect(fences.filter((fence) => specsOf(fence).length + Number(isListed(fence)) !== 1).map((fence) => [nameOf(fence), specsOf(fence)])).toEqual([]);
});

test('every exception has its block', () => {
  expect(NOT_RUN.filter(({ page, begins }) => !fences.some((fence) => fence.page === page && fence.code.startsWith(begins)))).toEqual([]);
});

test('JSON is JSON, and names a range that has this version', () => {
  for (const { code } of fences.filter(RUN_BY['here, as JSON'])) {
    expect(JSON.parse(code)).toEqual({ overrides: { ioredis: `npm:hawser@^${manifest.version.split('.')[0]}.0.0` } });
  }
});

test('the configuration of Next.js leaves hawser out, with the line that the error names', () => {
  for (const { code } of fences.filter(RUN_BY['here, as a configuration'])) {
    const module = { exports: {} };
    runInNewContext(code, { module });
    const line = runInNewContext(`({ ${new Map(LEAVE_OUT).get('Next.js')} })`) as object;
    expect({ ...module.exports }).toEqual({ ...line });
  }
});

describe('commands', () => {
  // What follows two spaces says what the command does.
  const lines = fences.filter(RUN_BY['here, as commands']).flatMap((fence) => fence.code.split('\n').filter(Boolean).map((line) => ({ page: fence.page, line: line.trim().split(/ {2,}/)[0] })));
  const commands = lines.flatMap(({ page, line }) => line.split(' && ').map((command) => ({ page, command: command.replace(/^(?:[A-Z_]+=\S+ )+/, '') })));
  const those = (start: string): string[] => [...new Set(commands.flatMap(({ command }) => (command.startsWith(start) ? [command.slice(start.length).trim()] : [])))];

  test('are of a known kind', () => {
    const known = /^(npm (run|test|install|init)\b|npx (hawser|jest)\b|cargo test\b|node \S+\.mjs\b|git clone \S+$|cd \S+$|mkdir \S+$)/;
    expect(commands.filter(({ command }) => !known.test(command))).toEqual([]);
  });

  test('npm runs scripts that there are', () => {
    expect(those('npm run ').map((rest) => rest.split(' ')[0]).filter((name) => !(name in manifest.scripts))).toEqual([]);
    expect(those('npm install ').filter((name) => name !== 'hawser')).toEqual([]);
  });

  test('steps of npm test are steps', async () => {
    const { stdout } = await runNode('scripts/test.mjs', { args: ['--list'] });
    const steps = stdout.split('\n').map((line) => line.split(' ')[0]);
    const named = those('npm test').flatMap((rest) => /--only (\S+)/.exec(rest)?.[1].split(',') ?? []);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !steps.includes(name))).toEqual([]);
  });

  test('files, rooms and tests that are named exist', () => {
    const files = [...those('npx jest '), ...those('node ')].map((rest) => rest.split(' ')[0]);
    expect(files.filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
    const cargo = readFileSync(path.join(ROOT, 'Cargo.toml'), 'utf8');
    for (const rest of those('cargo test ')) {
      const [, target] = /--test (\w+)/.exec(rest) ?? [];
      if (target !== undefined) expect(cargo).toContain(`name = "${target}"`);
      const [, room] = / (\w+)(?:::)?$/.exec(rest) ?? [];
      if (target === undefined) expect(existsSync(path.join(ROOT, 'src', room)) || existsSync(path.join(ROOT, 'src', 'cache', room))).toBe(true);
    }
  });

  const usages = those('npx hawser ').filter((rest) => !rest.startsWith('<'));
  test.each([...new Set(usages.map((rest) => rest.split(' ')[0]))])('hawser %s has the options that are named', async (name) => {
    const { code, stdout } = await hawser([name, '--help']);
    expect(code).toBe(0);
    const named = usages.filter((rest) => rest.startsWith(name)).flatMap((rest) => [...rest.matchAll(/(?<=[ [])--?[a-z][\w-]*/g)].map(([option]) => option));
    expect(named.filter((option) => !new RegExp(`(^|[ ,])${option}\\b`, 'm').test(stdout))).toEqual([]);
  });
});
