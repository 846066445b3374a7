// Provides a Chromium for the tests of what runs in browsers.

import { install, mayInstall } from './apt.mjs';
import { available, say, SetupError } from './run.mjs';

/** Ensures that there is a browser: the one that `HAWSER_TEST_BROWSER` names, or else chromium on the PATH. Installs it if it may. */
export async function ensureBrowser() {
  if (process.env.HAWSER_TEST_BROWSER || available('chromium')) return;
  if (mayInstall()) {
    const output = await install('chromium');
    if (available('chromium')) return;
    say(output);
  }
  throw new SetupError(
    'hawser: these tests drive a real browser, and there is no chromium on the PATH. Install it (Debian: sudo apt-get install chromium)\n' +
      'or name another one that is built on Chromium: HAWSER_TEST_BROWSER=/path/to/chrome',
  );
}
