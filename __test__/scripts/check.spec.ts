/** `npm run check`: which specs and steps a change asks for. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { ROOT, runNode } from '../helpers/process';

interface Asked {
  specs: string[];
  lanes: { name: string; command: string[] }[][];
  left: number;
}

async function asked(...files: string[]): Promise<Asked> {
  const text = `import { affectedSpecs } from './scripts/check/changes.mjs';
import { stepsFor } from './scripts/check/steps.mjs';
const files = ${JSON.stringify(files)};
console.log(JSON.stringify({ specs: affectedSpecs(files), ...stepsFor(files) }));`;
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

test('an unknown branch is an error that names git', async () => {
  const { code, stderr } = await runNode('scripts/check.mjs', { args: ['--list', '--since', 'no-such-branch'] });
  expect(code).toBe(1);
  expect(stderr).toContain('check: git diff failed');
});
