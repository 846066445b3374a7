import { cpSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import * as path from 'node:path';
import { ROOT } from '../helpers/process';
import { Installed, installedPackages } from './installed';

jest.setTimeout(180_000);

const COMMON = { target: 'ES2022', lib: ['ES2022'], types: [], strict: true, skipLibCheck: false, outDir: 'out' };

/** An application that uses the entry in every way that TypeScript offers. */
const APPLICATION = `
import Redis, { Redis as Named } from 'hawser';
import type { Redis as OnlyType } from 'hawser';

const same: boolean = Redis === Named;
const use = (client: OnlyType): boolean => client instanceof Redis;
class Mine extends Redis {}
console.log(JSON.stringify([Redis.name, same, typeof use, Mine.name]));
`;

/** An application that uses connections, tags, stale-while-revalidate and the bus. */
const BACKEND = `
import { CacheRepository, PubSubService, RedisManager, StaleWhileRevalidate, redisHealthCheck } from 'hawser';
import type { CacheInvalidationMessage, CacheOptions } from 'hawser';

RedisManager.configure({ url: 'memory://' });
const heard: CacheInvalidationMessage[] = [];
let loads = 0;
const main = async (): Promise<void> => {
  const cache = new CacheRepository('app');
  const options: CacheOptions = { ttl: 60, tags: ['orders'] };
  const list = (): Promise<number> => cache.getOrSet('list', () => ++loads, options);
  const before = [await list(), await list()];
  await PubSubService.initialize();
  PubSubService.onInvalidation('app', (message) => heard.push(message));
  const invalidated = await cache.invalidateTags(['orders']);
  await PubSubService.publish({ type: 'tags', target: ['orders'] });
  const after = await list();
  const dashboard = await new StaleWhileRevalidate(cache, 1, 2).get('dashboard', () => ({ total: after }));
  const { healthy } = await redisHealthCheck();
  await RedisManager.closeAll();
  console.log(JSON.stringify([before, invalidated, after, dashboard, healthy, heard.map(({ target }) => target)]));
};
void main();
`;
const BACKEND_SAYS = '[[1,1],1,2,{"total":2},true,[["orders"]]]\n';

describe('the packed package', () => {
  let app: Installed;
  beforeAll(async () => {
    app = await Installed.create();
  });
  afterAll(() => app?.remove());

  const compile = async (name: string, source: string, compilerOptions: object) => {
    const folder = path.dirname(name);
    app.write(name, source);
    app.write(`${folder}/tsconfig.json`, JSON.stringify({ compilerOptions: { ...COMMON, ...compilerOptions }, files: [path.basename(name)] }));
    const { code, output } = await app.tool('typescript/bin/tsc', '--pretty', 'false', '-p', folder);
    expect(output).toBe('');
    expect(code).toBe(0);
  };

  test('contains what an application and a build from source need, and nothing else', () => {
    const folders = [...new Set(app.files.map((file) => file.split('/')[0]))].sort();
    expect(folders).toEqual(
      [
        ...['CHANGELOG.md', 'Cargo.lock', 'Cargo.toml', 'LICENSE', 'README.md', 'THIRD-PARTY.md', 'binding', 'build.rs', 'built', 'dist'],
        ...['index.d.mts', 'index.d.ts', 'index.js', 'index.mjs', 'next.d.mts', 'next.mjs', 'package.json', 'scripts', 'src'],
      ].sort(),
    );
    expect(app.files.filter((file) => /\.(spec|test)\.|tsbuildinfo|\.map$|\.new$|\btests?\b.*\.rs$/.test(file))).toEqual([]);
    expect(app.files).toEqual(expect.arrayContaining(['dist/index.js', 'dist/index.d.ts', 'binding/platform.js', 'src/lib.rs']));
    expect(app.files.filter((file) => file.endsWith('.node'))).toHaveLength(1);
  });

  test('names no machine and lists only the dependencies that it uses', () => {
    const description = JSON.parse(readFileSync(path.join(app.package, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
      peerDependencies: Record<string, string>;
      scripts: Record<string, string>;
    };
    // npm would run these, or a binding.gyp, at every installation.
    expect(Object.keys(description.scripts)).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(pre|post)?install$|^prepare$/)]));
    expect(app.files).not.toContain('binding.gyp');
    const used = app.files
      .filter((file) => /^dist\/.*\.js$/.test(file))
      .flatMap((file) => [...readFileSync(path.join(app.package, file), 'utf8').matchAll(/require\(["']([^"'.][^"']*)["']\)/g)].map((match) => match[1]))
      .filter((name) => !/^(node:|hawser)/.test(name) && !Object.hasOwn(description.peerDependencies, name));
    const named = Object.keys(description.dependencies).filter((name) => name !== '@types/node');
    expect([...new Set(used)].sort()).toEqual(named.sort());
  });

  test('can be built from source: cargo accepts the packed files', async () => {
    const cargo = ['metadata', '--no-deps', '--offline', '--format-version=1', '--manifest-path', path.join(app.package, 'Cargo.toml')];
    const { code, output } = await app.run('cargo', ...cargo);
    expect(code).toBe(0);
    const { packages } = JSON.parse(output.slice(output.indexOf('{'))) as { packages: { targets: { kind: string[]; src_path: string }[] }[] };
    const sources = packages[0].targets.filter(({ kind }) => !kind.includes('test')).map(({ src_path: file }) => file);
    expect(sources.length).toBeGreaterThanOrEqual(2);
    expect(sources.filter((file) => !existsSync(file))).toEqual([]);
    // Files that the source includes are packed as well.
    const used = app.files.filter((file) => /^src\/.*\.rs$/.test(file)).map((file) => [file, readFileSync(path.join(app.package, file), 'utf8')] as const);
    const included = used.flatMap(([file, text]) => [...text.matchAll(/include_str!\("([^"]+)"\)/g)].map((match) => path.join(path.dirname(file), match[1])));
    expect(included.filter((file) => !app.files.includes(file))).toEqual([]);
  });

  test('installs without calling a compiler', () => {
    expect(app.compilersCalled()).toEqual([]);
    expect(installedPackages(app.project)).toContain('hawser');
  });

  test('is the same module for require and import', async () => {
    app.write('main.cjs', "const Redis = require('hawser');\nconst { Redis: Named } = Redis;\nconsole.log(Redis.name, Redis === Named, Redis === Redis.default);");
    expect(await app.node('main.cjs')).toEqual({ code: 0, output: 'Redis true true\n' });
    app.write(
      'main.mjs',
      "import Redis, { Redis as Named } from 'hawser';\nimport { createRequire } from 'node:module';\nconsole.log(Redis === Named, Redis === createRequire(import.meta.url)('hawser'));",
    );
    expect(await app.node('main.mjs')).toEqual({ code: 0, output: 'true true\n' });
  });

  test('hawser/otel says what to install where @opentelemetry/api is missing, and works beside it for require and import', async () => {
    app.write(
      'otel.cjs',
      "const { RedisManager, CacheRepository } = require('hawser');\n" +
        "const { HawserInstrumentation } = require('hawser/otel');\n" +
        "const instrumentation = new HawserInstrumentation();\n" +
        "RedisManager.configure({ url: 'memory://' });\n" +
        "const cache = new CacheRepository('app');\n" +
        "cache.getOrSet('k', () => 1).then((value) => { instrumentation.disable(); console.log(instrumentation.instrumentationName, value); });",
    );
    app.write(
      'otel.mjs',
      "import { HawserInstrumentation, registerHawserOtel } from 'hawser/otel';\nimport { createRequire } from 'node:module';\n" +
        "console.log(HawserInstrumentation === createRequire(import.meta.url)('hawser/otel').HawserInstrumentation, registerHawserOtel().getConfig().enabled);",
    );
    for (const name of ['otel.cjs', 'otel.mjs']) {
      const { code, output } = await app.node(name);
      expect([code, output]).toEqual([1, expect.stringContaining('hawser/otel needs the package @opentelemetry/api, which is not installed: run npm install @opentelemetry/api')]);
    }
    const api = path.join(app.project, 'node_modules', '@opentelemetry', 'api');
    cpSync(path.join(ROOT, 'node_modules', '@opentelemetry', 'api'), api, { recursive: true });
    try {
      expect(await app.node('otel.cjs')).toEqual({ code: 0, output: 'hawser/otel 1\n' });
      expect(await app.node('otel.mjs')).toEqual({ code: 0, output: 'true true\n' });
      const source = "import { HawserInstrumentation, type HawserInstrumentationConfig } from 'hawser/otel';\nconst config: HawserInstrumentationConfig = { requireParentSpan: true };\nconsole.log(new HawserInstrumentation(config).getConfig().requireParentSpan);";
      await compile('otel-cjs/index.cts', source, { module: 'Node16' });
      await compile('otel-esm/index.mts', source, { module: 'Node16' });
      await compile('otel-old/index.ts', source, { module: 'CommonJS', moduleResolution: 'Node10', ignoreDeprecations: '6.0' });
      await compile('otel-bundler/index.mts', source, { module: 'ESNext', moduleResolution: 'Bundler' });
      for (const file of ['otel-cjs/out/index.cjs', 'otel-esm/out/index.mjs', 'otel-old/out/index.js', 'otel-bundler/out/index.mjs']) {
        expect(await app.node(file)).toEqual({ code: 0, output: 'true\n' });
      }
    } finally {
      rmSync(api, { recursive: true });
    }
  });

  test('the entry points for frameworks load none of them, say what is missing, and compile with all libraries checked', async () => {
    app.write('entries.cjs', "for (const name of ['express', 'fastify', 'keyv', 'next']) console.log(typeof require('hawser/' + name));\nrequire('hawser/express').rateLimitStore();");
    const loaded = await app.node('entries.cjs');
    expect([loaded.code, loaded.output]).toEqual([1, expect.stringContaining('rateLimitStore of hawser/express needs the package rate-limit-redis, which is not installed: run npm install rate-limit-redis')]);
    expect(loaded.output).toContain('object\nobject\nobject\nobject\n');
    app.write('nest.mjs', "import 'hawser/nestjs';");
    const { code, output } = await app.node('nest.mjs');
    expect([code, output]).toEqual([1, expect.stringContaining('hawser/nestjs needs the package @nestjs/common, which is not installed: run npm install @nestjs/common')]);
    const source =
      "import { responseCache } from 'hawser/express';\nimport { rateLimitOptions } from 'hawser/fastify';\nimport { HawserStore } from 'hawser/keyv';\nimport handler, { type CacheHandler } from 'hawser/next';\nimport { Cacheable, HawserModule } from 'hawser/nestjs';\n" +
      'export const all: unknown[] = [responseCache, rateLimitOptions, HawserStore, Cacheable, HawserModule];\nexport const same: CacheHandler = handler;';
    await compile('entries-cjs/index.cts', source, { module: 'Node16' });
    await compile('entries-esm/index.mts', source.replace('handler, { type CacheHandler }', '{ createCacheHandler, type CacheHandler }').replace('= handler', '= createCacheHandler()'), { module: 'Node16' });
    await compile('entries-bundler/index.mts', source, { module: 'ESNext', moduleResolution: 'Bundler' });
  });

  test('works in a worker thread beside the main one', async () => {
    app.write(
      'worker.cjs',
      `const { Worker, isMainThread, parentPort } = require('node:worker_threads');
const Redis = require('hawser');
if (isMainThread) new Worker(__filename).on('message', (name) => console.log(name, Redis.name));
else parentPort.postMessage(Redis.name);`,
    );
    expect(await app.node('worker.cjs')).toEqual({ code: 0, output: 'Redis Redis\n' });
  });

  test.each([
    ['CommonJS under node16', 'cjs/index.cts', { module: 'Node16' }, 'cjs/out/index.cjs'],
    ['ES modules under node16', 'esm/index.mts', { module: 'Node16' }, 'esm/out/index.mjs'],
    ['no interop', 'plain/index.cts', { module: 'Node16', esModuleInterop: false, ignoreDeprecations: '6.0' }, 'plain/out/index.cjs'],
    ['a bundler', 'bundler/index.mts', { module: 'ESNext', moduleResolution: 'Bundler' }, 'bundler/out/index.mjs'],
    ['node10', 'old/index.ts', { module: 'CommonJS', moduleResolution: 'Node10', ignoreDeprecations: '6.0' }, 'old/out/index.js'],
  ])('compiles with every library checked, and runs: %s', async (_, file, options, out) => {
    await compile(file, APPLICATION + BACKEND, options);
    expect(await app.node(out)).toEqual({ code: 0, output: `["Redis",true,"function","Mine"]\n${BACKEND_SAYS}` });
  });

  test('compiles with `import = require`', async () => {
    await compile('equals/index.cts', "import hawser = require('hawser');\nconsole.log(new hawser.Redis({ lazyConnect: true }) instanceof hawser.default);\nprocess.exit();", {
      module: 'Node16',
      types: ['node'],
    });
    expect(await app.node('equals/out/index.cjs')).toEqual({ code: 0, output: 'true\n' });
  });

  test('runs under ts-jest', async () => {
    app.write('jested/tsconfig.json', JSON.stringify({ compilerOptions: { ...COMMON, module: 'Node16', types: ['jest', 'node'] } }));
    app.write(
      'jested/app.spec.ts',
      `import Redis, { CacheRepository, Redis as Named, RedisManager } from 'hawser';
test('the cache', async () => {
  RedisManager.configure({ url: 'memory://' });
  const cache = new CacheRepository('app');
  await cache.setWithTags('list', [1], { tags: ['orders'] });
  expect(await cache.get('list')).toEqual([1]);
  await cache.invalidateTags(['orders']);
  expect(await cache.get('list')).toBeNull();
  await RedisManager.closeAll();
});
test('one class', () => {
  expect(Redis).toBe(Named);
  expect(Redis).toBe(require('hawser'));
});`,
    );
    app.write('jested/jest.config.js', "module.exports = { testEnvironment: 'node', transform: { '\\\\.ts$': ['ts-jest', { tsconfig: '<rootDir>/tsconfig.json' }] } };");
    const { code, output } = await app.tool('jest/bin/jest.js', '--config', 'jested/jest.config.js', '--detectOpenHandles');
    expect(output).toMatch(/Tests: +2 passed, 2 total/);
    expect(output).not.toMatch(/open handle|did not exit/);
    expect(code).toBe(0);
  });

  test('satisfies publint', async () => {
    const { code, output } = await app.tool('publint/src/cli.js', 'run', app.package, '--strict', '--pack', 'false');
    expect(output).toContain('All good!');
    expect(code).toBe(0);
  });

  test('satisfies are-the-types-wrong in every profile', async () => {
    const { code, output } = await app.tool('@arethetypeswrong/cli/dist/index.js', app.tarball, '--no-emoji', '--no-color', '--format', 'ascii');
    expect(output).toContain('No problems found');
    expect(code).toBe(0);
  });

  test('explains what is missing if no binary fits', async () => {
    const binary = app.files.find((file) => file.endsWith('.node'))!;
    const from = path.join(app.package, binary);
    const to = path.join(app.package, 'binding', 'hawser.plan9-mips.node');
    renameSync(from, to);
    const { code, output } = await app.node('main.cjs');
    renameSync(to, from);
    expect(code).toBe(1);
    expect(output).toContain(`hawser has no native binary for ${binary.slice('binding/hawser.'.length, -'.node'.length)}`);
    expect(output).toContain('This installation has plan9-mips');
    expect(output).toContain(`run \`npm run build\` in ${app.package}`);
    expect(output).toContain("code: 'E_NO_BINARY'");
  });

  test('explains why a binary with the right name cannot be loaded', async () => {
    const binary = path.join(app.package, app.files.find((file) => file.endsWith('.node'))!);
    renameSync(binary, `${binary}.aside`);
    app.write(path.relative(app.project, binary), 'not a library');
    const { code, output } = await app.node('main.cjs');
    renameSync(`${binary}.aside`, binary);
    expect(code).toBe(1);
    expect(output).toMatch(/could not be loaded: .*(file too short|invalid ELF header|not a valid)/);
  });
});
