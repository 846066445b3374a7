// A registry on the loopback interface that has hawser's packages, as far as they are packed, and sends npm elsewhere for all others. With
// it, an installation before the release is the one that users get after it.

import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const isOurs = (name) => /^hawser(-|$)/.test(name);

/** Starts a registry with the tarballs in `folder`, if one is named. Calls `arrived` with the name of each package that is published. */
export async function startRegistry(folder, arrived = () => undefined) {
  const packages = new Map();
  const tarballs = new Map();
  const upstream = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8', shell: process.platform === 'win32' }).trim().replace(/\/$/, '');
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}/`;

  /** Takes a tarball in. */
  const add = (manifest, bytes) => {
    const file = `${manifest.name}-${manifest.version}.tgz`;
    tarballs.set(file, bytes);
    const hash = (name, encoding) => createHash(name).update(bytes).digest(encoding);
    const dist = { tarball: `${url}-/tarballs/${file}`, integrity: `sha512-${hash('sha512', 'base64')}`, shasum: hash('sha1', 'hex') };
    packages.set(manifest.name, { ...packages.get(manifest.name), [manifest.version]: { ...manifest, dist } });
  };

  const json = (response, status, value) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));

  async function answer(request, response) {
    const name = decodeURIComponent(request.url.slice(1).split('?')[0]);
    const tarball = tarballs.get(name.replace('-/tarballs/', ''));
    if (tarball) return response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(tarball);
    if (!isOurs(name)) return response.writeHead(302, { location: upstream + request.url }).end();
    if (request.method === 'PUT') {
      const { versions, _attachments: attachments } = JSON.parse(Buffer.concat(await request.toArray()).toString());
      const [manifest] = Object.values(versions);
      const [{ data }] = Object.values(attachments);
      add(manifest, Buffer.from(data, 'base64'));
      arrived(manifest.name);
      return json(response, 201, { ok: true });
    }
    const versions = packages.get(name);
    if (versions === undefined) return json(response, 404, { error: 'not found' });
    json(response, 200, { name, 'dist-tags': { latest: Object.keys(versions).at(-1) }, versions });
  }

  for (const file of folder === undefined ? [] : readdirSync(folder).filter((name) => name.endsWith('.tgz'))) {
    const tarball = path.join(folder, file);
    add(JSON.parse(execFileSync('tar', ['-xzOf', file, 'package/package.json'], { cwd: folder, encoding: 'utf8' })), readFileSync(tarball));
  }
  return {
    url,
    /** The environment that makes npm use this registry, also to publish. */
    env: { npm_config_registry: url, [`npm_config_//127.0.0.1:${server.address().port}/:_authToken`]: 'anyone' },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

// As a program: prints the environment for npm, then each package that arrives.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { env } = await startRegistry(process.argv[2], (name) => console.log(`published ${name}`));
  console.log(JSON.stringify(env));
}
