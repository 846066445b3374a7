/** The pages in docs/integrations, and what other pages have beside other packages: the code compiles there, runs, and prints what it says. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type * as ts from 'typescript';
import { guide, integrations, programsOf, translated, typeErrors, type PageProgram } from '../docs/pages';
import { ROOT, runNode } from '../helpers/process';
import { HERE, withServer } from './programs';

const context = withServer();
// Next.js has a room of its own.
const pages = integrations.filter((page) => page !== 'docs/integrations/next.md');
const beside = guide.flatMap(programsOf).filter(({ where }) => where === 'beside');
// The packages of this folder have more than one BullMQ.
const programs = [...pages.flatMap(programsOf), ...beside].map((program) => ({ ...program, code: program.code.replaceAll("from 'bullmq'", "from 'bullmq6'") }));
const DECORATORS: ts.CompilerOptions = { experimentalDecorators: true, emitDecoratorMetadata: true };

async function run(program: PageProgram, url: string | undefined): Promise<void> {
  const folder = path.join(HERE, 'node_modules', '.programs');
  const file = path.join(folder, `page-${process.pid}.mjs`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, translated(program, DECORATORS));
  try {
    const { code, stdout, stderr, timedOut } = await runNode(file, { cwd: HERE, env: { REDIS_URL: url }, deadlineMs: 30_000 });
    expect({ code, stderr, timedOut }).toEqual({ code: 0, stderr: '', timedOut: false });
    expect(stdout.split('\n').filter(Boolean)).toEqual(program.prints);
  } finally {
    rmSync(file);
  }
}

test('every page has code that prints something', () => {
  for (const page of pages) expect(programsOf(page).flatMap(({ prints }) => prints).length).toBeGreaterThan(0);
});

test('the code compiles beside the frameworks', () => {
  const typeRoots = [path.join(HERE, 'node_modules', '@types'), path.join(ROOT, 'node_modules', '@types')];
  expect(typeErrors(programs, HERE, { ...DECORATORS, esModuleInterop: true, lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'], typeRoots })).toEqual([]);
}, 60_000);

// Each once: the specs of the frameworks run on servers.
test.each(programs.map((program) => [program.name, program] as const))('%s: runs and prints what it says', async (_, program) => {
  await run(program, program.where === 'anywhere' ? undefined : `redis://127.0.0.1:${context.server.port}`);
});
