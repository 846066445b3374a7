/** `hawser audit` of a huge tree: what a terminal shows meanwhile, and how it ends early. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { endsWithTest } from '../helpers/lifetimes';
import { hawser } from './hawser';
import { Terminal } from './terminal';

const FOLDERS = 50;
const FILES = 32;
const ends = endsWithTest();

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'hawser-huge-'));
  for (let i = 0; i < FOLDERS; i++) {
    mkdirSync(path.join(folder, `part${i}`));
    for (let n = 0; n < FILES; n++) {
      const before = n === 0 ? "import Redis from 'ioredis';\nexport const client = new Redis();\n" : `import { client } from './file${n - 1}';\nexport { client };\n`;
      writeFileSync(path.join(folder, `part${i}`, `file${n}.ts`), `${before}export async function load${n}(id: string) {\n  return client.get(\`thing:\${id}\`);\n}\n`);
    }
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What makes a terminal write over its line. */
const LINE = '\r\u001b[K';

test('the progress is one line that is written over, for each thing that is done, and nothing of it stays', async () => {
  const view = ends(new Terminal(['audit', folder], { NO_COLOR: '1' }));
  await view.shows(/looking for files: \d+/);
  for (const what of ['reading', 'following imports', 'parsing', 'looking at commands']) await view.shows(new RegExp(`${what}: \\d+ of ${FOLDERS * FILES} files`));
  expect(await view.ended()).toMatchObject({ code: 1, isSame: true });
  const parts = view.out.split(LINE);
  const report = parts[parts.length - 1];
  expect(report).toMatch(/^Audit of /);
  expect(report).not.toMatch(/\d+ of \d+ files/);
  for (const line of parts.slice(0, -1)) expect(line).not.toContain('\n');
  // Numbers go up within one thing.
  const parsed = parts.flatMap((line) => /^parsing: (\d+) of/.exec(line)?.[1] ?? []).map(Number);
  expect(parsed).toEqual([...parsed].sort((a, b) => a - b));
});

test('on a narrow terminal the line is cut, so that it is still written over', async () => {
  const view = ends(new Terminal(['audit', folder], { NO_COLOR: '1' }, [10, 12]));
  expect(await view.ended()).toMatchObject({ code: 1 });
  const lines = view.out.split(LINE).slice(0, -1);
  expect(lines.length).toBeGreaterThan(3);
  for (const line of lines) expect([...line].length).toBeLessThan(12);
});

test('Ctrl+C ends it at once and leaves an empty line', async () => {
  const view = ends(new Terminal(['audit', folder], { NO_COLOR: '1' }));
  await view.shows(/(parsing|following calls|looking at commands): \d+ of/);
  view.send(2);
  expect(await view.ended()).toMatchObject({ code: 130, isSame: true });
  expect(view.out.endsWith(LINE)).toBe(true);
  expect(view.out).not.toContain('Audit of');
});

test('on a pipe there is no progress, and --max-files bounds the work', async () => {
  const { code, stdout, stderr } = await hawser(['audit', folder, '--max-files', '120']);
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  expect(stdout).toContain('120 files');
  expect(stdout).toMatch(/only the first 120 files were looked at/);
});
