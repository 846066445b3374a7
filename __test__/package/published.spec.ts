/**
 * hawser as it is published: without a binary, and with a package for each platform, of which npm installs the one that fits. The packages
 * are packed and published by the release's own scripts, to a registry on the loopback interface. The binary of this platform is real.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { ESM_BANNER, LEAVE_OUT, TAKE_IN } from '../../lib/native_error';
import { NodeProcess, ROOT, runNode } from '../helpers/process';
import { RedisServer } from '../helpers/redis-server';
import { Installed, installTools, toolPath, type Ran } from './installed';

jest.setTimeout(180_000);

const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };
const OWN = readdirSync(path.join(ROOT, 'binding')).flatMap((file) => /^hawser\.(.+)\.node$/.exec(file)?.[1] ?? [])[0];
const PLATFORMS = ['darwin-arm64', 'darwin-x64', 'linux-arm64-gnu', 'linux-arm64-musl', 'linux-x64-gnu', 'linux-x64-musl', 'win32-arm64-msvc', 'win32-x64-msvc'];
const FILTERS = PLATFORMS.map((platform): [string, string[]] => {
  const [os, cpu, libc] = platform.split('-');
  return [platform, [`--os=${os}`, `--cpu=${cpu}`, ...(os === 'linux' ? [`--libc=${libc === 'gnu' ? 'glibc' : libc}`] : [])]];
});

let folder: string;
let registry: NodeProcess;
let env: Record<string, string>;
let app: Installed;
let server: RedisServer;
let firstRun: string;

const release = (...args: string[]) => runNode('scripts/release.mjs', { args: [...args, '--out', path.join(folder, 'release')], env, deadlineMs: 120_000 });

/** Everything that was published so far, in order. */
const published = (): string[] => registry.stdout.split('\n').flatMap((line) => /^published (.+)$/.exec(line)?.[1] ?? []);

