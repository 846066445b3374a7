/** `hawser/client` in a browser's bundle, and in Node without the native binary. */
import { build } from 'esbuild';
import { ROOT, runNode } from '../helpers/process';

async function bundle(source: string, format: 'esm' | 'cjs' = 'esm'): Promise<{ text: string; inputs: string[]; warnings: string[] }> {
  const { outputFiles, metafile, warnings } = await build({
    stdin: { contents: source, resolveDir: ROOT },
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format,
    logLevel: 'silent',
  });
  return { text: outputFiles[0].text, inputs: Object.keys(Object.values(metafile.outputs)[0].inputs), warnings: warnings.map(({ text }) => text) };
}

const ALL = "import * as client from 'hawser/client'; import * as persister from 'hawser/client/persister'; console.log(client, persister);";

test('everything of it bundles for a browser, without a module of Node and without native code', async () => {
  const { text, inputs, warnings } = await bundle(ALL);
  expect(warnings).toEqual([]);
  expect(text).not.toMatch(/node:|require\(|\.node\b|\bBuffer\b|\bprocess\b\./);
  for (const input of inputs) expect(input).toMatch(/^dist\/esm\/|^node_modules\/idb-keyval\/|^<stdin>$/);
});

test('a bundle has only what is used', async () => {
  const few = await bundle("import { queryDefaults } from 'hawser/client'; globalThis.use(queryDefaults);");
  expect(few.inputs.filter((input) => /subscribe|transports|preset|table|idb-keyval/.test(input))).toEqual([]);
  expect((await bundle("import 'hawser/client'; import 'hawser/client/persister';")).text.trim()).toBe('');
});

test('tiers that the backend shares bundle with it', async () => {
  const { inputs } = await bundle("import { defineTiers, queryDefaults } from 'hawser/client'; export const tiers = defineTiers({ a: { ttl: 1 } }); console.log(queryDefaults(tiers));");
  expect(inputs).not.toContainEqual(expect.stringContaining('dist/index'));
});

test.each([false, true])('Node loads it without the native binary, the client or TanStack Query (ES module: %s)', async (esm) => {
  const names = "['defineTiers', 'queryDefaults', 'subscribeInvalidations']";
  const script = esm
    ? `import * as client from 'hawser/client'; import { createRequire } from 'node:module'; const require = createRequire(process.cwd() + '/x'); check(client, Object.keys(require.cache));`
    : "check(require('hawser/client'), Object.keys(require.cache));";
  const check = `function check(client, loaded) { console.log(JSON.stringify([${names}.map((name) => typeof client[name]), loaded.filter((file) => !/dist.(browser|tiers|errors|names)/.test(file)), process.report.getReport().sharedObjects.filter((file) => /hawser.*\\.node$/.test(file))])); }`;
  const { stdout, stderr } = await runNode(`${script}\n${check}`, { esm });
  expect([stdout, stderr]).toEqual(['[["function","function","function"],[],[]]\n', '']);
});
