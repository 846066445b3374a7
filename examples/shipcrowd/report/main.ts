/** `npm run example:report`: measures the backend before and after its migration, and writes text, JSON and a page. Exit code 1: a target is missed. */
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { optionsOf, USAGE, type Options } from './options';
import { pageOf } from './output/page';
import { textOf } from './output/text';
import { measure } from './run';

async function main(): Promise<void> {
  let options: Options | undefined;
  try {
    options = optionsOf(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  if (options === undefined) {
    console.log(USAGE);
    return;
  }
  const report = await measure(options);
  const [text, json] = [textOf(report), `${JSON.stringify(report, null, 2)}\n`];
  mkdirSync(options.out, { recursive: true });
  for (const [name, content] of [['report.txt', text], ['report.json', json], ['report.html', pageOf(report)]]) writeFileSync(path.join(options.out, name), content);
  await new Promise((resolve) => process.stdout.write(options.json ? json : text, resolve));
  console.error(`\n${path.resolve(options.out, 'report.html')}`);
  process.exitCode = report.verdicts.some(({ met }) => met === false) ? 1 : 0;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
void main().then(() => process.exit());
