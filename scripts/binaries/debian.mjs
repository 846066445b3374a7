// Debian's packages, unpacked below .cache and not installed: also from another suite than this system's, and for another processor.
// Nothing of the system's own apt changes.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { available, root, run, say, SetupError } from '../setup/run.mjs';

const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';
const ARCHIVE = 'http://deb.debian.org/debian';
const SUITES = ['trixie', 'trixie-backports'];

/**
 * Unpacks `names`, and those of the packages they depend on that match `also`, into .cache/debian/`folder`. Of several `suites`, the last
 * one wins. Returns the folder's path.
 */
export async function unpackDebian(folder, names, { arch, also = /^$/, suites = SUITES }) {
  const place = path.join(root, '.cache', 'debian', folder);
  if (existsSync(place)) return place;
  if (!available('apt-get') || !existsSync(KEYS)) throw new SetupError("hawser: this needs Debian's packages: apt-get and debian-archive-keyring");
  const apt = await aptFor(arch, suites);
  say(`hawser: fetching ${names.join(', ')} for ${arch} from Debian ${suites.at(-1)}`);
  const install = ['install', '--target-release', suites.at(-1), '--print-uris', '--yes', '--no-install-recommends'];
  const listed = await must('apt-get', [...apt, ...install, ...names], root);
  const closure = [...listed.matchAll(/^'\S+' ([^_\s]+)_/gm)].map(([, name]) => name);
  const work = `${place}.new`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(path.join(work, 'packages'), { recursive: true });
  const wanted = closure.filter((name) => names.includes(name) || also.test(name));
  await must('apt-get', [...apt, '--target-release', suites.at(-1), 'download', ...wanted], path.join(work, 'packages'));
  for (const file of readdirSync(path.join(work, 'packages'))) await must('dpkg-deb', ['--extract', path.join(work, 'packages', file), work], work);
  rmSync(path.join(work, 'packages'), { recursive: true });
  renameSync(work, place);
  return place;
}

const ready = new Map();

/** The arguments for an apt of its own, after it has read the suites' lists of packages. */
async function aptFor(arch, suites) {
  const home = path.join(root, '.cache', 'apt', `${suites[0]}-${arch}`);
  const options = {
    'Dir::Etc::sourcelist': path.join(home, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::Etc::preferences': '-',
    'Dir::Etc::preferencesparts': '-',
    'Dir::State': path.join(home, 'state'),
    'Dir::State::status': path.join(home, 'status'),
    'Dir::Cache': path.join(home, 'cache'),
    'APT::Architecture': arch,
    'APT::Architectures::': arch,
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
  };
  const args = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  if (!ready.has(home)) {
    mkdirSync(path.join(home, 'state', 'lists', 'partial'), { recursive: true });
    mkdirSync(path.join(home, 'cache', 'archives', 'partial'), { recursive: true });
    writeFileSync(path.join(home, 'status'), '');
    const from = await archive();
    writeFileSync(path.join(home, 'sources.list'), suites.map((suite) => `deb [arch=${arch} signed-by=${KEYS}] ${from} ${suite} main\n`).join(''));
    ready.set(home, must('apt-get', [...args, 'update'], root));
  }
  await ready.get(home);
  return args;
}

/** The archive that this system uses: it may have a mirror. */
async function archive() {
  const { output } = await run('apt-get', ['indextargets', '--format', '$(URI)'], { quiet: true });
  return /^(https?:\/\/\S+?\/debian)\/dists\//m.exec(output)?.[1] ?? ARCHIVE;
}

async function must(program, args, cwd) {
  const { code, output } = await run(program, args, { cwd, quiet: true });
  if (code !== 0) throw new SetupError(`${output}\nhawser: ${program} failed`);
  return output;
}