beforeAll(async () => {
  await installTools();
  folder = mkdtempSync(path.join(tmpdir(), 'hawser-release-'));
  const binaries = path.join(folder, 'binaries');
  mkdirSync(binaries);
  for (const platform of PLATFORMS) writeFileSync(path.join(binaries, `hawser.${platform}.node`), `the binary for ${platform}`);
  registry = new NodeProcess(path.join(ROOT, 'scripts', 'release', 'registry.mjs'), { deadlineMs: 600_000 });
  env = JSON.parse((await registry.line(/^\{/)).trim()) as Record<string, string>;
  const packed = await release('pack', '--all', '--binaries', 'binding', '--binaries', binaries);
  if (packed.code !== 0) throw new Error(packed.stderr);
  const { code, stderr } = await release('publish');
  if (code !== 0) throw new Error(stderr);
  firstRun = published().join();
  [app, server] = await Promise.all([Installed.published(version, env), RedisServer.start()]);
  app.write('main.cjs', "console.log(require('hawser').name);");
}, 300_000);
afterAll(async () => {
  await Promise.all([server?.stop(), registry?.kill()]);
  app?.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** The packages with binaries that are installed. */
const installed = (): string[] => readdirSync(path.join(app.project, 'node_modules')).filter((name) => name.startsWith('hawser-'));
const npm = (...args: string[]): Promise<Ran> => app.runIn('.', env, 'npm', ...args, '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error');
const lockFile = (): string => path.join(app.project, 'package-lock.json');

describe('the release', () => {
  test('publishes the binaries first, hawser last, and nothing twice', async () => {
    expect(firstRun.split(',').slice(0, -1).sort()).toEqual(PLATFORMS.map((platform) => `hawser-${platform}`));
    expect(firstRun.split(',').at(-1)).toBe('hawser');
    expect(await release('publish')).toMatchObject({ code: 0 });
    expect(published().join()).toBe(firstRun);
  });

  test('publishes nothing if one package is missing', async () => {
    const tarball = path.join(folder, 'release', `hawser-win32-x64-msvc-${version}.tgz`);
    cpSync(tarball, `${tarball}.aside`);
    rmSync(tarball);
    const { code, stderr } = await release('publish');
    cpSync(`${tarball}.aside`, tarball);
    expect([code, stderr]).toEqual([1, expect.stringContaining('not packed')]);
    expect(stderr).toContain('hawser-win32-x64-msvc');
  });

  test('refuses to pack all while a binary is missing', async () => {
    const { code, stderr } = await release('pack', '--all', '--binaries', 'binding');
    expect([code, stderr]).toEqual([1, expect.stringContaining('are missing in binding: ')]);
    expect(stderr).not.toContain(`${OWN},`);
  });
});

test('hawser has no binary and names every package in exactly its own version', () => {
  expect(readdirSync(path.join(app.package, 'binding')).sort()).toEqual(['binaries.d.ts', 'binaries.js', 'platform.d.ts', 'platform.js']);
  const own = JSON.parse(readFileSync(path.join(app.package, 'package.json'), 'utf8')) as Record<string, Record<string, string>>;
  expect(own.optionalDependencies).toEqual(Object.fromEntries(PLATFORMS.map((platform) => [`hawser-${platform}`, version])));
  expect(Object.keys(own.scripts)).toEqual(['build', 'build:native']);
  expect(own.devDependencies).toBeUndefined();
});

test('a package has the binary, the licences, and nothing that runs', () => {
  const place = path.join(app.project, 'node_modules', `hawser-${OWN}`);
  expect(readdirSync(place).sort()).toEqual(['LICENSE', 'README.md', 'THIRD-PARTY.md', `hawser.${OWN}.node`, 'package.json']);
  const own = JSON.parse(readFileSync(path.join(place, 'package.json'), 'utf8')) as Record<string, unknown>;
  expect(own).toMatchObject({ version, main: `hawser.${OWN}.node`, license: 'MIT' });
  expect(own.scripts).toBeUndefined();
});

describe('the tour of README.md', () => {
  const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  const code = [...readme.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, block]) => block).join('\n');
  const prints = [...code.matchAll(/console\.log\(.*\);? \/\/ (.+)$/gm)].map(([, text]) => text);
  let project: string;

  // The command is the page's own: mkdir, npm init -y, npm install hawser.
  beforeAll(async () => {
    const [, command = ''] = /^ {4}(mkdir tour .*)$/m.exec(readme) ?? [];
    expect(await app.runIn(folder, { ...env, npm_config_prefer_offline: 'true', npm_config_audit: 'false', npm_config_fund: 'false' }, 'sh', '-c', command)).toMatchObject({ code: 0 });
    project = path.join(folder, 'tour');
    writeFileSync(path.join(project, 'tour.mjs'), code);
  });

  test.each([['memory://', (): string => ''], ['a server', (): string => server.url]] as const)('runs as pasted into a new project with the published package, on %s', async (_, url) => {
    expect(prints.length).toBeGreaterThan(4);
    const { code: exit, output } = await app.runIn(project, { REDIS_URL: url() }, process.execPath, 'tour.mjs');
    expect([exit, output.split('\n').filter(Boolean)]).toEqual([0, prints]);
  });
});

test('no compiler runs during the installation', () => {
  expect(app.compilersCalled()).toEqual([]);
});

test.each(FILTERS)('npm installs the package for %s alone, from one lock file for all', async (platform, flags) => {
  expect(await npm('ci', ...flags)).toMatchObject({ code: 0 });
  expect(installed()).toEqual([`hawser-${platform}`]);
});

describe('an installation without the binary says why, and what to do:', () => {
  afterAll(() => npm('ci'));

  const failure = async (): Promise<string> => {
    const { code, output } = await app.node('main.cjs');
    expect([code, output]).toEqual([1, expect.stringContaining("code: 'E_NO_BINARY'")]);
    expect(output).toContain(`hawser has no native binary for ${OWN} (Node ${process.version}): the package hawser-${OWN}, an optional dependency of hawser, is not installed.`);
    return output;
  };

  test('optional dependencies were left out', async () => {
    expect(await npm('ci', '--omit=optional')).toMatchObject({ code: 0 });
    const output = await failure();
    expect(output).toContain('This installation has none at all');
    expect(output).toContain('npm install --include=optional');
  });

  test('it was made for another platform', async () => {
    const [other, flags] = FILTERS.find(([platform]) => platform !== OWN && !platform.startsWith('win32'))!;
    expect(await npm('ci', ...flags)).toMatchObject({ code: 0 });
    const output = await failure();
    expect(output).toContain(`This installation has ${other}, in ${app.package}`);
    expect(output).toContain('list node_modules in .dockerignore');
    expect(output).toContain(FILTERS.find(([platform]) => platform === OWN)![1].join(' '));
  });

  test("the lock file lacks this platform's package, as npm writes it on another one", async () => {
    const before = readFileSync(lockFile(), 'utf8');
    const lock = JSON.parse(before) as { packages: Record<string, unknown> };
    delete lock.packages[`node_modules/hawser-${OWN}`];
    writeFileSync(lockFile(), JSON.stringify(lock));
    rmSync(path.join(app.project, 'node_modules', `hawser-${OWN}`), { recursive: true, force: true });
    const output = await failure();
    writeFileSync(lockFile(), before);
    expect(output).toContain(`The cause is ${lockFile()}`);
    expect(output).toContain('Delete node_modules and package-lock.json, run `npm install`');
  });
});

describe('a binary of another version is refused, with its cause and what to do:', () => {
  const OTHER = '5.0.999';
  const name = `hawser-${OWN}`;
  const separate = (): string => path.join(app.project, 'node_modules', name);
  const manifest = (): string => path.join(app.project, 'package.json');
  let before: string[];

  const json = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8')) as T;
  /** Starts the application and returns the error. */
  const refused = async (): Promise<string> => {
    const { code, output } = await app.node('main.cjs');
    expect([code, output]).toEqual([1, expect.stringContaining("code: 'E_NO_BINARY'")]);
    expect(output).toContain(`hawser ${version} cannot use the native binary of hawser ${OTHER}: the package ${name}, in ${separate()}, has version ${OTHER}.`);
    return output;
  };

  beforeAll(async () => {
    const place = path.join(folder, 'other');
    cpSync(separate(), place, { recursive: true });
    writeFileSync(path.join(place, 'package.json'), JSON.stringify({ ...json<object>(path.join(place, 'package.json')), version: OTHER }));
    expect(await app.runIn(place, env, 'npm', 'publish', '--ignore-scripts', '--tag', 'other')).toMatchObject({ code: 0 });
    before = [manifest(), lockFile()].map((file) => readFileSync(file, 'utf8'));
  });
  afterEach(() => {
    writeFileSync(manifest(), before[0]);
    writeFileSync(lockFile(), before[1]);
  });
  afterAll(() => npm('ci'));

  test('package.json names it', async () => {
    writeFileSync(manifest(), JSON.stringify({ ...json<object>(manifest()), overrides: { [name]: OTHER } }));
    rmSync(lockFile());
    rmSync(separate(), { recursive: true });
    expect(await npm('install')).toMatchObject({ code: 0 });
    expect(await refused()).toContain(`The cause is ${manifest()}, which names ${name}.`);
  });

  test('a lock file that was merged has it', async () => {
    // npm believes what the lock file says of hawser's own dependencies; if that and the entry do not fit, npm refuses by itself.
    const lock = json<{ packages: Record<string, Record<string, unknown>> }>(lockFile());
    const entry = lock.packages[`node_modules/${name}`];
    Object.assign(lock.packages['node_modules/hawser'].optionalDependencies!, { [name]: OTHER });
    const { dist } = (await (await fetch(`${env.npm_config_registry}${name}`)).json() as { versions: Record<string, { dist: { tarball: string; integrity: string } }> }).versions[OTHER];
    Object.assign(entry, { version: OTHER, resolved: dist.tarball, integrity: dist.integrity });
    writeFileSync(lockFile(), JSON.stringify(lock));
    rmSync(path.join(app.project, 'node_modules'), { recursive: true });
    expect(await npm('ci')).toMatchObject({ code: 0 });
    expect(await refused()).toContain(`The cause is ${lockFile()}, which has that version`);
    // What the message says.
    rmSync(path.join(app.project, 'node_modules'), { recursive: true });
    rmSync(lockFile());
    expect(await npm('install')).toMatchObject({ code: 0 });
    expect(await app.node('main.cjs')).toEqual({ code: 0, output: 'Redis\n' });
  });

  test('it was copied by hand', async () => {
    rmSync(separate(), { recursive: true });
    cpSync(path.join(folder, 'other'), separate(), { recursive: true });
    expect(await refused()).toContain('copied or installed separately');
  });
});

describe('a binary that was built here', () => {
  const built = (): string => path.join(app.package, 'binding', `hawser.${OWN}.node`);
  const separate = (): string => path.join(app.project, 'node_modules', `hawser-${OWN}`);

  test('is used where no package fits', async () => {
    cpSync(path.join(separate(), `hawser.${OWN}.node`), built());
    cpSync(separate(), path.join(folder, 'aside'), { recursive: true });
    rmSync(separate(), { recursive: true });
    try {
      expect(await app.node('main.cjs')).toEqual({ code: 0, output: 'Redis\n' });
      const write = "import('./scripts/setup/binaries.mjs').then(({ writeBinaries }) => writeBinaries())";
      expect(await app.runIn(app.package, {}, process.execPath, '-e', write)).toMatchObject({ code: 0 });
      expect(await app.node('main.cjs')).toEqual({ code: 0, output: 'Redis\n' });
    } finally {
      rmSync(built());
      await app.runIn(app.package, {}, process.execPath, '-e', "import('./scripts/setup/binaries.mjs').then(({ writeBinaries }) => writeBinaries())");
      cpSync(path.join(folder, 'aside'), separate(), { recursive: true });
    }
    expect(await app.node('main.cjs')).toEqual({ code: 0, output: 'Redis\n' });
  });
});

describe('with bundlers and tracers', () => {
  const PROGRAM = `
    RedisManager.configure({ url: process.env.REDIS_URL });
    const cache = new CacheRepository('app');
    let loads = 0;
    const list = () => cache.getOrSet('list', () => ++loads, { ttl: 60, tags: ['orders'] });
    const seen = [await list(), await list()];
    await cache.invalidateTags(['orders']);
    seen.push(await list());
    const redis = new Redis(process.env.REDIS_URL);
    seen.push(await redis.echo('hello'));
    await redis.quit();
    await RedisManager.closeAll();
    console.log(JSON.stringify(seen));`;
  const lineOf = (tool: string): string => new Map(TAKE_IN).get(tool)!;
  const bundleIn = (place: string): string => readdirSync(place).find((file) => /\.[cm]?js$/.test(file))!;

  beforeAll(() => {
    app.write('app.mjs', `import Redis, { CacheRepository, RedisManager } from 'hawser';\nasync function main() {${PROGRAM}\n}\nvoid main();`);
  });

  const works = async (place: string, ...command: string[]): Promise<void> => {
    const [program, ...args] = command;
    await server.command('FLUSHALL');
    expect(await app.runIn(place, { REDIS_URL: server.url }, program, ...args)).toEqual({ code: 0, output: '[1,1,2,"hello"]\n' });
  };
  const worksAlone = async (name: string): Promise<void> => {
    const place = app.moveOut(name);
    await works(place, process.execPath, bundleIn(place));
  };
  const build = async (script: string): Promise<Ran> => {
    app.write('build.mjs', script);
    return app.node('build.mjs');
  };
  const esbuild = (...args: string[]): Promise<Ran> => app.node(toolPath('esbuild', 'bin', 'esbuild'), 'app.mjs', '--bundle', '--platform=node', '--log-level=warning', ...args);

  test.each([
    ['cjs', []],
    ['esm', [ESM_BANNER.replaceAll('"', '')]],
  ])('esbuild copies the binary, %s', async (format, more) => {
    const file = `esbuild-${format}/app.${format === 'esm' ? 'mjs' : 'cjs'}`;
    expect(await esbuild(lineOf('esbuild'), `--format=${format}`, `--outfile=${file}`, ...more)).toEqual({ code: 0, output: '' });
    await worksAlone(`esbuild-${format}`);
  });

  test('esbuild leaves hawser out', async () => {
    expect(await esbuild(new Map(LEAVE_OUT).get('esbuild')!, '--outfile=esbuild-out/app.cjs')).toEqual({ code: 0, output: '' });
    await works('esbuild-out', process.execPath, 'app.cjs');
  });

  test('a bundle that was made for another platform says which package it wants', async () => {
    expect(await esbuild(lineOf('esbuild'), '--outfile=esbuild-elsewhere/app.cjs')).toEqual({ code: 0, output: '' });
    const elsewhere = app.write('elsewhere.cjs', "Object.defineProperty(process, 'platform', { value: 'darwin' }); Object.defineProperty(process, 'arch', { value: 'arm64' });");
    const place = app.moveOut('esbuild-elsewhere');
    const { code, output } = await app.runIn(place, {}, process.execPath, '--require', elsewhere, 'app.cjs');
    expect([code, output]).toEqual([1, expect.stringContaining('the binary, from the package hawser-darwin-arm64, cannot be loaded there: Cannot find module')]);
  });

  test('webpack copies the binary', async () => {
    const script = `
      import webpack from ${JSON.stringify(toolPath('webpack', 'lib', 'index.js'))};
      const output = { path: process.cwd() + '/webpack', filename: 'app.cjs' };
      const ignoreWarnings = [/supports-color/, ${/`ignoreWarnings: \[(.+)\]`/.exec(readFileSync(path.join(ROOT, 'docs', 'deployment.md'), 'utf8'))![1]}];
      webpack({ mode: 'development', devtool: false, target: 'node', entry: './app.mjs', output, ignoreWarnings, ${lineOf('webpack')} }, (error, stats) => {
        const text = error?.stack ?? stats.toString({ all: false, errors: true, warnings: true });
        if (text !== '') { console.log(text); process.exitCode = 1; }
      });`;
    expect(await build(script)).toEqual({ code: 0, output: '' });
    await worksAlone('webpack');
  });

  test('Vite copies the binary', async () => {
    const script = `
      import { build } from ${JSON.stringify(toolPath('vite', 'dist', 'node', 'index.js'))};
      const options = {${lineOf('Vite')}};
      const common = { ssr: 'app.mjs', outDir: 'vite', emptyOutDir: true };
      await build({ root: process.cwd(), configFile: false, logLevel: 'error', ssr: { noExternal: true }, build: { ...common, ...options.build } });`;
    expect(await build(script)).toMatchObject({ code: 0 });
    await worksAlone('vite');
  });

  test('@vercel/nft traces the package of this platform', async () => {
    const script = `
      import { nodeFileTrace } from ${JSON.stringify(toolPath('@vercel', 'nft', 'out', 'index.js'))};
      import { cpSync } from 'node:fs';
      const { fileList } = await nodeFileTrace(['app.mjs'], { base: process.cwd() });
      for (const file of fileList) cpSync(file, 'traced/' + file);
      console.log([...fileList].filter((file) => file.endsWith('.node')).join());`;
    expect(await build(script)).toEqual({ code: 0, output: `node_modules/hawser-${OWN}/hawser.${OWN}.node\n` });
    await works(app.moveOut('traced'), process.execPath, 'app.mjs');
  });

  /** The program that npm installed for this platform. */
  const programIn = (scope: string, ...parts: string[]): string =>
    readdirSync(toolPath(scope))
      .map((name) => toolPath(scope, name, ...parts))
      .find((file) => existsSync(file))!;

  test('Bun runs it, and compiles it into a program', async () => {
    const bun = programIn('@oven', 'bin', 'bun');
    await works('.', bun, 'app.mjs');
    expect(await app.run(bun, 'build', 'app.mjs', '--compile', '--outfile=bun/app')).toMatchObject({ code: 0 });
    const place = app.moveOut('bun');
    await works(place, path.join(place, 'app'));
  });

  test('Deno runs it', async () => {
    await works('.', programIn('@deno', 'deno'), 'run', '--no-prompt', '--allow-read', '--allow-env', '--allow-net', '--allow-ffi', 'app.mjs');
  });
});
