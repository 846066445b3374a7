/** What all commands share: usage, formats, exit codes, and how the program ends. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { ROOT, runNode } from '../helpers/process';
import { renderHtml } from '../../lib/cli/output/html';
import { renderText } from '../../lib/cli/output/text';
import type { Report } from '../../lib/cli/output/report';
import { hawser, hawserJson } from './hawser';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'hawser-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
};

describe('usage', () => {
  test('without arguments and with --help it lists the commands and the exit codes', async () => {
    for (const args of [[], ['--help'], ['help']]) {
      const { code, stdout, stderr } = await hawser(args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^Usage: hawser/);
      expect(stdout).toMatch(/^ {2}tiers/m);
      expect(stdout).toContain('Exit codes: 0 done, 1 findings');
    }
  });

  test('the help of a command names its arguments and options', async () => {
    const [one, other] = await Promise.all([hawser(['tiers', '--help']), hawser(['help', 'tiers'])]);
    expect(one.stdout).toBe(other.stdout);
    expect(one.stdout).toMatch(/--json .*\n.*--html/);
  });

  test('--version is the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(await hawser(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test.each([
    [['tirs'], "unknown command 'tirs'\n(Did you mean tiers?)"],
    [['tiers', '--jsn'], "unknown option '--jsn'\n(Did you mean --json?)"],
    [['--verbose'], "unknown option '--verbose'"],
    [['help', 'tirs'], "unknown command 'tirs'"],
    [['audit', ''], 'the folder must not be an empty text'],
    [['tiers', 'a.js', 'b.js'], 'too many arguments'],
    [['tiers', '--json', '--html'], "option '--json' cannot be used with option '--html'"],
    [['tiers', './no-such-module.js'], 'no-such-module.js'],
    [['tiers', '--output', './no/such/folder/page.html'], '--output ./no/such/folder/page.html'],
  ])('%j exits with 2 and names what is wrong on stderr', async (args, says) => {
    const { code, stdout, stderr } = await hawser(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('a command loads neither the native binary nor the other commands', async () => {
    const script = `
      process.argv = [process.argv[0], 'hawser', 'tiers'];
      process.exit = ((exit) => (code) => {
        console.error(JSON.stringify(Object.keys(require.cache)));
        exit(code);
      })(process.exit);
      require('./dist/cli/main.js');
    `;
    const { stderr } = await runNode(script);
    const loaded = (JSON.parse(stderr) as string[]).map((file) => path.relative(ROOT, file));
    expect(loaded).toContain(path.join('dist', 'cli', 'tiers.js'));
    expect(loaded.filter((file) => file.endsWith('.node') || /dist.(native|client|cli.(audit|compare))/.test(file))).toEqual([]);
  });
});

describe('formats', () => {
  const hostile: Report = {
    title: 'a <b>bold</b> title',
    sections: [
      { kind: 'text', title: 'Text', lines: ['key \u001b[2J\u0007', { text: 'good & well', tone: 'good' }] },
      { kind: 'table', title: 'Table', head: ['name', 'count'], rows: [['<script>', '1'], ['two\nlines', { text: '22', tone: 'bad' }]] },
      { kind: 'table', title: 'Nothing', head: ['name'], rows: [], empty: 'nothing found' },
      { kind: 'bars', title: 'Bars', bars: [{ label: 'a"b', value: 10 }, { label: 'none', value: 0 }] },
      { kind: 'code', text: 'if (a < b) {\n  go();\n}' },
    ],
  };

  test('text has aligned columns and no control character of a value', () => {
    const text = renderText(hostile, (plain) => plain);
    expect(text).toContain('key \\u001b[2J\\u0007');
    expect(text).toContain('name        count\n<script>    1\ntwo\\nlines  22\n');
    expect(text).toContain('nothing found');
    expect(text).toMatch(/^a"b {3}█+ 10\nnone {2}0$/m);
  });

  test('a page has charts, escapes every value and loads nothing', () => {
    const html = renderHtml(hostile);
    expect(html).toContain('a &lt;b&gt;bold&lt;/b&gt; title');
    expect(html).not.toMatch(/<script|<b>/);
    expect(html).not.toContain('\u001b');
    expect(html).toMatch(/<svg [^>]*aria-label="Bars"/);
    expect(html).not.toMatch(/\b(src|href)=|https?:|url\(|@import/);
  });

  test('a pipe gets no colours, whatever the environment says of its terminal', async () => {
    const { stdout } = await hawser(['tiers'], { env: { FORCE_COLOR: '3', TERM: 'xterm-256color' } });
    expect(stdout).not.toContain('\u001b');
  });

  test('a terminal gets colours unless NO_COLOR is set', async () => {
    const shown = async (env: Record<string, string>) =>
      (
        await runNode(
          `
          process.stdout.isTTY = true;
          process.stdout.hasColors = () => true;
          process.argv = [process.argv[0], 'hawser', 'tiers'];
          require('./dist/cli/main.js');
        `,
          { env: { NO_COLOR: undefined, TERM: 'xterm', ...env } },
        )
      ).stdout;
    expect(await shown({})).toContain('\u001b[1m');
    expect(await shown({ NO_COLOR: '1' })).not.toContain('\u001b');
    expect(await shown({ TERM: 'dumb' })).not.toContain('\u001b');
  });

  test('--output writes the file and prints nothing', async () => {
    const file = path.join(folder, 'tiers.html');
    expect(await hawser(['tiers', '--html', '--output', file])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(readFileSync(file, 'utf8')).toMatch(/^<!doctype html>[^]*wallet[^]*<\/html>\n$/);
  });
});

describe('tiers', () => {
  const source = "{ orders: { ttl: 60, target: 0.5, browser: { staleTime: Infinity } }, direct: { direct: true } }";

  test('without a module it shows the preset', async () => {
    const { code, stdout } = await hawser(['tiers']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^tier +ttl +stale after/m);
    expect(stdout).toMatch(/^pricing +3600 s .* 95 % +for ever/m);
  });

  test.each([
    ['tiers.cjs', `exports.tiers = require(${JSON.stringify(ROOT)}).defineTiers(${source}); exports.other = 1;`],
    ['tiers.mjs', `import hawser from ${JSON.stringify(path.join(ROOT, 'index.js'))}; export const tiers = hawser.defineTiers(${source}); export default tiers;`],
  ])('%s: it finds the tiers among the exports', async (name, text) => {
    const file = write(name, text);
    const { stdout } = await hawser(['tiers', name], { cwd: folder });
    expect(stdout).toMatch(/^orders +60 s +- +- +- +- +50 % +for ever/m);
    const { schema, module, exports } = await hawserJson(['tiers', file]);
    expect({ schema, module, names: Object.keys(exports) }).toEqual({ schema: 'hawser.tiers/1', module: file, names: ['tiers'] });
    expect(exports.tiers.orders).toMatchObject({ name: 'orders', ttl: 60, browser: { staleTime: 'Infinity' } });
  });

  test('a module that holds the process open does not hold the command', async () => {
    write('open.cjs', `setInterval(() => {}, 1000); exports.t = require(${JSON.stringify(ROOT)}).defineTiers(${source});`);
    expect(await hawser(['tiers', 'open.cjs'], { cwd: folder })).toMatchObject({ code: 0, timedOut: false });
  });

  test.each([
    ['none.cjs', 'exports.orders = { ttl: 5 };', 'none.cjs exports no tiers'],
    ['throws.cjs', 'throw new Error("no database");', 'cannot load throws.cjs: no database'],
    ['wrong.cjs', `exports.tiers = require(${JSON.stringify(ROOT)}).defineTiers({ orders: { ttl: -1 } });`, 'tiers.orders.ttl must be'],
  ])('%s: the error names the module and the reason', async (name, text, says) => {
    write(name, text);
    const { code, stdout, stderr } = await hawser(['tiers', name], { cwd: folder });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

test('a reader that goes away ends the program quietly', async () => {
  const child = spawn(process.execPath, ['dist/cli/main.js', 'tiers'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('SIGINT while a module loads ends the program with 130', async () => {
  write('slow.mjs', 'console.log("loading"); await new Promise((resolve) => setInterval(() => {}, 1000));');
  const child = spawn(process.execPath, [path.join(ROOT, 'dist/cli/main.js'), 'tiers', 'slow.mjs'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.once('data', () => child.kill('SIGINT'));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
});
