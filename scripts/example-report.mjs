// `npm run example:report`: sets up what is missing, prepares the example in a folder outside the repository, and runs its report there.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { setup } from './setup.mjs';
import { ensureExample } from './setup/example.mjs';
import { entry } from './setup/run.mjs';

await entry(async () => {
  await setup({ server: true });
  const folder = await ensureExample();
  const env = { ...process.env, HAWSER_EXAMPLE_BUILD: 'no', DATA_FOLDER: process.env.DATA_FOLDER || path.join(folder, '.data') };
  const report = spawn(process.execPath, [path.join(folder, 'build', 'report', 'main.js'), ...process.argv.slice(2)], { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => report.kill(signal));
  process.exitCode = await new Promise((resolve) => {
    report.once('close', (code) => resolve(code ?? 1));
  });
});
