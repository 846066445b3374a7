// Provides the programs of a Postgres server, for the tests of examples/shipcrowd with DATABASE_URL.

import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { install, mayInstall } from './apt.mjs';
import { available, SetupError } from './run.mjs';

/** Debian has the programs outside of the PATH, by version. */
const DEBIAN = '/usr/lib/postgresql';
const CLUSTERS = '/etc/postgresql-common/createcluster.conf';

/** The folder of `initdb` and `postgres`; `''` if they are on the PATH, undefined if there are none. */
export function postgresFolder() {
  if (available('initdb') && available('postgres')) return '';
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => path.join(DEBIAN, version, 'bin')).find((folder) => existsSync(path.join(folder, 'initdb')));
}

/** Ensures that there is one, and returns its folder. Installs it if it may; the package then starts no server of its own. */
export async function ensurePostgres() {
  if (postgresFolder() === undefined && mayInstall()) {
    if (!existsSync(CLUSTERS)) {
      mkdirSync(path.dirname(CLUSTERS), { recursive: true });
      writeFileSync(CLUSTERS, 'create_main_cluster = false\n');
    }
    await install('postgresql');
  }
  const folder = postgresFolder();
  if (folder === undefined) throw new SetupError('hawser: these tests start a Postgres server, and there is none. Install it (Debian: sudo apt-get install postgresql)');
  return folder;
}
