// Prepares examples/shipcrowd: packs hawser, installs the packed file with the example's other packages, and builds. Fast if nothing has changed.

import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root, run, say, SetupError } from './run.mjs';

const SOURCE = path.join(root, 'examples', 'shipcrowd');
const TARBALL = 'hawser.tgz';
/** What is made, and not part of the source. */
const MADE = new Set(['node_modules', 'build', 'dist', TARBALL, '.prepared.json', '.data']);
/** What is built, at the same time: neither needs what the other makes. */
const PARTS = [
  { name: 'server', script: 'build:server', sources: ['tsconfig.json', 'server', 'balancer', 'report'], product: 'build' },
  { name: 'web', script: 'build:web', sources: ['web', 'server'], product: path.join('web', 'dist') },
];

/** A copy outside the repository, where nothing but its own packages can be found. Returns its folder. */
export async function ensureExample() {
  const folder = process.env.HAWSER_EXAMPLE_FOLDER || path.join(tmpdir(), `hawser-shipcrowd-${hash(root).slice(0, 8)}`);
  // What runs from there is left alone if nothing has changed.
  if (hashOfFolder(folder) !== hashOfFolder(SOURCE)) {
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) if (!MADE.has(name)) rmSync(path.join(folder, name), { recursive: true, force: true });
    cpSync(SOURCE, folder, { recursive: true, filter: (file) => !MADE.has(path.basename(file)) });
  }
  await prepareExample(folder);
  return folder;
}

/** Packs, installs and builds what has changed since the last time. */
export async function prepareExample(folder) {
  const file = path.join(folder, '.prepared.json');
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const now = { hawser: hashOfFiles(root, ['package.json', 'index.js', 'index.mjs', 'index.d.ts', 'dist', 'binding']), packages: hashOfFiles(folder, ['package.json', 'package-lock.json']) };
  const isInstalled = before.hawser === now.hawser && before.packages === now.packages && existsSync(path.join(folder, 'node_modules', 'hawser'));
  if (!isInstalled) {
    rmSync(file, { force: true });
    await pack(folder);
    await install(folder);
    writeFileSync(file, JSON.stringify(now));
  }
  const parts = PARTS.filter(({ name }) => existsSync(path.join(folder, name))).map((part) => {
    const print = hashOfFiles(folder, part.sources);
    return { ...part, print, isBuilt: isInstalled && before[part.name] === print && existsSync(path.join(folder, part.product)) };
  });
  const done = { ...now, ...Object.fromEntries(parts.filter(({ isBuilt }) => isBuilt).map(({ name, print }) => [name, print])) };
  writeFileSync(file, JSON.stringify(done));
  const builds = parts.filter(({ isBuilt }) => !isBuilt).map(async ({ name, script, print }) => {
    say(`shipcrowd: building (npm run ${script})`);
    await npm(['run', '--silent', script], folder);
    done[name] = print;
  });
  const failed = (await Promise.allSettled(builds)).find(({ status }) => status === 'rejected');
  writeFileSync(file, JSON.stringify(done));
  if (failed !== undefined) throw failed.reason;
}

async function pack(folder) {
  say('shipcrowd: packing hawser (npm pack)');
  const output = await npm(['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', folder], root);
  const [{ filename }] = JSON.parse(output.slice(output.indexOf('[')));
  renameSync(path.join(folder, filename), path.join(folder, TARBALL));
}

async function install(folder) {
  say('shipcrowd: installing its packages (npm install)');
  // npm takes a packed file of the same name for the one that it has.
  for (const part of ['hawser', '.package-lock.json']) rmSync(path.join(folder, 'node_modules', part), { recursive: true, force: true });
  await npm(['install', '--no-save', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], folder);
}

async function npm(args, cwd) {
  // The variables of an outer npm name another folder, and with those of a test Vite builds a page for development.
  const foreign = /^npm_(?!config_(registry|cache|userconfig))|^NODE_ENV$/i;
  const env = Object.fromEntries(Object.keys(process.env).filter((name) => foreign.test(name)).map((name) => [name, undefined]));
  const { code, output } = await run('npm', args, { cwd, quiet: true, env });
  if (code !== 0) throw new SetupError(`${output}\nshipcrowd: npm ${args[0]} failed in ${cwd}`);
  return output;
}

const hash = (text) => createHash('sha256').update(text).digest('hex');

const hashOfFolder = (folder) => (existsSync(folder) ? hashOfFiles(folder, readdirSync(folder).sort().filter((name) => !MADE.has(name))) : '');

/** A hash of files and folders, without what is made. */
function hashOfFiles(folder, parts) {
  const digest = createHash('sha256');
  const add = (name) => {
    const file = path.join(folder, name);
    if (!existsSync(file)) return;
    const own = path.basename(name);
    if (name !== own && MADE.has(own)) return;
    try {
      for (const inner of readdirSync(file).sort()) add(path.join(name, inner));
    } catch (error) {
      if (error.code !== 'ENOTDIR') throw error;
      digest.update(name).update(readFileSync(file));
    }
  };
  for (const part of parts) add(part);
  return digest.digest('hex');
}
