// Which files have changed, and which specs import them.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root, run, SetupError } from '../setup/run.mjs';

async function git(...args) {
  const { code, output } = await run('git', args, { quiet: true });
  if (code !== 0) throw new SetupError(`${output}\ncheck: git ${args[0]} failed`);
  return output.split('\0').filter(Boolean);
}

/** Files that differ from `since` (by default HEAD, or its parent in a clean tree) and still exist, as paths from the root. */
export async function changedFiles(since) {
  const fresh = await git('ls-files', '--others', '--exclude-standard', '-z');
  const from = async (commit) => [...(await git('diff', '--name-only', '--diff-filter=d', '-z', commit)), ...fresh];
  if (since !== undefined) return from((await mergeBase(since)) ?? since);
  const files = await from('HEAD');
  return files.length > 0 ? files : from('HEAD~1');
}

async function mergeBase(since) {
  const { code, output } = await run('git', ['merge-base', since, 'HEAD'], { quiet: true });
  return code === 0 ? output.trim() : undefined;
}

/** The specs among `files`, and those that import one of them directly or through a helper of the tests. */
export function affectedSpecs(files) {
  const importers = importersOf(testFiles());
  const affected = new Set();
  const visit = (file) => {
    if (affected.has(file)) return;
    affected.add(file);
    for (const importer of importers.get(file) ?? []) visit(importer);
  };
  files.filter((file) => /\.(ts|mjs|cjs|js)$/.test(file)).forEach(visit);
  return [...affected].filter((file) => file.startsWith('__test__/') && file.endsWith('.spec.ts') && existsSync(path.join(root, file))).sort();
}

/** For each file that a test file imports by a relative path: the test files that do. */
function importersOf(tests) {
  const importers = new Map();
  for (const test of tests) {
    const text = readFileSync(path.join(root, test), 'utf8');
    for (const [, target] of text.matchAll(/(?:from|require\(|import\() ?['"](\.{1,2}\/[^'"]+)['"]/g)) {
      const file = resolved(path.join(path.dirname(test), target));
      if (file !== undefined) importers.set(file, [...(importers.get(file) ?? []), test]);
    }
  }
  return importers;
}

function resolved(file) {
  const there = ['', '.ts', '.mjs', '/index.ts'].map((end) => `${file}${end}`).find((name) => /\.\w+$/.test(name) && existsSync(path.join(root, name)));
  return there?.split(path.sep).join('/');
}

/** Specs and helpers, without installed packages and the bench. */
function testFiles(folder = '__test__') {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return ['node_modules', 'bench', 'frameworks'].includes(entry.name) ? [] : testFiles(name);
    return /\.(ts|mjs)$/.test(name) ? [name] : [];
  });
}
