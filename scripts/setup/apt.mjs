// Installs packages of Debian's where this may.

import { available, run, say } from './run.mjs';

/** Whether this is root on a machine with apt-get. */
export function mayInstall() {
  return process.getuid?.() === 0 && available('apt-get');
}

/** Installs packages. Returns the output. */
export async function install(...names) {
  say(`hawser: installing ${names.join(', ')} (apt-get install)`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const attempt = () => run('apt-get', ['install', '-y', '--no-install-recommends', ...names], { env, quiet: true });
  const { code, output } = await attempt();
  if (code === 0) return output;
  await run('apt-get', ['update'], { env, quiet: true });
  return (await attempt()).output;
}
