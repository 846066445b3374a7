/** The package builds its binary from its own source, and leaves nothing of the build behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { until } from '../helpers/until';
import { Installed } from './installed';

jest.setTimeout(600_000);

/** The same build with less optimization. Its dependencies were fetched when hawser itself was built. */
const QUICK = {
  CARGO_NET_OFFLINE: 'true',
  CARGO_PROFILE_RELEASE_LTO: 'off',
  CARGO_PROFILE_RELEASE_OPT_LEVEL: '0',
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16',
};

let app: Installed;
beforeAll(async () => {
  app = await Installed.create();
  // An application may be a Rust workspace as well.
  app.write('Cargo.toml', '[workspace]\nmembers = []\n');
  app.write('main.cjs', "console.log(require('hawser').name);");
});
afterAll(() => app?.remove());

const target = (): string => path.join(app.package, 'target');
const binary = (): string => path.join(app.package, app.files.find((file) => file.endsWith('.node'))!);

function megabytes(folder: string): number {
  const sizes = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => statSync(path.join(folder, file)).size);
  return sizes.reduce((sum, size) => sum + size, 0) / 1e6;
}

test('an interrupted build leaves nothing behind', async () => {
  const build = spawn(process.execPath, ['scripts/setup.mjs'], { cwd: app.package, env: { ...process.env, ...QUICK }, stdio: 'ignore' });
  await until(() => existsSync(target()), { deadlineMs: 60_000, what: 'a target folder' });
  build.kill('SIGTERM');
  const [code] = (await once(build, 'exit')) as [number | null];
  expect(code).toBe(1);
  expect(existsSync(target())).toBe(false);
  expect(existsSync(path.join(app.package, '.cache', 'setup.lock'))).toBe(false);
});

test('a build makes the missing binary and leaves nothing else behind', async () => {
  rmSync(binary());
  const before = megabytes(app.package);
  expect(await app.runIn(app.package, QUICK, 'npm', 'run', 'build')).toMatchObject({ code: 0 });
  expect(await app.node('main.cjs')).toEqual({ code: 0, output: 'Redis\n' });
  expect(existsSync(target())).toBe(false);
  expect(megabytes(app.package) - before).toBeLessThan(statSync(binary()).size / 1e6 + 0.1);
});

test('without Rust the error names what is missing', async () => {
  const empty = path.join(app.project, 'empty');
  mkdirSync(empty);
  rmSync(path.join(app.package, '.cache'), { recursive: true, force: true });
  const { code, output } = await app.runIn(app.package, { PATH: empty }, process.execPath, 'scripts/setup.mjs');
  expect(code).toBe(1);
  expect(output).toContain('building it needs Rust, which is not on the PATH');
});
