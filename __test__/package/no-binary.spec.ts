/** The text of `E_NO_BINARY` in each case. */
import { readFileSync, renameSync } from 'node:fs';
import * as path from 'node:path';
import { describe as textOf, ESM_BANNER, LEAVE_OUT, TAKE_IN } from '../../lib/native_error';
import { Installed } from './installed';

describe('the text', () => {
  const HERE = '/app/node_modules/hawser';
  const missing = (platform: string, ...shipped: string[]): string => textOf({ platform, shipped, packageFolder: HERE });
  const notLoaded = (platform: string, cause: object): string => textOf({ platform, shipped: [platform], packageFolder: HERE, cause });
  const build = `To build it from source, run \`npm run build\` in ${HERE}; that needs Rust and a C linker`;

  test.each([
    ['musl where the binary needs glibc', missing('linux-x64-musl', 'linux-x64-gnu'), 'is musl (Alpine Linux), and that binary needs glibc'],
    ['glibc where the binary needs musl', missing('linux-arm64-gnu', 'linux-arm64-musl'), 'is glibc, and that binary needs musl'],
    ['another processor', missing('linux-x64-gnu', 'linux-arm64-gnu'), 'If node_modules was copied from another system, for example into a container'],
    ['another system', missing('linux-arm64-musl', 'darwin-arm64', 'win32-x64-msvc'), 'list node_modules in .dockerignore'],
    ['no binary at all', missing('darwin-arm64'), "make it keep hawser's folder `binding`"],
    ['a platform that has none', missing('freebsd-x64', 'linux-x64-gnu', 'darwin-x64'), 'on other platforms hawser is built from source'],
    ['a processor that has none', missing('linux-s390x-gnu'), 'on other platforms hawser is built from source'],
    ['an older glibc', notLoaded('linux-x64-gnu', { message: "/lib/libc.so.6: version `GLIBC_2.34' not found (required by x.node)" }), 'It needs glibc 2.34 or newer'],
    ['another C library by its loader', notLoaded('linux-x64-gnu', { message: 'Error loading shared library ld-linux-x86-64.so.2: No such file' }), 'with another C library'],
    ['a damaged file', notLoaded('linux-x64-gnu', { message: 'file too short' }), 'The file may be damaged'],
  ])('%s', (_, text, says) => {
    expect(text).toContain(says);
    expect(text).toContain(build);
    expect(text).not.toContain('bundle');
  });

  test('names the required binary, the existing ones and their folder', () => {
    expect(missing('linux-x64-musl', 'darwin-arm64', 'linux-x64-gnu')).toMatch(
      /^hawser has no native binary for linux-x64-musl \(Node v[\d.]+\)\. This installation has darwin-arm64, linux-x64-gnu, in \/app\/node_modules\/hawser\. /,
    );
    expect(missing('linux-x64-musl', 'linux-x64-gnu')).toMatch(/`apk add cargo build-base`\)\.$/);
  });

  describe('where each platform has a package', () => {
    const packages = ['darwin-arm64', 'linux-x64-gnu', 'linux-x64-musl', 'win32-x64-msvc'];
    const without = (platform: string, shipped: string[] = [], lock?: string): string => textOf({ platform, shipped, packages, lock, packageFolder: HERE });

    test.each([
      ['optional dependencies were left out', without('linux-x64-musl'), ['the package hawser-linux-x64-musl, an optional dependency of hawser, is not installed', '--omit=optional', 'npm install --include=optional', 'npm/cli/issues/4828']],
      ['another platform, by copy or by choice', without('linux-x64-musl', ['darwin-arm64']), ['This installation has darwin-arm64', '.dockerignore', '`npm install --os=linux --cpu=x64 --libc=musl`']],
      ['another C library', without('linux-x64-gnu', ['linux-x64-musl']), ['This installation has linux-x64-musl', 'in an image of the system', '--libc=glibc']],
      ['a platform without C libraries', without('win32-x64-msvc', ['linux-x64-gnu']), ['`npm install --os=win32 --cpu=x64`']],
      ['a lock file from another platform', without('darwin-arm64', ['linux-x64-gnu'], '/app/package-lock.json'), ['The cause is /app/package-lock.json', 'npm/cli/issues/4828', 'Delete node_modules and package-lock.json, run `npm install`']],
    ])('the cause and what to do: %s', (_, text, says) => {
      for (const line of says) expect(text).toContain(line);
      expect(text).toContain(build);
      expect(text).not.toContain('folder `binding`');
    });

    test('a platform that has none is told so', () => {
      expect(without('freebsd-x64')).toContain('on other platforms hawser is built from source');
      expect(without('freebsd-x64')).not.toContain('hawser-freebsd-x64');
    });
  });

  describe('where the package for the platform has another version', () => {
    const other = (more: object): string =>
      textOf({ platform: 'linux-x64-gnu', shipped: [], packageFolder: HERE, other: { own: '5.1.0', version: '5.0.0', folder: '/app/node_modules/hawser-linux-x64-gnu', ...more } });

    test.each([
      ['package.json names it', other({ namedBy: '/app/package.json' }), ['The cause is /app/package.json', 'remove it there', 'run `npm install`']],
      ['the lock file has it', other({ namedBy: '/app/package-lock.json' }), ['The cause is /app/package-lock.json', 'commit the new lock file']],
      ['nobody names it', other({}), ['copied or installed separately', 'delete node_modules']],
      ['packages are not in folders', other({ folder: undefined }), ['the package hawser-linux-x64-gnu has version 5.0.0.']],
      ['in a bundle', textOf({ platform: 'linux-x64-gnu', shipped: [], packageFolder: undefined, other: { own: '5.1.0', version: '5.0.0' } }), ['where this bundle was made', 'make the bundle again']],
    ])('both versions, the cause and what to do: %s', (_, text, says) => {
      for (const line of ['hawser 5.1.0 cannot use the native binary of hawser 5.0.0', 'hawser-linux-x64-gnu', ...says]) expect(text).toContain(line);
      expect(text).not.toContain('from source');
    });
  });

  test.each([
    ['Node', { code: 'ERR_DLOPEN_DISABLED', message: 'Cannot load native addon because loading addons is disabled.' }, '--allow-addons'],
    ['Deno', { name: 'NotCapable', message: 'Requires ffi access to "x.node", run again with the --allow-ffi flag' }, '--allow-ffi'],
  ])('for a missing permission (%s) it does not suggest a build', (_, cause, says) => {
    expect(notLoaded('linux-x64-gnu', cause)).toContain(says);
    expect(notLoaded('linux-x64-gnu', cause)).not.toContain('from source');
  });

  test('docs/deployment.md has the lines for bundlers', () => {
    const page = readFileSync(path.join(__dirname, '..', '..', 'docs', 'deployment.md'), 'utf8');
    const lines = [...LEAVE_OUT, ...TAKE_IN].map(([, line]) => line);
    expect([...lines, ESM_BANNER].filter((line) => !page.includes(`\`${line}\``))).toEqual([]);
  });
});

