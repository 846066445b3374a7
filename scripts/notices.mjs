// Writes THIRD-PARTY.md: what other people's code hawser contains or installs, under which licences, with the texts that these ask for.
//
//     node scripts/notices.mjs            writes the file
//     node scripts/notices.mjs --check    fails if that would change it (a spec runs this)
//
// The crates are those that some platform's binary links; build scripts and macros leave nothing in it but what they generate.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PLATFORMS } from './release/platforms.mjs';
import { root, say } from './setup/run.mjs';

const FILE = 'THIRD-PARTY.md';
const TEXT = /^(licen[cs]e|copying|copyright|notice|unlicense)/i;

/** The crates that the binaries link: name, version, licence, and the folder of their source. */
function crates() {
  const targets = Object.values(PLATFORMS).flatMap(({ target }) => ['--filter-platform', target]);
  const args = ['metadata', '--format-version=1', '--locked', ...targets];
  const { packages, resolve } = JSON.parse(execFileSync('cargo', args, { cwd: root, encoding: 'utf8', maxBuffer: 256 << 20, stdio: ['ignore', 'pipe', 'inherit'] }));
  const byId = new Map(packages.map((one) => [one.id, one]));
  const nodes = new Map(resolve.nodes.map((one) => [one.id, one]));
  const isMacro = (id) => byId.get(id).targets.some(({ kind }) => kind.includes('proc-macro'));
  const linked = new Set();
  const visit = (id) => {
    if (linked.has(id) || isMacro(id)) return;
    linked.add(id);
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) if (kinds.some(({ kind }) => kind === null)) visit(pkg);
  };
  visit(resolve.root);
  linked.delete(resolve.root);
  return [...linked].map((id) => {
    const { name, version, license, manifest_path: manifest } = byId.get(id);
    return { name, version, license, folder: path.dirname(manifest) };
  });
}

/** The npm packages that are installed with hawser, directly or by another one. */
function npmPackages() {
  const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  const found = new Set();
  const visit = (names, from) => {
    for (const name of names) {
      const place = nearest(packages, from, name);
      if (place === undefined || found.has(place)) continue;
      found.add(place);
      visit(Object.keys(packages[place].dependencies ?? {}), place);
    }
  };
  visit(Object.keys(packages[''].dependencies), '');
  return [...found].map((place) => {
    const { version, license } = packages[place];
    return { name: place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length), version, license, folder: path.join(root, place) };
  });
}

/** Where Node finds `name` from a package's place. */
function nearest(packages, from, name) {
  const place = `${from === '' ? '' : `${from}/`}node_modules/${name}`;
  if (packages[place]) return place;
  return from === '' ? undefined : nearest(packages, from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))), name);
}

/** The texts about licences in a package's folder; of C code as well, which some crates contain. */
function textsOf({ folder }) {
  const files = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && TEXT.test(entry.name))
    .map(({ name }) => name)
    .sort();
  const inside = ['zstd/LICENSE', 'third_party/fiat/LICENSE'].filter((name) => existsSync(path.join(folder, name)));
  return [...files, ...inside].map((name) => readFileSync(path.join(folder, name), 'utf8').replace(/\r\n/g, '\n').replace(/[ \t]+$/gm, '').trim());
}

const byName = (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1);
const row = ({ name, version, license }) => `| ${name} | ${version} | ${license.replaceAll('/', ' OR ')} |`;
const table = (list) => ['| name | version | licence |', '|---|---|---|', ...list.map(row)].join('\n');

/** Each text once, with the names of those that carry it. Line breaks make no difference. */
function texts(list) {
  const carriers = new Map();
  for (const one of list) {
    for (const text of textsOf(one)) {
      const key = text.replace(/\s+/g, ' ');
      carriers.set(key, { text, ...carriers.get(key), names: [...(carriers.get(key)?.names ?? []), one.name] });
    }
  }
  return [...carriers.values()].map(({ text, names }) => `### ${[...new Set(names)].join(', ')}\n\n${fenced(text)}`).join('\n\n');
}

function fenced(text) {
  const fence = text.includes('```') ? '````' : '```';
  return `${fence}text\n${text}\n${fence}`;
}

function notices() {
  const linked = crates().sort(byName);
  const installed = npmPackages().sort(byName);
  return `# Third-party code

Written by scripts/notices.mjs.

## In the native binary

Every binary contains Rust's standard library (MIT OR Apache-2.0), and those of these crates that its platform needs.

${table(linked)}

## Installed with the package

${table(installed)}

## Licence texts

${texts([...linked, ...installed])}
`;
}

const text = notices();
const file = path.join(root, FILE);
const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
if (before !== text && process.argv.includes('--check')) {
  say(`${FILE} is not what scripts/notices.mjs writes: run node scripts/notices.mjs`);
  process.exitCode = 1;
} else if (before !== text) {
  writeFileSync(file, text);
  say(`wrote ${FILE}`);
}
