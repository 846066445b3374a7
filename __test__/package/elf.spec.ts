/** What a binary for Linux needs is read from the file. */
import { readdirSync } from 'node:fs';
import * as path from 'node:path';
import { ROOT, runNode } from '../helpers/process';

const BINARY = path.join('binding', readdirSync(path.join(ROOT, 'binding')).find((file) => file.endsWith('.node'))!);

/** What the check says about this machine's binary as one for `cpu` and `libc`. */
async function check(cpu: string, libc: string, glibc: string): Promise<string> {
  const { stdout } = await runNode(`
    import('./scripts/binaries/elf.mjs').then(({ checkBinary }) => {
      try { console.log('ok', checkBinary(${JSON.stringify(BINARY)}, ${JSON.stringify({ cpu, libc })}, '${glibc}').glibc); }
      catch (error) { console.log(error.message); }
    });`);
  return stdout;
}

describe('a binary for glibc', () => {
  const other = process.arch === 'x64' ? 'arm64' : 'x64';

  test('passes for its own processor and a glibc that is as new as it needs', async () => {
    expect(await check(process.arch, 'glibc', '2.99')).toMatch(/^ok 2\.\d+/);
  });

  test.each([
    ['a glibc that is too old', process.arch, 'glibc', '2.4', /it needs glibc 2\.\d+, newer than 2\.4/],
    ['another processor', other, 'glibc', '2.99', /it is for /],
    ['musl', process.arch, 'musl', '2.99', /it needs libc\.so\.6.*it needs glibc/],
  ])('fails for %s', async (_, cpu, libc, glibc, says) => {
    expect(await check(cpu, libc, glibc)).toMatch(says);
  });
});
