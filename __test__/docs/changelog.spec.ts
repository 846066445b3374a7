/** CHANGELOG.md has the form of Keep a Changelog. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { ROOT } from '../helpers/process';
import { readPage } from './pages';

const KINDS = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];
const versions = readPage('CHANGELOG.md').split(/^(?=## )/m).slice(1);

test('versions are the newest first, each with its date and its link', () => {
  const heads = versions.map((text) => text.split('\n')[0]);
  expect(heads[0]).toBe('## [Unreleased]');
  for (const head of heads.slice(1)) expect(head).toMatch(/^## \[\d+\.\d+\.\d+\S*\] - \d{4}-\d{2}-\d{2}$/);
  for (const head of heads) expect(readPage('CHANGELOG.md')).toContain(`\n${/\[.+\]/.exec(head)![0]}: https://`);
});

test('what changed is sorted by kind, each once, in the order of the form', () => {
  for (const text of versions) {
    const kinds = [...text.matchAll(/^### (.+)$/gm)].map(([, kind]) => kind);
    expect(kinds).toEqual(KINDS.filter((kind) => kinds.includes(kind)));
  }
});

test('every entry is below a kind, and no kind is empty', () => {
  for (const text of versions) {
    const [, ...sections] = text.split(/^(?=### )/m);
    for (const section of sections) expect(section).toMatch(/^- \S/m);
  }
  const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(readPage('CHANGELOG.md')).toContain(version);
});
