// `npm run demo`: sets up what is missing, then runs the demo with the given arguments.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { setup } from './setup.mjs';
import { entry, root } from './setup/run.mjs';

await entry(async () => {
  await setup();
  // A separate process that shares this terminal: the demo draws a live table if there is one.
  const demo = spawn(process.execPath, [path.join(root, 'examples', 'demo.mjs'), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => demo.kill(signal));
  process.exitCode = await new Promise((resolve) => {
    demo.once('close', (code) => resolve(code ?? 1));
  });
});
