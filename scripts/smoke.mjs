// The smoke test of a release on this platform. It installs hawser as an application does and lets it work on `memory://`, and on a server:
// the one that REDIS_URL names, or the redis-server on the PATH.
//
//     node scripts/smoke.mjs --release .cache/release     what `release.mjs pack` has packed, before it is published
//     node scripts/smoke.mjs --version 5.0.0 --verify     what the registry has, after it is published, and its provenance
//     ... --without-server                                where no server runs

import path from 'node:path';
import { parseArgs } from 'node:util';
import { entry, root, say, SetupError } from './setup/run.mjs';
import { withInstalled } from './smoke/project.mjs';
import { withRedis } from './smoke/redis.mjs';
import { smoke } from './smoke/run.mjs';

const { values } = parseArgs({
  options: {
    release: { type: 'string' },
    version: { type: 'string' },
    verify: { type: 'boolean', default: false },
    'without-server': { type: 'boolean', default: false },
  },
});

async function onServer(use) {
  if (values['without-server']) return use(undefined);
  return process.env.REDIS_URL ? use(process.env.REDIS_URL) : withRedis(use);
}

await entry(async () => {
  const { release, version, verify } = values;
  if ((release === undefined) === (version === undefined)) throw new SetupError('usage: node scripts/smoke.mjs --release FOLDER | --version VERSION [--verify]');
  const from = release === undefined ? { version, verify } : { release: path.resolve(root, release) };
  const seen = await withInstalled(from, (project) => onServer((url) => smoke([process.execPath], project, url)));
  for (const [name, result] of Object.entries(seen)) say(`${name.padEnd(20)} ${result}`);
  if (Object.values(seen).some((result) => result !== 'ok' && result !== 'no server')) throw new SetupError(`hawser does not work on ${process.platform} ${process.arch}`);
});
