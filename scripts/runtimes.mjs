// Runs the smoke test of the packed package on every runtime: Node 20, 22, 24 and 26, Bun, and Deno, as npm packages ship them.
//
//     node scripts/runtimes.mjs                   all of them; writes the table of docs/support.md
//     node scripts/runtimes.mjs node-26 deno      these; writes nothing

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setup } from './setup.mjs';
import { entry, root, run, say, SetupError } from './setup/run.mjs';
import { withRedis } from './smoke/redis.mjs';
import { CHECKS, smoke } from './smoke/run.mjs';
import { today, writeTable } from './support/table.mjs';

const FOLDER = path.join(root, '__test__', 'runtimes', 'node_modules');
const PERMISSIONS = ['--no-prompt', '--allow-read', '--allow-env', '--allow-net', '--allow-ffi'];

/** The file of a runtime that npm installed for this platform: some packages have it in another package. */
function programIn(...places) {
  const found = places.flatMap(([scope, ...rest]) => {
    const folder = path.join(FOLDER, scope);
    return existsSync(folder) ? readdirSync(folder).map((name) => path.join(folder, name, ...rest)) : [];
  });
  return found.find((file) => existsSync(file));
}

/** How each runtime is started. */
const RUNTIMES = {
  ...Object.fromEntries([20, 22, 24, 26].map((major) => [`node-${major}`, { name: `Node ${major}`, command: () => [path.join(FOLDER, `node-${major}`, 'bin', 'node')] }])),
  bun: { name: 'Bun', command: () => [programIn(['@oven', 'bin', 'bun'])] },
  deno: { name: 'Deno', command: () => [programIn(['@deno', 'deno']), 'run', ...PERMISSIONS], version: () => [programIn(['@deno', 'deno'])] },
};

/** Packs the tree and installs the tarball into a project, as in __test__/package. */
async function withProject(use) {
  const folder = mkdtempSync(path.join(tmpdir(), 'hawser-runtimes-'));
  const npm = async (args, cwd) => {
    const { code, output } = await run('npm', args, { cwd, quiet: true });
    if (code !== 0) throw new SetupError(`${output}\nnpm ${args[0]} failed`);
  };
  try {
    await npm(['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', folder], root);
    const tarball = path.join(folder, readdirSync(folder).find((file) => file.endsWith('.tgz')));
    writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'app', version: '1.0.0', private: true, dependencies: { hawser: `file:${tarball}` } }));
    await npm(['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], folder);
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function versionOf({ command, version = command }) {
  const [program] = version();
  const { code, output } = await run(program, ['--version'], { quiet: true });
  const found = /\d+\.\d+\.\d+/.exec(output)?.[0];
  if (code !== 0 || found === undefined) throw new SetupError(`${program} does not run here: ${output}`);
  return found;
}

await entry(async () => {
  const asked = process.argv.slice(2);
  const unknown = asked.find((name) => !RUNTIMES[name]);
  if (unknown) throw new SetupError(`no runtime is called ${unknown}; there are: ${Object.keys(RUNTIMES).join(', ')}`);
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new SetupError('the runtimes in __test__/runtimes are for Linux on x64');
  await setup({ server: true, runtimes: true });
  const rows = [];
  let failed = false;
  await withProject((project) =>
    withRedis(async (url) => {
      for (const [key, runtime] of Object.entries(RUNTIMES)) {
        if (asked.length > 0 && !asked.includes(key)) continue;
        const version = await versionOf(runtime);
        const seen = await smoke(runtime.command(), project, url);
        const results = CHECKS.map((check) => seen[check]);
        for (const [i, result] of results.entries()) if (result !== 'ok') say(`${runtime.name} ${version}, ${CHECKS[i]}: ${result}`);
        const ok = results.every((result) => result === 'ok');
        say(`${runtime.name.padEnd(8)} ${version.padEnd(10)} ${ok ? 'ok' : 'FAILED'}`);
        failed ||= !ok;
        rows.push([runtime.name, version, ...results.map((result) => (result === 'ok' ? 'yes' : 'no'))]);
      }
    }),
  );
  if (failed) throw new SetupError('hawser does not work on every runtime');
  if (asked.length > 0) return;
  const { output } = await run('redis-server', ['--version'], { quiet: true });
  const server = /v=(\S+)/.exec(output)?.[1] ?? 'of an unknown version';
  writeTable('runtimes', ['runtime', 'version', ...CHECKS], rows, `Written by \`npm run runtimes\` on ${today()}, on Linux x64 with Redis ${server}.`);
});
