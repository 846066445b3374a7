// Builds the documentation as a site: the API reference from the declarations (TypeDoc), the pages (VitePress), and a check of all anchors.
// A link without a target, or to an anchor that no page has, fails the build.
//
//     npm run docs                  builds docs/.vitepress/dist
//     npm run docs -- --serve       shows the pages while you write, without the reference
//     npm run docs -- --preview     serves what was built

import path from 'node:path';
import { deadAnchors } from './docs/anchors.mjs';
import { ensureDocs } from './setup/packages.mjs';
import { setup } from './setup.mjs';
import { entry, root, run, say, SetupError } from './setup/run.mjs';

const DOCS = path.join(root, 'docs');
const SITE = path.join(DOCS, '.vitepress', 'dist');
const bin = (...parts) => path.join(DOCS, 'node_modules', ...parts);

async function tool(what, args, { quiet = true } = {}) {
  const { code, output } = await run(process.execPath, args, { cwd: DOCS, quiet });
  if (code !== 0) throw new SetupError(`${output}\nhawser: ${what} failed`);
}

const vitepress = (...args) => [bin('vitepress', 'bin', 'vitepress.js'), ...args];

async function build() {
  const started = Date.now();
  const seconds = () => `${((Date.now() - started) / 1000).toFixed(1)} s`;
  await tool('TypeDoc', [bin('typedoc', 'bin', 'typedoc'), '--options', 'typedoc.json']);
  say(`hawser: the reference is written (${seconds()})`);
  await tool('the site', vitepress('build'));
  const { dead, pages } = deadAnchors(SITE);
  if (dead.length > 0) throw new SetupError(`${dead.join('\n')}\nhawser: ${dead.length} links lead to anchors that do not exist`);
  say(`hawser: ${pages} pages in docs/.vitepress/dist (${seconds()})`);
}

await entry(async () => {
  const asked = (flag) => process.argv.includes(flag);
  await ensureDocs();
  if (asked('--serve')) return tool('the server', vitepress('dev'), { quiet: false });
  if (asked('--preview')) return tool('the server', vitepress('preview'), { quiet: false });
  await setup();
  await build();
});
