/** `npm run check`: which specs and steps a change asks for. */
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { ROOT, runNode } from '../helpers/process';

interface Asked {
  specs: string[];
  lanes: { name: string; command: string[] }[][];
  left: number;
  needsFacade: boolean;
  needsNative: boolean;
}

/** Each spec takes two seconds. */
async function asked(...files: string[]): Promise<Asked> {
  const text = `import { affectedSpecs } from './scripts/check/changes.mjs';
import { stepsFor } from './scripts/check/steps.mjs';
const files = ${JSON.stringify(files)};
console.log(JSON.stringify({ specs: affectedSpecs(files), ...stepsFor(files, () => 2) }));`;
  const { code, stdout, stderr } = await runNode(text, { esm: true });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Asked;
}

const stepOf = ({ lanes }: Asked, name: string): string[] | undefined => lanes.flat().find((step) => step.name === name)?.command;

test('a file of the facade asks for the specs that import it', async () => {
  const found = await asked('lib/command/command_defaults.ts');
  const importing = found.specs.map((spec) => readFileSync(path.join(ROOT, spec), 'utf8'));
  expect(importing.length).toBeGreaterThan(0);
  for (const text of importing) expect(text).toContain('lib/command/command_defaults');
  expect(stepOf(found, 'jest')).toEqual(expect.arrayContaining(found.specs));
  expect(stepOf(found, 'cargo')).toBeUndefined();
});

test('a spec asks for itself, a helper for specs that use it, and both are bounded', async () => {
  const spec = '__test__/docs/dashboard.spec.ts';
  expect((await asked(spec)).specs).toEqual([spec]);
  const helper = await asked('__test__/helpers/until.ts', spec);
  expect(helper.specs.length).toBeGreaterThan(20);
  expect(helper.left).toBeGreaterThan(0);
  expect(helper.specs.length - helper.left).toBeLessThanOrEqual(13);
  // What changed itself comes first.
  expect(stepOf(helper, 'jest')).toContain(spec);
});

test('Rust asks for cargo and for the unit tests of its rooms', async () => {
  const found = await asked('src/cache/freshness.rs', 'src/resp/scan.rs');
  expect(stepOf(found, 'units')).toEqual(expect.arrayContaining(['cache::', 'resp::']));
  expect(stepOf(found, 'cargo')).toBeDefined();
  expect(stepOf(await asked('Cargo.toml'), 'units')?.at(-1)).toBe('--');
  expect(stepOf(await asked('docs/caching.md'), 'units')).toBeUndefined();
});

test('only what specs need is built', async () => {
  expect(await asked('__test__/docs/dashboard.spec.ts')).toMatchObject({ needsFacade: true, needsNative: false });
  expect(await asked('src/cache/freshness.rs')).toMatchObject({ needsFacade: false, needsNative: false });
  expect(await asked('src/cache/freshness.rs', '__test__/docs/dashboard.spec.ts')).toMatchObject({ needsFacade: true, needsNative: true });
  expect(await asked('docs/caching.md')).toMatchObject({ needsFacade: false });
});

test("specs' times are those of the newest report", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'hawser-reports-'));
  try {
    const report = (seconds: number): string => JSON.stringify({ testResults: [{ name: path.join(ROOT, '__test__', 'a.spec.ts'), startTime: 1_000, endTime: 1_000 + seconds * 1000 }] });
    writeFileSync(path.join(folder, 'old.json'), report(40));
    utimesSync(path.join(folder, 'old.json'), 1, 1);
    writeFileSync(path.join(folder, 'new.json'), report(3));
    writeFileSync(path.join(folder, 'other.json'), 'no report');
    const text = `import { durations } from './scripts/check/durations.mjs';
const secondsOf = durations(${JSON.stringify(folder)});
console.log(secondsOf('__test__/a.spec.ts'), secondsOf('__test__/b.spec.ts') > 0);`;
    expect((await runNode(text, { esm: true })).stdout).toBe('3 true\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('an unknown branch is an error that names git', async () => {
  const { code, stderr } = await runNode('scripts/check.mjs', { args: ['--list', '--since', 'no-such-branch'] });
  expect(code).toBe(1);
  expect(stderr).toContain('check: git diff failed');
});