describe('an installed package', () => {
  let app: Installed;
  let binary: string;
  beforeAll(async () => {
    app = await Installed.create();
    app.write('main.cjs', "console.log(require('hawser').name);");
    binary = path.join(app.package, app.files.find((file) => file.endsWith('.node'))!);
  }, 120_000);
  afterAll(() => app?.remove());

  /** Starts the application while the binary is named for `platform`, or is not there. */
  const startWith = async (platform: string | undefined, ...nodeArguments: string[]): Promise<string> => {
    const aside = platform === undefined ? path.join(app.project, 'aside') : path.join(path.dirname(binary), `hawser.${platform}.node`);
    renameSync(binary, aside);
    try {
      const { code, output } = await app.node(...nodeArguments, 'main.cjs');
      expect(code).toBe(1);
      expect(output).toContain("code: 'E_NO_BINARY'");
      return output;
    } finally {
      renameSync(aside, binary);
    }
  };
  const own = (): string => /hawser\.(.+)\.node$/.exec(binary)![1];

  test.each(['aix-ppc64', 'sunos-x64'])('that was made on %s says so in its error', async (platform) => {
    const output = await startWith(platform);
    expect(output).toContain(`hawser has no native binary for ${own()} `);
    expect(output).toContain(`This installation has ${platform}, in ${app.package}.`);
    expect(output).toContain('for example into a container');
  });

  test('without any binary explains the possible reasons', async () => {
    expect(await startWith(undefined)).toContain('This installation has none at all');
  });

  test('loads a binary that was added later', async () => {
    const later = app.write('later.cjs', "Object.defineProperty(process, 'arch', { value: 'loong64' });");
    const name = path.basename(binary).replace(process.arch, 'loong64');
    renameSync(binary, path.join(path.dirname(binary), name));
    try {
      expect(await app.node('--require', later, 'main.cjs')).toEqual({ code: 0, output: 'Redis\n' });
    } finally {
      renameSync(path.join(path.dirname(binary), name), binary);
    }
  });

  test('in a Node that refuses native code, the error names the option that allows it', async () => {
    const { code, output } = await app.node('--no-addons', 'main.cjs');
    expect(code).toBe(1);
    expect(output).toContain('could not be loaded');
    expect(output).toContain('--allow-addons');
  });
});
