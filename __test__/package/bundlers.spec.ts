/**
 * hawser in bundles, traces and other runtimes, with the lines that its error and docs/deployment.md show. A bundle that contains the binary runs in
 * an empty folder; a bundle without hawser runs where hawser is installed. Each does real work on `memory://` and on a server.
 */
import { existsSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { ESM_BANNER, LEAVE_OUT, TAKE_IN } from '../../lib/native_error';
import { RedisServer } from '../helpers/redis-server';
import { Installed, installTools, toolPath, type Ran } from './installed';

jest.setTimeout(120_000);

const PROGRAM = `
async function main() {
  RedisManager.configure({ url: process.env.REDIS_URL });
  const cache = new CacheRepository('app');
  let loads = 0;
  const list = () => cache.getOrSet('list', () => ++loads, { ttl: 60, tags: ['orders'] });
  const seen = [await list(), await list()];
  await cache.invalidateTags(['orders']);
  seen.push(await list());
  if (process.env.REDIS_URL !== 'memory://') {
    const redis = new Redis(process.env.REDIS_URL, { showFriendlyErrorStack: true });
    await redis.set('greeting', 'hello');
    seen.push(await redis.get('greeting'));
    seen.push(await redis.call('no-such-command').catch((error) => error instanceof Redis.ReplyError));
    await redis.quit();
  }
  await RedisManager.closeAll();
  console.log(JSON.stringify(seen));
}
void main();
`;
const ON_MEMORY = '[1,1,2]\n';
const ON_SERVER = '[1,1,2,"hello",true]\n';

let app: Installed;
let server: RedisServer;
beforeAll(async () => {
  await installTools();
  [app, server] = await Promise.all([Installed.create(), RedisServer.start()]);
  app.write('app.mjs', `import Redis, { CacheRepository, RedisManager } from 'hawser';\n${PROGRAM}`);
  app.write('app.cjs', `const Redis = require('hawser');\nconst { CacheRepository, RedisManager } = Redis;\n${PROGRAM}`);
}, 300_000);
afterAll(async () => {
  await server?.stop();
  app?.remove();
});

async function works(folder: string, ...command: string[]): Promise<void> {
  const [program, ...args] = command;
  await server.command('FLUSHALL');
  expect(await app.runIn(folder, { REDIS_URL: 'memory://' }, program, ...args)).toEqual({ code: 0, output: ON_MEMORY });
  expect(await app.runIn(folder, { REDIS_URL: server.url }, program, ...args)).toEqual({ code: 0, output: ON_SERVER });
}

/** The only JavaScript file of a bundle. */
function bundleIn(folder: string): string {
  const files = readdirSync(folder).filter((file) => /\.[cm]?js$/.test(file));
  expect(files).toHaveLength(1);
  return files[0];
}

/** Starts a self-contained bundle. */
async function worksAlone(folder: string): Promise<void> {
  const place = app.moveOut(folder);
  await works(place, process.execPath, bundleIn(place));
}

/** Starts a bundle without the binary, where hawser is installed. */
async function worksBesideHawser(folder: string): Promise<void> {
  const files = readdirSync(path.join(app.project, folder), { recursive: true, encoding: 'utf8' });
  expect(files.filter((file) => file.endsWith('.node'))).toEqual([]);
  await works(folder, process.execPath, bundleIn(path.join(app.project, folder)));
}

const lineOf = (table: typeof LEAVE_OUT, tool: string): string => new Map(table).get(tool)!;

/** `externals: {...}` as an object. */
function optionsOf(line: string): Record<string, any> {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- a line of the documentation
  return new Function(`return {${line}}`)() as Record<string, any>;
}

/** Runs a build script. The options are JavaScript source, because they contain functions and regular expressions. */
async function build(tool: string, script: string): Promise<Ran> {
  app.write(`build-${tool}.mjs`, script);
  return app.node(`build-${tool}.mjs`);
}

async function builds(tool: string, script: string): Promise<void> {
  expect(await build(tool, script)).toMatchObject({ code: 0 });
}

describe('esbuild', () => {
  const esbuild = (outfile: string, format: string, ...args: string[]): Promise<Ran> =>
    app.node(toolPath('esbuild', 'bin', 'esbuild'), 'app.mjs', '--bundle', '--platform=node', '--log-level=warning', `--format=${format}`, `--outfile=${outfile}`, ...args);
  /** The argument as the shell passes it. */
  const banner = ESM_BANNER.replaceAll('"', '');

  test.each(['cjs', 'esm'])('%s, hawser left out', async (format) => {
    expect(await esbuild(`esbuild-out-${format}/app.${format === 'esm' ? 'mjs' : 'cjs'}`, format, lineOf(LEAVE_OUT, 'esbuild'))).toEqual({ code: 0, output: '' });
    await worksBesideHawser(`esbuild-out-${format}`);
  });

  test('cjs, with the binary', async () => {
    expect(await esbuild('esbuild-cjs/app.cjs', 'cjs', lineOf(TAKE_IN, 'esbuild'))).toEqual({ code: 0, output: '' });
    await worksAlone('esbuild-cjs');
  });

  test('esm, with the binary and without __dirname', async () => {
    expect(await esbuild('esbuild-esm/app.mjs', 'esm', lineOf(TAKE_IN, 'esbuild'), banner)).toEqual({ code: 0, output: '' });
    await worksAlone('esbuild-esm');
  });

  test('a loader that returns the name of the copy works', async () => {
    expect(await esbuild('esbuild-file/app.cjs', 'cjs', '--loader:.node=file')).toEqual({ code: 0, output: '' });
    await worksAlone('esbuild-file');
  });

  test.each([
    ['the copy is missing', 'cjs', ['--external:*.node'], 'cannot be loaded there: Cannot find module'],
    ['a loader leaves the binary out', 'cjs', ['--loader:.node=empty'], 'has put a value of type object in the place of the binary'],
    ['a loader gives something else', 'cjs', ['--loader:.node=dataurl'], 'has put a value of type string in the place of the binary'],
    ['there is no require', 'esm', ['--loader:.node=copy'], 'cannot be loaded there: Dynamic require of'],
  ])('the error has the line for each bundler when %s', async (when, format, args, reason) => {
    const name = `esbuild-${when.replaceAll(' ', '-')}`;
    expect(await esbuild(`${name}/app.${format === 'esm' ? 'mjs' : 'cjs'}`, format, ...args)).toEqual({ code: 0, output: '' });
    const place = app.moveOut(name);
    const { code, output } = await app.runIn(place, {}, process.execPath, bundleIn(place));
    expect(code).toBe(1);
    expect(output).toContain("code: 'E_NO_BINARY'");
    expect(output).toContain('its code runs from a bundle, and the ');
    expect(output).toContain(reason);
    for (const [, line] of [...LEAVE_OUT, ...TAKE_IN, ['', ESM_BANNER]]) expect(output).toContain(line);
    expect(output).not.toContain('npm run build');
  });

  test('the error explains that the bundle was made for another platform', async () => {
    expect(await esbuild('esbuild-elsewhere/app.cjs', 'cjs', lineOf(TAKE_IN, 'esbuild'))).toEqual({ code: 0, output: '' });
    const elsewhere = app.write('elsewhere.cjs', "Object.defineProperty(process, 'arch', { value: 'riscv64' });");
    const { code, output } = await app.runIn('esbuild-elsewhere', {}, process.execPath, '--require', elsewhere, 'app.cjs');
    expect(code).toBe(1);
    expect(output).toMatch(/no native binary for \w+-riscv64.*: its code runs from a bundle, and it was made where the package had binaries for \w+-\w+(-\w+)? only/);
  });
});

describe('webpack', () => {
  const webpack = (folder: string, options: string): string => `
    import webpack from ${JSON.stringify(toolPath('webpack', 'lib', 'index.js'))};
    const base = { mode: 'production', target: 'node', entry: './app.mjs', resolveLoader: { modules: [${JSON.stringify(toolPath())}] } };
    const output = { path: process.cwd() + '/${folder}', filename: 'app.cjs' };
    // An optional dependency of debug.
    const ignoreWarnings = [/supports-color/];
    webpack({ ...base, output, ignoreWarnings, ${options} }, (error, stats) => {
      const text = error?.stack ?? stats.toString({ all: false, errors: true, warnings: true });
      if (text !== '') { console.log(text); process.exitCode = 1; }
    });`;
  const asModule = (folder: string): string =>
    `experiments: { outputModule: true }, output: { ...output, path: process.cwd() + '/${folder}', filename: 'app.mjs', module: true, chunkFormat: 'module' },`;

  test.each(['cjs', 'esm'])('%s, hawser left out', async (format) => {
    const folder = `webpack-out-${format}`;
    await builds('webpack', webpack(folder, `${format === 'esm' ? asModule(folder) : ''} ${lineOf(LEAVE_OUT, 'webpack')}`));
    await worksBesideHawser(folder);
  });

  test.each(['cjs', 'esm'])('%s, with the binary', async (format) => {
    const folder = `webpack-${format}`;
    await builds('webpack', webpack(folder, `${format === 'esm' ? asModule(folder) : ''} ${lineOf(TAKE_IN, 'webpack')}`));
    await worksAlone(folder);
  });

  test('node-loader', async () => {
    await builds('webpack', webpack('webpack-loader', "module: { rules: [{ test: /\\.node$/, loader: 'node-loader' }] }"));
    await worksAlone('webpack-loader');
  });

  test('without a line the build fails at a file that names the documentation', async () => {
    const { code, output } = await build('webpack', webpack('webpack-wrong', ''));
    expect(code).toBe(1);
    expect(output).toContain('hawser/binding/hawser.');
  });
});

describe('Vite and Rollup', () => {
  const vite = (folder: string, options: Record<string, any>): string => `
    import { build } from ${JSON.stringify(toolPath('vite', 'dist', 'node', 'index.js'))};
    const options = ${JSON.stringify(options)};
    const common = { ssr: 'app.mjs', outDir: '${folder}', emptyOutDir: true };
    await build({ root: process.cwd(), configFile: false, logLevel: 'error', ...options, build: { ...common, ...options.build } });`;

  test('Vite leaves hawser out by default', async () => {
    await builds('vite', vite('vite-default', {}));
    await worksBesideHawser('vite-default');
  });

  test('Vite leaves hawser out and includes everything else', async () => {
    const { ssr } = optionsOf(lineOf(LEAVE_OUT, 'Vite'));
    await builds('vite', vite('vite-out', { ssr: { noExternal: true, ...ssr } }));
    await worksBesideHawser('vite-out');
  });

  test('Vite includes the binary', async () => {
    await builds('vite', vite('vite-in', { ssr: { noExternal: true }, ...optionsOf(lineOf(TAKE_IN, 'Vite')) }));
    await worksAlone('vite-in');
  });

  test.each(['es', 'cjs'])('Rollup, %s, hawser left out', async (format) => {
    await builds(
      'rollup',
      `import { rollup } from ${JSON.stringify(toolPath('rollup', 'dist', 'es', 'rollup.js'))};
      import commonjs from ${JSON.stringify(toolPath('@rollup', 'plugin-commonjs', 'dist', 'es', 'index.js'))};
      import { nodeResolve } from ${JSON.stringify(toolPath('@rollup', 'plugin-node-resolve', 'dist', 'es', 'index.js'))};
      const bundle = await rollup({ input: 'app.mjs', plugins: [nodeResolve(), commonjs()], ${lineOf(LEAVE_OUT, 'Rollup')} });
      await bundle.write({ file: 'rollup-${format}/app.${format === 'es' ? 'mjs' : 'cjs'}', format: '${format}' });`,
    );
    await worksBesideHawser(`rollup-${format}`);
  });
});

describe('@vercel/nft, which Next.js and others use to collect the files of a server', () => {
  test.each(['app.mjs', 'app.cjs'])('%s: the traced files include the binary and run elsewhere', async (file) => {
    const script = `
      import { nodeFileTrace } from ${JSON.stringify(toolPath('@vercel', 'nft', 'out', 'index.js'))};
      import { cpSync } from 'node:fs';
      const { fileList } = await nodeFileTrace(['${file}'], { base: process.cwd() });
      for (const file of fileList) cpSync(file, 'traced-${file}/' + file);
      console.log([...fileList].filter((file) => file.endsWith('.node')).join());`;
    const { code, output } = await build('nft', script);
    expect(code).toBe(0);
    expect(output.trim()).toMatch(/^node_modules\/hawser\/binding\/hawser\.[\w-]+\.node$/);
    await works(app.moveOut(`traced-${file}`), process.execPath, file);
  });
});

describe('other runtimes', () => {
  /** The program that npm installed for this platform. */
  const installed = (scope: string, ...parts: string[]): string =>
    readdirSync(toolPath(scope))
      .map((name) => toolPath(scope, name, ...parts))
      .find((file) => existsSync(file))!;
  const bun = (): string => installed('@oven', 'bin', process.platform === 'win32' ? 'bun.exe' : 'bun');
  const deno = (): string => installed('@deno', process.platform === 'win32' ? 'deno.exe' : 'deno');

  test.each(['app.mjs', 'app.cjs'])('Bun runs %s', async (file) => {
    await works('.', bun(), file);
  });

  test('a bundle by Bun has the binary beside it', async () => {
    expect(await app.run(bun(), 'build', 'app.mjs', '--target=node', '--outdir=bun-node')).toMatchObject({ code: 0 });
    await worksAlone('bun-node');
  });

  test('a program compiled by Bun has the binary inside', async () => {
    expect(await app.run(bun(), 'build', 'app.mjs', '--compile', '--outfile=bun-program/app')).toMatchObject({ code: 0 });
    const place = app.moveOut('bun-program');
    await works(place, path.join(place, readdirSync(place)[0]));
  });

  const allowed = ['--allow-read', '--allow-env', '--allow-net'];

  test('Deno runs it without the permission `sys`', async () => {
    await works('.', deno(), 'run', '--no-prompt', ...allowed, '--allow-ffi', 'app.mjs');
  });

  test('Deno gets an error that names the missing permissions', async () => {
    const { code, output } = await app.run(deno(), 'run', '--no-prompt', ...allowed, 'app.mjs');
    expect(code).toBe(1);
    expect(output).toContain('Start Deno with --allow-ffi');
  });
});
