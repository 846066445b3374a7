// A project that has hawser, installed as an application installs it.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startRegistry } from '../release/registry.mjs';
import { manifest } from '../release/stage.mjs';
import { run, SetupError } from '../setup/run.mjs';

/**
 * Installs hawser and calls `use` with the project's folder. `release` is a folder of packed packages: they come from a registry of their
 * own. Without it, `version` comes from the registry that npm uses; `verify` checks its signature and its provenance. `flags` are for npm.
 */
export async function withInstalled({ release, version = manifest().version, verify = false, flags = [] }, use) {
  const project = mkdtempSync(path.join(tmpdir(), 'hawser-smoke-'));
  const registry = release === undefined ? undefined : await startRegistry(release);
  const npm = async (...args) => {
    const { code, output } = await run('npm', args, { cwd: project, env: registry?.env, quiet: true });
    if (code !== 0) throw new SetupError(`${output}\nnpm ${args.join(' ')} failed`);
  };
  try {
    writeFileSync(path.join(project, 'package.json'), JSON.stringify({ name: 'smoke', version: '1.0.0', private: true, dependencies: { hawser: version } }));
    await npm('install', '--no-audit', '--no-fund', '--prefer-online', '--loglevel=error', ...flags);
    const { version: found } = JSON.parse(readFileSync(path.join(project, 'node_modules', 'hawser', 'package.json'), 'utf8'));
    if (found !== version) throw new SetupError(`npm installed hawser ${found} in place of ${version}`);
    if (verify) await npm('audit', 'signatures');
    return await use(project);
  } finally {
    await registry?.close();
    rmSync(project, { recursive: true, force: true });
  }
}
